"""What was asked, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cohort.clinical_rules import label_warnings
from gliomics.reporting.section import Block, Items, Paragraph, Section
from gliomics.reporting.verdict import question, verdict

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults

TERMS = ("Skill", "Comparison", "Controls")


def build(run: RunResults) -> Section:
    """Build the section; it is always there."""
    lines = verdict(run)
    terms = TERMS if len(lines) == len(TERMS) else ("",) * len(lines)
    blocks: list[Block] = [Paragraph(question(run), "lead"), Items(tuple(zip(terms, lines, strict=True)))]
    if run.clinical_findings is not None:
        blocks += [Paragraph(text, "warning") for text in label_warnings(run.clinical_findings)]
    blocks += [Paragraph(f"{line}.", "warning") for line in run.not_learned]
    molecular = run.facts["arms"].get("clinical_molecular")
    if molecular is not None and molecular["status"] != "evaluated":
        note = f"No molecular arm: {molecular['reason']}."
        if run.has_lower_grade_glioma:
            note += " Gliomas below grade 4 may be IDH-wildtype."
        blocks.append(Paragraph(note, "note"))
    return Section("verdict", "Question and verdict", tuple(blocks))
