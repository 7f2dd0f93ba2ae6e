"""CLEAR, METRICS and TRIPOD+AI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.section import Block, Folded, Paragraph, Section, Table

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults

WORDS = {"yes": "yes", "no": "no", "open": "for the author", "n/a": "does not apply"}
NOTE = (
    "“Yes” only where this run has the evidence beside it. “For the author” is open: a person must answer. "
    "Item texts are shortened; the published checklists have the whole."
)


def build(run: RunResults) -> Section | None:
    """Build the section; None when no checklist was filled."""
    if run.checklist is None:
        return None
    blocks: list[Block] = [Paragraph(NOTE, "note")]
    for name, part in run.checklist.groupby("checklist", sort=False):
        counts = part["answer"].value_counts()
        counted = ", ".join(f"{counts[key]} {words}" for key, words in WORDS.items() if key in counts)
        rows = tuple(
            (str(row["item"]), str(row["text"]), WORDS[str(row["answer"])], str(row["evidence"]))
            for row in part.to_dict(orient="records")
        )
        table = Table(
            f"{name}: {counted}.",
            ("Item", "", "Answer", "Evidence or what is missing"),
            rows,
            text_columns=(1, 3),
        )
        blocks.append(Folded(f"{name}, {len(part)} items: {counted}", (table,)))
    return Section("checklists", "Checklists", tuple(blocks))
