"""Clinical tables on disk: reading them as text and finding a field under the names that it goes by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.cohort.readers.source_rows import MOLECULAR_FIELDS, unusable_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MOLECULAR_NAMES: dict[str, tuple[str, ...]] = {
    "idh": ("idh", "idh_status", "idh1_status", "idh_mutation", "idh_mutation_status", "paper_idh_status"),
    "codel_1p19q": (
        "codel_1p19q",
        "1p19q",
        "1p_19q",
        "1p19q_status",
        "1p19q_codeletion",
        "1p_19q_codeletion",
        "x1p_19q_codeletion",
        "paper_1p_19q_codeletion",
        "codeletion_1p19q",
    ),
    "mgmt": (
        "mgmt",
        "mgmt_status",
        "mgmt_methylation",
        "mgmt_promoter_status",
        "mgmt_promoter_methylation",
        "paper_mgmt_promoter_status",
    ),
    "extent_of_resection": ("extent_of_resection", "eor", "resection_extent"),
    "kps": (
        "kps",
        "karnofsky",
        "karnofsky_score",
        "karnofsky_performance_score",
        "karnofsky_performance_status",
        "paper_karnofsky_performance_score",
    ),
}
"""Names (lower case, every other sign as ``_``) under which the optional columns are found."""


def read_text_table(path: Path, where: str) -> pd.DataFrame:
    """Read a CSV (comma) or TSV (tab; also ``.txt``) with every cell as text, exactly as written.

    Raises
    ------
    ClinicalDataError
        If the file cannot be read, or has no rows.
    """
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    try:
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as err:  # pandas' parser errors and a wrong encoding are ValueErrors
        raise unusable_source(
            where,
            "the file must be a readable table",
            f"{type(err).__name__}: {err}",
            "Export it as UTF-8 text, .csv with commas or .tsv with tabs, and check the path.",
        ) from err
    if table.empty:
        raise unusable_source(
            where, "the table must have rows", "none", "Export it again, with the patients."
        )
    return table


def text_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return the rows of a table of texts, each as a mapping of column to text."""
    return [{str(column): str(text) for column, text in row.items()} for row in table.to_dict("records")]


def find_columns(
    columns: Iterable[str], names: Iterable[str], prefixes: Iterable[str] = ("",)
) -> tuple[str, ...]:
    """Find the columns that hold a field, in the order of its names.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table. Case does not matter; every sign but letters and digits counts as ``_``.
    names, prefixes : iterable of str
        What the field is called, and the entities that may stand before it (``diagnoses_``).

    Returns
    -------
    tuple of str
        Columns of the table, spelt as it spells them; empty when there is none.

    Examples
    --------
    >>> find_columns(["cases.submitter_id", "IDH.status"], ["idh_status", "idh"])
    ('IDH.status',)
    """
    by_key: dict[str, list[str]] = {}
    for column in columns:
        by_key.setdefault(re.sub(r"[^a-z0-9]+", "_", column.strip().lower()), []).append(column)
    keys = [prefix + name for name in names for prefix in prefixes]
    return tuple(column for key in dict.fromkeys(keys) for column in by_key.get(key, ()))


def molecular_texts(
    row: Mapping[str, str], columns: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Texts of the optional fields of a row; see `find_molecular_columns`."""
    return {name: tuple(row[column] for column in found) for name, found in columns.items()}


def find_molecular_columns(columns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Find the columns of the optional fields; a field that the table lacks is absent."""
    listed = list(columns)
    found = {name: find_columns(listed, MOLECULAR_NAMES[name]) for name in MOLECULAR_FIELDS}
    return {name: columns_of for name, columns_of in found.items() if columns_of}
