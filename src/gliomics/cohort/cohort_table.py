"""The cohort: who is in it, which label they have, and why anybody is excluded (PROTOCOL 1).

The label is survival of at least the cut-off (24 months unless set), a surrogate for chemotherapy benefit: in
patients who were all treated it cannot show benefit, and the clock starts at diagnosis, before the treatment
(immortal time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd

from gliomics.cohort.cohort_flow import EXCLUSIONS, describe_flow
from gliomics.cohort.readers.source_rows import MOLECULAR_FIELDS
from gliomics.cohort.source_preference import combine_sources
from gliomics.errors import ClinicalDataError

if TYPE_CHECKING:
    from collections.abc import Collection

    from gliomics.cohort.settings import CohortSettings, LabelSettings

COHORT_COLUMNS: Final = (
    "subject_id",
    "age_years",
    "sex",
    "grade",
    "chemotherapy",
    "radiotherapy",
    "os_days",
    "death_observed",
    "benefit",
    "exclusion_reason",
)
"""Columns that every cohort has; optional ones (`MOLECULAR_FIELDS`) follow where they exist."""


class CohortTable(NamedTuple):
    """A cohort and how it came about.

    Attributes
    ----------
    cohort : pandas.DataFrame
        One row a subject known from any input, sorted by ``subject_id``: `COHORT_COLUMNS` and the optional
        columns that exist. ``exclusion_reason`` is missing for the eligible.
    flow : pandas.DataFrame
        How many patients each rule removed, see `gliomics.cohort.cohort_flow.describe_flow`.
    """

    cohort: pd.DataFrame
    flow: pd.DataFrame


def build_cohort(
    records: pd.DataFrame,
    *,
    scan_outcomes: pd.DataFrame | None,
    panel_subjects: Collection[str] | None,
    settings: CohortSettings,
) -> CohortTable:
    """Join what is known of each subject, label the survival and decide who is eligible.

    Parameters
    ----------
    records : pandas.DataFrame
        Tidy clinical records (`gliomics.cohort.clinical.ClinicalRecords.table`).
    scan_outcomes : pandas.DataFrame or None
        Columns ``subject_id``, ``status`` (processed, skipped, failed), ``reason``; None: no scans.
    panel_subjects : collection of str or None
        Normalised ids of the patients in the published panel; None: no panel.
    settings : CohortSettings
        Order of sources, label and what a patient must have.

    Returns
    -------
    CohortTable
        The cohort and its flow. Treatment excludes nobody here: it makes the population ``treated``.

    Raises
    ------
    ClinicalDataError
        If two rows of the scan outcomes are about one subject.
    """
    combined = combine_sources(records, settings.clinical).set_index("subject_id")
    scans = _scan_status(scan_outcomes)
    panel = set(panel_subjects or ())
    subjects = pd.Index(sorted({*combined.index, *scans.index, *panel}), name="subject_id", dtype="object")
    cohort = combined.reindex(subjects)
    cohort["benefit"] = label_survival(cohort, settings.label)
    has_record = pd.Series(subjects.isin(combined.index), index=subjects)
    has_panel = pd.Series(subjects.isin(panel), index=subjects)
    cohort["exclusion_reason"] = _exclusions(cohort, has_record, has_panel, scans.reindex(subjects), settings)
    optional = [name for name in MOLECULAR_FIELDS if name in cohort.columns]
    cohort = cohort.reset_index()[[*COHORT_COLUMNS, *optional]]
    return CohortTable(cohort=cohort, flow=describe_flow(cohort, settings))


def label_survival(cohort: pd.DataFrame, label: LabelSettings) -> pd.Series[int]:
    """Label survival at the cut-off.

    1 if survival is at least the cut-off, dead later or alive; 0 if death was observed before it. Alive with
    a shorter follow-up is censored: no label, never taken for short survival.

    Parameters
    ----------
    cohort : pandas.DataFrame
        Columns ``os_days`` and ``death_observed``, missing where survival is unknown.
    label : LabelSettings
        The cut-off, in days.

    Returns
    -------
    pandas.Series
        ``Int64``, 1, 0 or missing, on the cohort's index.
    """
    benefit = pd.Series(pd.NA, index=cohort.index, dtype="Int64", name="benefit")
    known = cohort["os_days"].notna() & cohort["death_observed"].notna()
    reached = known & (cohort["os_days"] >= label.cutoff_days)
    benefit[reached] = 1
    benefit[known & ~reached & cohort["death_observed"].fillna(value=False).astype(bool)] = 0
    return benefit


def _scan_status(scan_outcomes: pd.DataFrame | None) -> pd.Series[str]:
    if scan_outcomes is None:
        return pd.Series([], index=pd.Index([], dtype="object"), dtype="object")
    twice = scan_outcomes["subject_id"].duplicated()
    if twice.any():
        raise ClinicalDataError(
            where="outcomes of the scans",
            expected="each subject must have one outcome",
            got=f"several for {', '.join(sorted(set(scan_outcomes.loc[twice, 'subject_id'])))}",
            fix="Two folders are about one patient: keep one of them.",
        )
    return scan_outcomes.set_index("subject_id")["status"].astype("object")


def _exclusions(
    cohort: pd.DataFrame,
    has_record: pd.Series[bool],
    has_panel: pd.Series[bool],
    scan_status: pd.Series[str],
    settings: CohortSettings,
) -> pd.Series[str]:
    """Give each subject the first reason that applies, in the order of `EXCLUSIONS`."""
    applies = {"no_clinical_record": ~has_record, "survival_unknown": cohort["os_days"].isna()}
    if settings.requires == "published_features":
        applies["no_published_features"] = ~has_panel
    else:
        applies["no_scans"] = ~scan_status.isin(["processed", "failed"])
        applies["scans_quarantined"] = scan_status == "failed"
    if settings.label.grades is not None:
        applies["grade_unknown"] = cohort["grade"].isna()
        applies["grade_not_included"] = ~cohort["grade"].isin(list(settings.label.grades))
    reason = pd.Series(pd.NA, index=cohort.index, dtype="string", name="exclusion_reason")
    for code in EXCLUSIONS:
        if code in applies:
            reason[reason.isna() & applies[code].astype(bool)] = code
    return reason
