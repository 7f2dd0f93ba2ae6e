"""The flow of patients: how many each rule removed, for both populations of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from gliomics.cohort.populations import POPULATIONS, eligible, population

if TYPE_CHECKING:
    from gliomics.cohort.settings import CohortSettings, Population

EXCLUSIONS: Final[dict[str, str]] = {
    "no_clinical_record": "No clinical source knows the patient.",
    "no_published_features": "The patient is not in the published panel, which this cohort requires.",
    "no_scans": "The patient has no folder of scans, which this cohort requires.",
    "scans_quarantined": "The patient's scans failed a check and are quarantined.",
    "survival_unknown": "Survival is unknown: no vital status, or no usable date.",
    "grade_unknown": "The grade is unknown, and this cohort includes only certain grades.",
    "grade_not_included": "The grade is not among those that this cohort includes.",
}
"""Stable code and sentence of every reason for exclusion, in the order in which they apply."""

FLOW_COLUMNS: Final = ("population", "step", "rule", "sentence", "removed", "remaining")

Step = tuple[str, str, int, int]


def describe_flow(cohort: pd.DataFrame, settings: CohortSettings) -> pd.DataFrame:
    """Count the patients that each rule removed, and the labels of those who remain.

    Parameters
    ----------
    cohort : pandas.DataFrame
        With ``exclusion_reason``, ``chemotherapy`` and ``benefit``.
    settings : CohortSettings
        Says which rules apply.

    Returns
    -------
    pandas.DataFrame
        Columns `FLOW_COLUMNS`, one row a population and step: ``known`` (all subjects of any input), each
        reason for exclusion that applies, for ``treated`` also ``treatment_unknown`` and ``not_treated``,
        then ``eligible``, and the counts ``label_long``, ``label_short``, ``label_censored``, which remove
        nobody: their ``remaining`` adds up to the eligible.
    """
    rows = [
        (name, number, *step)
        for name in POPULATIONS
        for number, step in enumerate(_steps(cohort, settings, name))
    ]
    return pd.DataFrame(rows, columns=list(FLOW_COLUMNS))


def _steps(cohort: pd.DataFrame, settings: CohortSettings, name: Population) -> list[Step]:
    remaining = len(cohort)
    steps: list[Step] = [("known", "Subjects known from any input.", 0, remaining)]
    removals = [
        (code, EXCLUSIONS[code], int((cohort["exclusion_reason"] == code).sum()))
        for code in _codes_in_force(settings)
    ]
    if name == "treated":
        removals += _treatment_removals(cohort)
    for code, sentence, removed in removals:
        remaining -= removed
        steps.append((code, sentence, removed, remaining))
    return [*steps, *_label_counts(population(cohort, name), settings.label.cutoff_days)]


def _codes_in_force(settings: CohortSettings) -> list[str]:
    idle = (
        {"no_scans", "scans_quarantined"}
        if settings.requires == "published_features"
        else {"no_published_features"}
    )
    if settings.label.grades is None:
        idle |= {"grade_unknown", "grade_not_included"}
    return [code for code in EXCLUSIONS if code not in idle]


def _treatment_removals(cohort: pd.DataFrame) -> list[tuple[str, str, int]]:
    given = eligible(cohort)["chemotherapy"]
    return [
        ("treatment_unknown", "Whether chemotherapy was given is unknown.", int(given.isna().sum())),
        ("not_treated", "Chemotherapy was not given.", int((~given.dropna().astype(bool)).sum())),
    ]


def _label_counts(rows: pd.DataFrame, cutoff_days: float) -> list[Step]:
    n = len(rows)
    long, short = int((rows["benefit"] == 1).sum()), int((rows["benefit"] == 0).sum())
    censored = int(rows["benefit"].isna().sum())
    return [
        ("eligible", "Eligible; folds cover all of them.", 0, n),
        ("label_long", f"Alive at {cutoff_days:g} days: label 1.", 0, long),
        ("label_short", f"Died before {cutoff_days:g} days: label 0.", 0, short),
        ("label_censored", f"Follow-up ended before {cutoff_days:g} days: censored, no label.", 0, censored),
    ]
