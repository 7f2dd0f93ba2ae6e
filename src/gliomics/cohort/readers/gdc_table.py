"""Reader of GDC clinical tables: TCGAbiolinks exports (CSV, TSV) and the portal's ``clinical.tsv``.

TCGAbiolinks has a row a patient with a column a treatment; the portal has several rows a patient, with pairs
``treatment_type`` and ``treatment_or_therapy``, and may put the entity before a column's name
(``demographic.vital_status``). Both are found by name, so one reader serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cohort.missing_values import is_missing
from gliomics.cohort.readers.source_rows import (
    FIELD_GROUPS,
    ClinicalReader,
    SourceRow,
    unusable_source,
)
from gliomics.cohort.readers.table_columns import (
    find_columns,
    find_molecular_columns,
    molecular_texts,
    read_text_table,
    text_rows,
)
from gliomics.cohort.readers.treatments import treatment_fields

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gliomics.cohort.readers.source_rows import FieldGroup, Wanted

ID_NAMES = (
    "submitter_id",
    "cases_submitter_id",
    "case_submitter_id",
    "bcr_patient_barcode",
    "patient_id",
    "subject_id",
)
PREFIXES = (
    "",
    "demographic_",
    "diagnoses_",
    "treatments_",
    "follow_ups_",
    "cases_",
    "cases_demographic_",
    "cases_diagnoses_",
    "cases_diagnoses_treatments_",
    "diagnoses_treatments_",
    "cases_follow_ups_",
)
FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "vital_status": ("vital_status",),
    "days_to_death": ("days_to_death",),
    "days_to_follow_up": ("days_to_last_follow_up", "days_to_last_followup", "days_to_follow_up"),
    "age_days": ("age_at_diagnosis",),
    "age_years": ("age_at_index", "age_years"),
    "sex": ("gender", "sex", "sex_at_birth"),
    "grade": ("tumor_grade", "who_cns_grade", "grade"),
    "chemotherapy": (
        "treatments_pharmaceutical_treatment_or_therapy",
        "pharmaceutical_treatment_or_therapy",
        "chemotherapy",
    ),
    "radiotherapy": (
        "treatments_radiation_treatment_or_therapy",
        "radiation_treatment_or_therapy",
        "radiotherapy",
    ),
    "treatment_type": ("treatment_type",),
    "treatment_or_therapy": ("treatment_or_therapy",),
    "is_primary": ("diagnosis_is_primary_disease",),
}
NEEDS: dict[FieldGroup, tuple[tuple[str, ...], ...]] = {
    "survival": (("vital_status",), ("days_to_death",), ("days_to_follow_up",)),
    "treatment": (("chemotherapy", "treatment_type"), ("chemotherapy", "treatment_or_therapy")),
    "demographics": (("age_days", "age_years", "sex"),),
    "grade": (("grade",),),
}
"""For each group of fields what the table must have: one of each inner tuple."""
DIAGNOSIS_FIELDS = frozenset({"age_days", "grade"})
_FIX = "Export the table again with them, or take these fields from another source."

Columns = dict[str, tuple[str, ...]]


def read_gdc_table(path: Path, where: str, wanted: Wanted) -> list[SourceRow]:
    """Read a GDC clinical table.

    Parameters
    ----------
    path : Path
        A ``.csv`` (commas) or ``.tsv`` (tabs).
    where : str
        Name of the source, for errors.
    wanted : Wanted
        Groups of fields whose columns must be there.

    Returns
    -------
    list of SourceRow
        One element a row.

    Raises
    ------
    ClinicalDataError
        If the table cannot be read, or a needed column is absent.
    """
    table = read_text_table(path, where)
    ids = require_id_columns(table.columns, where)
    fields = {name: find_columns(table.columns, names, PREFIXES) for name, names in FIELD_NAMES.items()}
    for group in sorted(wanted.groups):
        for alternatives in NEEDS.get(group, ()):
            if not any(fields[name] for name in alternatives):
                names = " or ".join(FIELD_NAMES[name][0] for name in alternatives)
                raise unusable_source(where, f"{group} needs the column {names}", table.columns, _FIX)
    molecular = find_molecular_columns(table.columns)
    return [_read_row(row, ids, fields, molecular) for row in text_rows(table)]


def require_id_columns(columns: Iterable[str], where: str) -> tuple[str, ...]:
    """Find the columns that may hold the patient's id, the preferred one first.

    Raises
    ------
    ClinicalDataError
        If there is none.
    """
    listed = list(columns)
    ids = find_columns(listed, ID_NAMES)
    if not ids:
        raise unusable_source(
            where,
            f"the table must have an id column ({', '.join(ID_NAMES)})",
            listed,
            "Name the column of the patient's id so; if all columns stand in one, the ending (.csv, .tsv) "
            "does not fit the separator.",
        )
    return ids


def first_known(row: dict[str, str], columns: tuple[str, ...]) -> str:
    """Give the first text of some columns that is not missing; empty where all are."""
    return next((row[column].strip() for column in columns if not is_missing(row[column])), "")


def _read_row(row: dict[str, str], ids: tuple[str, ...], fields: Columns, molecular: Columns) -> SourceRow:
    texts = molecular_texts(row, molecular)
    other_diagnosis = first_known(row, fields["is_primary"]).lower() in {"false", "no"}
    for name in FIELD_NAMES:
        if name in {"treatment_type", "treatment_or_therapy", "is_primary"} or not fields[name]:
            continue
        skipped = other_diagnosis and name in DIAGNOSIS_FIELDS
        texts[name] = () if skipped else tuple(row[column] for column in fields[name])
    answer = first_known(row, fields["treatment_or_therapy"])
    for name in treatment_fields(first_known(row, fields["treatment_type"])):
        texts[name] = (*texts.get(name, ()), answer)
    return SourceRow(subject_id=first_known(row, ids), texts=texts, several_diagnoses=other_diagnosis)


GDC_TABLE = ClinicalReader(read_gdc_table, frozenset(FIELD_GROUPS))
