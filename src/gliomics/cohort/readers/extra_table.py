"""Reader of a table of molecular columns beside the clinical sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cohort.readers.gdc_table import first_known, require_id_columns
from gliomics.cohort.readers.source_rows import MOLECULAR_FIELDS, ClinicalReader, SourceRow, unusable_source
from gliomics.cohort.readers.table_columns import (
    find_molecular_columns,
    molecular_texts,
    read_text_table,
    text_rows,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.cohort.readers.source_rows import Wanted


def read_extra_table(path: Path, where: str, wanted: Wanted) -> list[SourceRow]:  # noqa: ARG001
    """Read a table of optional columns (`MOLECULAR_FIELDS`) with an id column, as CSV or TSV.

    Raises
    ------
    ClinicalDataError
        If it cannot be read, has no id column, or none of the optional columns.
    """
    table = read_text_table(path, where)
    ids = require_id_columns(table.columns, where)
    molecular = find_molecular_columns(table.columns)
    if not molecular:
        raise unusable_source(
            where,
            f"the table must have one of {', '.join(MOLECULAR_FIELDS)}",
            table.columns,
            "Name the columns so.",
        )
    rows = text_rows(table)
    return [
        SourceRow(subject_id=first_known(row, ids), texts=molecular_texts(row, molecular)) for row in rows
    ]


EXTRA_TABLE = ClinicalReader(read_extra_table, frozenset({"molecular"}))
