"""Several clinical sources brought to one row a patient, each group of fields from the preferred one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from gliomics.cohort.readers.source_rows import MOLECULAR_FIELDS
from gliomics.cohort.tidy_records import RECORD_DTYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gliomics.cohort.clinical_rules import FindingsLog
    from gliomics.cohort.readers.source_rows import FieldGroup
    from gliomics.cohort.settings import ClinicalSettings

FIELDS_OF_GROUP: Final[dict[FieldGroup, tuple[str, ...]]] = {
    "survival": ("os_days", "death_observed"),
    "treatment": ("chemotherapy", "radiotherapy"),
    "demographics": ("age_years", "sex"),
    "grade": ("grade",),
    "molecular": MOLECULAR_FIELDS,
}


def combine_sources(records: pd.DataFrame, settings: ClinicalSettings) -> pd.DataFrame:
    """Take each field from the first source, in order of preference, that knows it.

    Survival is one pair: its day and its event always come from the same source. Other fields are chosen
    one by one.

    Parameters
    ----------
    records : pandas.DataFrame
        Tidy records, one row a patient and source (`RECORD_DTYPES`).
    settings : ClinicalSettings
        The order of preference.

    Returns
    -------
    pandas.DataFrame
        One row a patient of any source, sorted by ``subject_id``: the fields, without ``source``. Optional
        columns without a single value are left out.
    """
    subjects = pd.Index(sorted(set(records["subject_id"])), name="subject_id", dtype="object")
    combined = pd.DataFrame(index=subjects)
    for group, fields in FIELDS_OF_GROUP.items():
        units: Iterable[tuple[str, ...]] = [fields] if group == "survival" else [(name,) for name in fields]
        for unit in units:
            taken, _ = _take(records, unit, settings.preference(group), subjects)
            combined = combined.join(taken)
    empty = [name for name in MOLECULAR_FIELDS if combined[name].isna().all()]
    return combined.drop(columns=empty).reset_index()


def log_combination(records: pd.DataFrame, settings: ClinicalSettings, log: FindingsLog) -> None:
    """Count what combining did: sources without a patient, survival from a later source, mixed sources."""
    subjects = pd.Index(sorted(set(records["subject_id"])), name="subject_id", dtype="object")
    for source in settings.sources:
        if settings.groups_of(source):
            own = records.loc[records["source"] == source, "subject_id"]
            log.add(source, "not_in_source", set(subjects) - set(own))
    origins = pd.DataFrame(
        {
            name: _take(records, (name,), settings.preference(group), subjects)[1]
            for group, fields in FIELDS_OF_GROUP.items()
            for name in fields
        }
    )
    survival = origins["os_days"]
    for source in settings.survival[1:]:
        log.add(source, "survival_from_later_source", survival.index[survival == source])
    others = origins.drop(columns=["os_days", "death_observed"])
    mixed = others.notna() & others.ne(survival, axis=0)
    log.add("combined", "fields_from_several_sources", subjects[mixed.any(axis=1) & survival.notna()])


def _take(
    records: pd.DataFrame, fields: tuple[str, ...], sources: Iterable[str], subjects: pd.Index[str]
) -> tuple[pd.DataFrame, pd.Series[str]]:
    """Take some fields together from the first source that knows all of them; also say from which."""
    taken = pd.DataFrame(index=subjects, columns=list(fields)).astype(
        {name: RECORD_DTYPES[name] for name in fields}
    )
    origin = pd.Series(None, index=subjects, dtype="object")
    for source in sources:
        own = records[records["source"] == source].set_index("subject_id")[list(fields)].reindex(subjects)
        fill = (origin.isna() & own.notna().all(axis=1)).to_numpy()
        taken.loc[fill] = own.loc[fill]
        origin.loc[fill] = source
    return taken, origin
