"""Reader of the TCGA Pan-Cancer Clinical Data Resource (TCGA-CDR), sheet ``TCGA-CDR`` of its workbook.

``OS`` is 1 for a death and 0 for a censoring, ``OS.time`` counts days from the initial diagnosis.

References
----------
.. [1] Liu et al., An Integrated TCGA Pan-Cancer Clinical Data Resource, Cell 173 (2018), Table S1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from python_calamine import CalamineError

from gliomics.cohort.missing_values import as_text
from gliomics.cohort.readers.source_rows import ClinicalReader, SourceRow, unusable_source
from gliomics.cohort.readers.table_columns import find_molecular_columns, molecular_texts, text_rows

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from gliomics.cohort.readers.source_rows import FieldGroup, Wanted

SHEET = "TCGA-CDR"
ID_COLUMN = "bcr_patient_barcode"
DISEASE_COLUMN = "type"
AGE_COLUMN = "age_at_initial_pathologic_diagnosis"
COLUMNS_OF_GROUP: dict[FieldGroup, tuple[str, ...]] = {
    "survival": ("OS", "OS.time"),
    "demographics": (AGE_COLUMN, "gender"),
    "grade": ("histological_grade",),
}
_FIX = "Take Table S1 of Liu et al. (Cell 2018) as published, and check the path."


def read_tcga_cdr(path: Path, where: str, wanted: Wanted) -> list[SourceRow]:
    """Read the rows of some diseases from the TCGA-CDR workbook.

    Parameters
    ----------
    path : Path
        The workbook (xlsx).
    where : str
        Name of the source, for errors.
    wanted : Wanted
        Groups of fields whose columns must be there; diseases are values of the column ``type``.

    Returns
    -------
    list of SourceRow
        One element a row.

    Raises
    ------
    ClinicalDataError
        If workbook, sheet or a needed column is absent, or if no row has one of the diseases.
    """
    table = _read_sheet(path, where)
    diseases = wanted.diseases
    _require_columns(table, where, wanted.groups, filtered=diseases is not None)
    if diseases is not None:
        kept = table[table[DISEASE_COLUMN].isin(diseases)]
        if kept.empty:
            found = ", ".join(sorted(set(table[DISEASE_COLUMN])))
            raise unusable_source(
                where,
                f"some row must have the type {' or '.join(diseases)}",
                f"the types {found}",
                "Choose diseases among these types.",
            )
        table = kept
    molecular = find_molecular_columns(table.columns)
    return [_read_row(row, molecular) for row in text_rows(table)]


def _read_sheet(path: Path, where: str) -> pd.DataFrame:
    try:
        with pd.ExcelFile(path, engine="calamine") as workbook:
            if SHEET not in workbook.sheet_names:
                raise unusable_source(
                    where,
                    f"the workbook must have the sheet {SHEET}",
                    f"the sheets {', '.join(map(str, workbook.sheet_names))}",
                    _FIX,
                )
            table = workbook.parse(SHEET, dtype=object, keep_default_na=False)
    except (OSError, ValueError, CalamineError) as err:
        raise unusable_source(
            where, "the workbook must be readable", f"{type(err).__name__}: {err}", _FIX
        ) from err
    return table.map(as_text).rename(columns=str)


def _require_columns(
    table: pd.DataFrame, where: str, groups: Collection[FieldGroup], *, filtered: bool
) -> None:
    needed = [ID_COLUMN] + [DISEASE_COLUMN] * filtered
    needed += [column for group in sorted(groups) for column in COLUMNS_OF_GROUP.get(group, ())]
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise unusable_source(where, f"the sheet must have {', '.join(missing)}", table.columns, _FIX)


def _read_row(row: dict[str, str], molecular: dict[str, tuple[str, ...]]) -> SourceRow:
    texts = molecular_texts(row, molecular)
    for name, column in (("age_years", AGE_COLUMN), ("sex", "gender"), ("grade", "histological_grade")):
        if column in row:
            texts[name] = (row[column],)
    if "OS" in row and "OS.time" in row:
        event = row["OS"].removesuffix(".0")
        texts["vital_status"] = ({"1": "dead", "0": "alive"}.get(event, row["OS"]),)
        texts["days_to_death" if event == "1" else "days_to_follow_up"] = (row["OS.time"],)
    return SourceRow(subject_id=row[ID_COLUMN], texts=texts)


TCGA_CDR = ClinicalReader(
    read_tcga_cdr, frozenset({"survival", "demographics", "grade", "molecular"}), says_disease=True
)
