"""What was asked, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.explanation.report.section import Block, Items, Paragraph, Section
from gliomics.explanation.verdict import question, verdict

if TYPE_CHECKING:
    from gliomics.explanation.run_results import RunResults

TERMS = ("Skill", "Comparison", "Controls")


def build(run: RunResults) -> Section:
    """Build the section; it is always there."""
    lines = verdict(run)
    terms = TERMS if len(lines) == len(TERMS) else ("",) * len(lines)
    blocks: list[Block] = [Paragraph(question(run), "lead"), Items(tuple(zip(terms, lines, strict=True)))]
    blocks += [Paragraph(f"{line}.", "warning") for line in run.not_learned]
    molecular = run.facts["arms"].get("clinical_molecular")
    if molecular is not None and molecular["status"] != "evaluated":
        note = f"No molecular arm: {molecular['reason']}. A low-grade cohort may hold IDH-wildtype tumours."
        blocks.append(Paragraph(note, "note"))
    return Section("verdict", "Question and verdict", tuple(blocks))
