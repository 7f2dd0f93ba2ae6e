"""One record a patient from the rows of one clinical source, whatever their order."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pandas as pd

from gliomics.cohort.field_values import READERS
from gliomics.cohort.missing_values import is_missing
from gliomics.cohort.readers.source_rows import MOLECULAR_FIELDS, SourceRow
from gliomics.cohort.subject_ids import normalise_subject_id
from gliomics.cohort.survival_rules import decide_survival

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gliomics.cohort.clinical_rules import FindingsLog
    from gliomics.cohort.field_values import Value

DAYS_PER_YEAR: Final = 365.25
MAX_AGE_YEARS: Final = 120.0
RECORD_DTYPES: Final = {
    "subject_id": "object",
    "source": "object",
    "age_years": "float64",
    "sex": "string",
    "grade": "Int64",
    "chemotherapy": "boolean",
    "radiotherapy": "boolean",
    "os_days": "float64",
    "death_observed": "boolean",
    **{name: "float64" if name == "kps" else "string" for name in MOLECULAR_FIELDS},
}
"""Columns of the tidy records and their types."""

_LARGEST = frozenset({"vital_status", "days_to_death", "days_to_follow_up", "chemotherapy", "radiotherapy"})
_SMALLEST = frozenset({"age_days", "age_years", "grade"})
_MAY_DIFFER = frozenset({"days_to_follow_up", "chemotherapy", "radiotherapy"})
_COUNTED_MISSING = ("age_years", "sex", "grade", "chemotherapy", "radiotherapy", *MOLECULAR_FIELDS)


def tidy_source(
    source: str, rows: Sequence[SourceRow], log: FindingsLog, *, survival: bool = True
) -> pd.DataFrame:
    """Merge the rows of a source into one record a patient and write down which rules acted.

    Parameters
    ----------
    source : str
        Name of the source.
    rows : sequence of SourceRow
        As the reader found them; their order does not matter.
    log : FindingsLog
        Takes the findings.
    survival : bool
        Whether survival is to be read from this source; if not, its survival is missing and uncounted.

    Returns
    -------
    pandas.DataFrame
        Columns and types `RECORD_DTYPES`, sorted by ``subject_id``. ``os_days`` and ``death_observed`` are
        both known or both missing.
    """
    by_subject = _group(source, rows, log)
    offered = {name for row in rows for name, texts in row.texts.items() if texts}
    records = []
    for subject_id, own in sorted(by_subject.items()):
        values = _merge(source, subject_id, own, log)
        record = _record(source, subject_id, values, log)
        if survival:
            record |= _survival(source, subject_id, values, log)
        records.append(record)
    _count_missing(source, records, offered, log)
    table = pd.DataFrame(records, columns=list(RECORD_DTYPES))
    return table.astype(RECORD_DTYPES)


def _group(source: str, rows: Iterable[SourceRow], log: FindingsLog) -> dict[str, list[SourceRow]]:
    by_subject: dict[str, list[SourceRow]] = defaultdict(list)
    for row in rows:
        if is_missing(row.subject_id):
            log.add_rows(source, "row_without_id", 1)
            continue
        subject_id = normalise_subject_id(row.subject_id)
        if subject_id != row.subject_id.strip():
            log.add(source, "id_respelled", [subject_id])
        by_subject[subject_id].append(row)
    log.add(source, "several_rows", [name for name, own in by_subject.items() if len(own) > 1])
    chosen = [name for name, own in by_subject.items() if any(row.several_diagnoses for row in own)]
    log.add(source, "several_diagnoses", chosen)
    return by_subject


def _merge(source: str, subject_id: str, rows: Iterable[SourceRow], log: FindingsLog) -> dict[str, Value]:
    """Bring all texts of a patient to one value a field; a field without a value is absent."""
    texts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for name, found in row.texts.items():
            texts[name] |= {text for text in found if not is_missing(text)}
    merged: dict[str, Value] = {}
    for name, known in texts.items():
        read = {READERS[name](text) for text in known}
        if None in read:
            log.add(source, "unreadable_value", [subject_id], field=name)
        values = {value for value in read if value is not None}
        if len(values) > 1 and name not in _MAY_DIFFER:
            log.add(source, "conflicting_values", [subject_id], field=name)
        if len(values) > 1 and name in {"chemotherapy", "radiotherapy"}:
            log.add(source, "treatment_yes_and_no", [subject_id], field=name)
        value = _reduce(name, values)
        if value is not None:
            merged[name] = value
    return merged


def _reduce(name: str, values: set[Value]) -> Value | None:
    if name in _LARGEST:
        return max(values, default=None)
    if name in _SMALLEST:
        return min(values, default=None)
    return next(iter(values)) if len(values) == 1 else None


def _record(source: str, subject_id: str, values: dict[str, Value], log: FindingsLog) -> dict[str, object]:
    record: dict[str, object] = dict.fromkeys(RECORD_DTYPES)
    record |= {"subject_id": subject_id, "source": source}
    record |= {name: value for name, value in values.items() if name in RECORD_DTYPES}
    if "age_days" in values:
        record["age_years"] = float(values["age_days"]) / DAYS_PER_YEAR
    age = record["age_years"]
    if isinstance(age, float) and not 0 <= age <= MAX_AGE_YEARS:
        log.add(source, "age_out_of_range", [subject_id], field="age_years")
        record["age_years"] = None
    return record


def _survival(source: str, subject_id: str, values: dict[str, Value], log: FindingsLog) -> dict[str, object]:
    dead, death, follow_up = (
        values.get(name) for name in ("vital_status", "days_to_death", "days_to_follow_up")
    )
    decided = decide_survival(
        dead=None if dead is None else bool(dead),
        days_to_death=None if death is None else float(death),
        days_to_follow_up=None if follow_up is None else float(follow_up),
    )
    for rule in decided.rules:
        log.add(source, rule, [subject_id])
    return {"os_days": decided.os_days, "death_observed": decided.death_observed}


def _count_missing(
    source: str, records: Iterable[dict[str, object]], offered: set[str], log: FindingsLog
) -> None:
    """Count the patients without a value, field by field, for the fields that the source has."""
    if "age_days" in offered:
        offered = offered | {"age_years"}
    listed = list(records)
    for name in _COUNTED_MISSING:
        if name in offered:
            log.add(
                source, "missing_value", [str(r["subject_id"]) for r in listed if r[name] is None], field=name
            )
