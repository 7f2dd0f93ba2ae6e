"""A published table of features, cleaned: every value that is no number is counted, none is lost in silence.

Made for the panel of BraTS-TCGA-LGG [1]_: 724 features of 65 patients, with spreadsheet errors and infinities
where a region is absent, blanks for the features of an absent enhancing tumour, and mixed ``over``/``OVER``.

References
----------
.. [1] Bakas et al., Advancing The Cancer Genome Atlas glioma MRI collections, Sci Data 4:170117 (2017).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from gliomics.cohort.missing_values import is_missing
from gliomics.cohort.presence import presence_column
from gliomics.cohort.subject_ids import normalise_subject_id
from gliomics.errors import FeatureTableError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gliomics.cohort.settings import PublishedFeaturesSettings

PANEL_RULES: Final[dict[str, str]] = {
    "blank": "The cell is blank: missing.",
    "not_a_number": "The cell says nan: missing.",
    "infinite": "The cell is infinite, a ratio to an empty region: missing.",
    "spreadsheet_error": "The cell is an error of a spreadsheet, such as #DIV/0!: missing.",
    "spelt_missing": "The cell is another spelling of not known: missing.",
    "feature_respelled": "The feature's name was brought to one spelling (over to OVER).",
    "column_dropped": "The column is no feature and was dropped, as the settings say.",
    "id_respelled": "The patient's id was brought to one spelling.",
    "blank_row": "The row is blank: set aside.",
    "feature_constant": "The feature has one value in all patients who have it; it is kept.",
    "feature_empty": "The feature has no value in any patient; it is kept.",
    "absent_region_et": "No enhancing tumour: its volume 0 is a value, its other features are missing.",
    "absent_region_tc": "No tumour core: its volume 0 is a value, its other features are missing.",
    "absent_region_wt": "No tumour: its volume 0 is a value, its other features are missing.",
}
"""Stable code of everything that the report counts, and what was done."""

REPORT_COLUMNS: Final = ("rule", "n", "n_subjects", "n_features", "subject_ids", "features", "sentence")
REGION_VOLUMES: Final = {"et": "VOLUME_ET", "tc": "VOLUME_TC", "wt": "VOLUME_WT"}
_SPREADSHEET_ERRORS = frozenset({"#div/0!", "#n/a", "#name?", "#null!", "#num!", "#ref!", "#value!"})
_INFINITIES = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
_NAMED_FEATURES = 10


@dataclass(frozen=True)
class PublishedPanel:
    """A cleaned panel and what cleaning it did.

    Attributes
    ----------
    features : pandas.DataFrame
        ``subject_id`` and the features as float64 in the order of the file, sorted by ``subject_id``.
    report : pandas.DataFrame
        Columns `REPORT_COLUMNS`: for each rule of `PANEL_RULES` that acted the number of cells, rows or names
        (``n``), of patients and of features, the patients (sorted, joined by ``;``) and the first features.
    """

    features: pd.DataFrame
    report: pd.DataFrame


def no_published_panel() -> PublishedPanel:
    """Return the panel of a cohort that has none: no patients, no features, nothing to report."""
    return PublishedPanel(
        features=pd.DataFrame({"subject_id": pd.Series([], dtype="object")}), report=_report([])
    )


def read_published_panel(path: Path, settings: PublishedFeaturesSettings) -> PublishedPanel:
    """Read and clean a published table of features.

    Parameters
    ----------
    path : Path
        A ``.csv`` (commas) or ``.tsv`` (tabs) with one header line and a row a patient.
    settings : PublishedFeaturesSettings
        The id column and the columns that are no features.

    Returns
    -------
    PublishedPanel
        All features of the file, and the report.

    Raises
    ------
    FeatureTableError
        If the file cannot be read, lacks a named column, has a name or a patient twice, a row without an id,
        no features, or a cell that is neither a number nor a spelling of "missing".
    """
    where = f"published features ({settings.path})"
    table, entries = _drop_blank_rows(_read(path, where, settings))
    ids = _subject_ids(table[settings.id_column], where)
    respelled = ids[(ids != table[settings.id_column].str.strip()).to_numpy()]
    entries += [_entry("id_respelled", len(respelled), respelled)]
    cells = table.drop(columns=[settings.id_column, *settings.drop_columns])
    entries += [_entry("column_dropped", len(settings.drop_columns), features=settings.drop_columns)]
    names, changed = _one_spelling(cells.columns, where)
    entries += [_entry("feature_respelled", len(changed), features=changed)]
    cells = cells.set_axis(names, axis="columns").set_axis(pd.Index(ids), axis="index").sort_index()
    values, missing = _numbers(cells, where)
    entries += [*missing, *_remarkable(values)]
    features = values.rename_axis("subject_id").reset_index()
    return PublishedPanel(features=features, report=_report(entries))


def region_presence(features: pd.DataFrame) -> pd.DataFrame:
    """Say which tumour regions each patient has; it travels beside the panel, not in it (PROTOCOL 6).

    Parameters
    ----------
    features : pandas.DataFrame
        As `read_published_panel` gives them.

    Returns
    -------
    pandas.DataFrame
        ``subject_id`` and, for each of ``VOLUME_ET``, ``VOLUME_TC``, ``VOLUME_WT`` that exists,
        ``region_present__et``, ``_tc``, ``_wt``: 1 if the volume is above 0, 0 if not, missing if unknown.
    """
    presence = features[["subject_id"]].copy()
    for region, column in REGION_VOLUMES.items():
        if column in features.columns:
            volume = features[column]
            presence[presence_column(region)] = (volume > 0).astype("float64").where(volume.notna())
    return presence


def _error(where: str, expected: str, got: str, fix: str) -> FeatureTableError:
    return FeatureTableError(where=where, expected=expected, got=got, fix=fix)


def _read(path: Path, where: str, settings: PublishedFeaturesSettings) -> pd.DataFrame:
    """Read all cells as text; the header is read as a row, because pandas renames a name that comes twice."""
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    try:
        raw = pd.read_csv(
            path,
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            skip_blank_lines=False,
        )
    except (OSError, ValueError) as err:
        raise _error(
            where,
            "the table must be readable text",
            f"{type(err).__name__}: {err}",
            "Export it as UTF-8, .csv with commas or .tsv with tabs, and check the path.",
        ) from err
    header = raw.iloc[0].str.strip()
    twice = sorted(set(header[header.duplicated()]))
    if twice:
        raise _error(
            where,
            "each column must have a name of its own",
            f"several named {', '.join(map(repr, twice))}",
            "Rename or remove one of them.",
        )
    table = raw.iloc[1:].set_axis(header.tolist(), axis="columns").reset_index(drop=True)
    missing = [name for name in (settings.id_column, *settings.drop_columns) if name not in table.columns]
    if missing or len(table.columns) <= 1 + len(settings.drop_columns):
        wanted = f"the table must have {', '.join(missing)}" if missing else "the table must have features"
        found = f"the columns {', '.join(table.columns[:10])}" + " ..." * (len(table.columns) > 10)
        raise _error(where, wanted, found, "Correct id_column and drop_columns in the cohort's parameters.")
    return table


def _drop_blank_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Entry]]:
    blank = table.map(lambda cell: not cell.strip()).all(axis=1)
    return table[~blank], [_entry("blank_row", int(blank.sum()))]


def _subject_ids(column: pd.Series[str], where: str) -> pd.Series[str]:
    ids = column.map(normalise_subject_id)
    unnamed = [str(position + 1) for position in np.flatnonzero(column.map(is_missing).to_numpy())]
    twice = sorted(set(ids[ids.duplicated()]))
    if unnamed or ids.empty:
        got = f"none in patient row {', '.join(unnamed)}" if unnamed else "no rows"
        raise _error(
            where, f"each row must have an id in {column.name}", got, "Fill in the id or remove the row."
        )
    if twice:
        raise _error(
            where,
            "each patient must have one row",
            f"several for {', '.join(twice)}",
            "Keep the row that is meant; features of two scans cannot be merged.",
        )
    return ids


def _one_spelling(columns: pd.Index[str], where: str) -> tuple[list[str], list[str]]:
    names = [re.sub(r"(?<=_)over(?=_)", "OVER", name, flags=re.IGNORECASE) for name in columns]
    changed = [old for old, new in zip(columns, names, strict=True) if old != new]
    clashes = sorted({name for name in names if names.count(name) > 1}) if changed else []
    if clashes:
        raise _error(
            where,
            "names of features must differ by more than over/OVER",
            f"two columns for {', '.join(clashes)}",
            "Rename or remove one of them.",
        )
    return names, changed


def _numbers(cells: pd.DataFrame, where: str) -> tuple[pd.DataFrame, list[Entry]]:
    """Turn texts into numbers, missing where they are a known kind of no number."""
    kinds = cells.map(_kind_of_missing)
    numbers = cells.where(kinds == "", "nan").apply(pd.to_numeric, errors="coerce").astype("float64")
    odd = ~np.isfinite(numbers.to_numpy()) & (kinds == "").to_numpy()
    if odd.any():
        row, column = (int(position) for position in np.argwhere(odd)[0])
        bad = [str(name) for name in cells.columns[odd.any(axis=0).tolist()]]
        raise _error(
            f"{where}, column {bad[0] if len(bad) == 1 else ', '.join(bad[:_NAMED_FEATURES])}",
            "every feature must be a number or blank",
            f"{cells.iloc[row, column]!r} in {cells.columns[column]} of {cells.index[row]}",
            "Correct the cell, or list the column under drop_columns if it is no feature.",
        )
    entries = []
    for kind in ("blank", "not_a_number", "infinite", "spreadsheet_error", "spelt_missing"):
        hit = (kinds == kind).to_numpy()
        subjects, features = cells.index[hit.any(axis=1).tolist()], cells.columns[hit.any(axis=0).tolist()]
        entries.append(_entry(kind, int(hit.sum()), subjects, features))
    return numbers, entries


def _kind_of_missing(cell: str) -> str:
    text = cell.strip().lower()
    if not text:
        return "blank"
    if text in {"nan", "+nan", "-nan"}:
        return "not_a_number"
    if text in _INFINITIES:
        return "infinite"
    if text in _SPREADSHEET_ERRORS:
        return "spreadsheet_error"
    return "spelt_missing" if is_missing(text) else ""


def _remarkable(values: pd.DataFrame) -> list[Entry]:
    """List what is kept although it looks odd: constant and empty features, absent regions."""
    distinct = values.nunique()
    constant = values.columns[(distinct == 1) & (len(values) > 1)]
    empty = values.columns[distinct == 0]
    entries = [
        _entry("feature_constant", len(constant), features=constant),
        _entry("feature_empty", len(empty), features=empty),
    ]
    for region, column in REGION_VOLUMES.items():
        if column in values.columns:
            absent = values.index[values[column] == 0]
            entries.append(_entry(f"absent_region_{region}", len(absent), absent))
    return entries


Entry = dict[str, object]


def _entry(rule: str, n: int, subjects: Iterable[str] = (), features: Iterable[str] = ()) -> Entry:
    ids, names = sorted(subjects), list(features)
    more = [f"and {len(names) - _NAMED_FEATURES} more"] if len(names) > _NAMED_FEATURES else []
    return {
        "rule": rule,
        "n": n,
        "n_subjects": len(ids),
        "n_features": len(names),
        "subject_ids": ";".join(ids),
        "features": ";".join(names[:_NAMED_FEATURES] + more),
        "sentence": PANEL_RULES[rule],
    }


def _report(entries: list[Entry]) -> pd.DataFrame:
    acted = [entry for entry in entries if entry["n"]]
    counts = dict.fromkeys(("n", "n_subjects", "n_features"), "int64")
    return pd.DataFrame(acted, columns=list(REPORT_COLUMNS)).astype(counts)
