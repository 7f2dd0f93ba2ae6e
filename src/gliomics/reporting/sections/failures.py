"""Cases that a stage could not use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.section import Folded, Paragraph, Section, Table

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.reporting.run_results import RunResults

STATUSES = ("processed", "skipped", "failed")
SHOWN = 12


def build(run: RunResults) -> Section | None:
    """Build the section; None for a table."""
    outcomes = run.case_outcomes
    if outcomes is None:
        return None
    if outcomes.empty:
        return Section(
            "failures", "Failures", (Paragraph("No stage worked case by case: there are no scans."),)
        )
    wrong = outcomes[outcomes["status"] != "processed"].drop_duplicates("subject_id")
    rows = tuple(
        (str(row["subject_id"]), str(row["stage"]), str(row["status"]), str(row["reason"]))
        for row in wrong.to_dict(orient="records")
    )
    table = Table(
        f"{len(rows)} of {outcomes['subject_id'].nunique()} cases that a stage could not use, at the first "
        "stage that said so. None is dropped silently.",
        ("Case", "Stage", "Outcome", "Reason"),
        rows,
        text_columns=(3,),
    )
    if not rows:
        return Section(
            "failures", "Failures", (_counts(outcomes), Paragraph("Every case with scans was processed."))
        )
    shown = table if len(rows) <= SHOWN else Folded(f"All {len(rows)} cases", (table,))
    return Section("failures", "Failures and quarantined cases", (_counts(outcomes), shown))


def _counts(outcomes: pd.DataFrame) -> Table:
    counted = outcomes.groupby(["stage", "status"], sort=False).size()
    rows = tuple(
        (stage, *(str(counted.get((stage, status), 0)) for status in STATUSES))
        for stage in dict.fromkeys(outcomes["stage"])
    )
    return Table("Cases by stage and outcome.", ("Stage", *(s.capitalize() for s in STATUSES)), rows)
