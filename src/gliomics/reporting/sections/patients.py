"""Who is in: the flow, and what the patients were like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cohort.populations import population
from gliomics.reporting.figures.cohort_flow import draw_cohort_flow
from gliomics.reporting.section import Block, Section, Table, figures_beside

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.reporting.run_results import RunResults

GROUPS = (("long", 1), ("short", 0), ("censored", None))


def build(run: RunResults) -> Section | None:
    """Build the section; None for a table."""
    blocks: list[Block] = list(figures_beside(draw_cohort_flow(run)))
    if run.cohort is not None:
        blocks.append(_baseline(run, run.cohort))
    return Section("patients", "Patients", tuple(blocks)) if blocks else None


def _baseline(run: RunResults, cohort: pd.DataFrame) -> Table:
    rows = population(cohort, run.primary)
    parts = [
        rows[rows["benefit"].isna() if label is None else rows["benefit"] == label] for _, label in GROUPS
    ]
    lines = [
        ("Patients", *(str(len(part)) for part in parts)),
        ("Age, years: median (range)", *(_range(part["age_years"]) for part in parts)),
        ("Female", *(_share(part["sex"] == "female", part["sex"]) for part in parts)),
    ]
    lines += [
        (f"Grade {grade}", *(_share(part["grade"] == grade, part["grade"]) for part in parts))
        for grade in sorted(rows["grade"].dropna().unique())
    ]
    lines += [
        ("Chemotherapy", *(_share(part["chemotherapy"], part["chemotherapy"]) for part in parts)),
        ("Radiotherapy", *(_share(part["radiotherapy"], part["radiotherapy"]) for part in parts)),
        ("Follow-up, days: median (range)", *(_range(part["os_days"]) for part in parts)),
    ]
    return Table(
        f"Baseline of the {len(rows)} eligible patients, population “{run.primary}”; shares are of the "
        "known.",
        ("", *(name.capitalize() for name, _ in GROUPS)),
        tuple(lines),
    )


def _range(values: pd.Series[float]) -> str:
    known = values.dropna()
    if known.empty:
        return "unknown"
    return f"{known.median():.0f} ({known.min():.0f} to {known.max():.0f})"


def _share(true: pd.Series[bool], known: pd.Series[bool]) -> str:
    n = int(known.notna().sum())
    return f"{int(true.fillna(value=False).astype(bool).sum())} of {n}" if n else "unknown"
