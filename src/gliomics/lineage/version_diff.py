"""What lies between two states of a cohort's data: patients, files, labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LABEL = "benefit"
ID = "subject_id"


@dataclass(frozen=True)
class LabelChange:
    """One patient's label before and after, as words: long, short, none."""

    subject_id: str
    before: str
    after: str


@dataclass(frozen=True)
class DataDifference:
    """What lies between two states.

    Attributes
    ----------
    patients_added, patients_removed : list of str
        Folder of scans, or row of the cohort table, that only one state has.
    patients_changed : list of str
        In both, with other scans or another row of the cohort table.
    files_added, files_removed, files_changed : list of str
        Raw files by path below the raw folder.
    labels_changed : list of LabelChange or None
        None if one of the states has no cohort table.
    """

    patients_added: list[str]
    patients_removed: list[str]
    patients_changed: list[str]
    files_added: list[str]
    files_removed: list[str]
    files_changed: list[str]
    labels_changed: list[LabelChange] | None


def compare_data(
    files: tuple[Mapping[str, str], Mapping[str, str]],
    tables: tuple[pd.DataFrame | None, pd.DataFrame | None],
    scan_folders: Sequence[str],
) -> DataDifference:
    """Compare two states of a cohort's data.

    Parameters
    ----------
    files : tuple of mapping
        Hash of every raw file by path below the raw folder, before and after.
    tables : tuple of (DataFrame or None)
        The cohort table, before and after; None where ingestion had not been recorded.
    scan_folders : sequence of str
        Folders that hold one folder a patient, such as ``images``.
    """
    before, after = files
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    added, removed = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    scanned = [_subjects(names, scan_folders) for names in (before, after)]
    touched = _subjects([*changed, *added, *removed], scan_folders)
    known, labels = (scanned[0], scanned[1]), None
    if tables[0] is not None and tables[1] is not None:
        rows = (_rows(tables[0]), _rows(tables[1]))
        known = (scanned[0] | rows[0].keys(), scanned[1] | rows[1].keys())
        both = rows[0].keys() & rows[1].keys()
        touched |= {subject for subject in both if rows[0][subject] != rows[1][subject]}
        labels = _label_changes(tables[0], tables[1])
    return DataDifference(
        patients_added=sorted(known[1] - known[0]),
        patients_removed=sorted(known[0] - known[1]),
        patients_changed=sorted(touched & known[0] & known[1]),
        files_added=added,
        files_removed=removed,
        files_changed=changed,
        labels_changed=labels,
    )


def _subjects(names: Mapping[str, str] | Sequence[str], scan_folders: Sequence[str]) -> set[str]:
    found = set()
    for name in names:
        for folder in scan_folders:
            if name.startswith(f"{folder}/"):
                inner = name.removeprefix(f"{folder}/").split("/")
                found |= {inner[0]} if len(inner) > 1 else set()
    return found


def _rows(table: pd.DataFrame) -> dict[str, str]:
    return {str(row[ID]): repr(sorted(row.items())) for row in table.astype(str).to_dict(orient="records")}


def _label_changes(before: pd.DataFrame, after: pd.DataFrame) -> list[LabelChange]:
    labels = [table.set_index(ID)[LABEL].map(_label_word, na_action=None) for table in (before, after)]
    both = labels[0].index.intersection(labels[1].index).sort_values()
    return [
        LabelChange(str(subject), labels[0][subject], labels[1][subject])
        for subject in both
        if labels[0][subject] != labels[1][subject]
    ]


def _label_word(value: object) -> str:
    return "none" if pd.isna(value) else ("long" if int(str(value).partition(".")[0]) else "short")  # type: ignore[call-overload]
