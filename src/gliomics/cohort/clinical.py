"""Reading all clinical sources of a cohort, and saying what had to be decided on the way."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.cohort.clinical_rules import FindingsLog
from gliomics.cohort.readers.registry import get_reader
from gliomics.cohort.readers.source_rows import SourceRow, Wanted, unusable_source
from gliomics.cohort.source_preference import log_combination
from gliomics.cohort.tidy_records import tidy_source

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.cohort.readers.source_rows import FieldGroup
    from gliomics.cohort.settings import ClinicalSettings, ClinicalSourceSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClinicalRecords:
    """Tidy clinical records and what was decided on the way to them.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a patient and source, sorted by source (in the order of the settings) and ``subject_id``;
        columns and types `gliomics.cohort.tidy_records.RECORD_DTYPES`.
    findings : pandas.DataFrame
        On whom which rule acted, see `gliomics.cohort.clinical_rules.FindingsLog.table`.
    """

    table: pd.DataFrame
    findings: pd.DataFrame


def read_clinical_records(raw_dir: Path, settings: ClinicalSettings) -> ClinicalRecords:
    """Read every clinical source that some field is taken from.

    Parameters
    ----------
    raw_dir : Path
        Folder of the cohort's raw data; paths of sources are relative to it.
    settings : ClinicalSettings
        Sources, and for each group of fields the order of preference.

    Returns
    -------
    ClinicalRecords
        The records of each source and the findings of all.

    Raises
    ------
    ClinicalDataError
        If a file is absent or unreadable, lacks a needed column, or holds no patient.
    """
    log = FindingsLog()
    tables = []
    for name, source in settings.sources.items():
        groups = settings.groups_of(name)
        if not groups:
            logger.debug("clinical source %s: no field is taken from it, not read", name)
            continue
        rows = _read_source(raw_dir, name, source, groups)
        tables.append(tidy_source(name, rows, log, survival="survival" in groups))
        logger.debug("clinical source %s: %d rows, %d patients", name, len(rows), len(tables[-1]))
        if tables[-1].empty:
            raise unusable_source(
                _where(name, source),
                "some row must have a patient id",
                f"{len(rows)} rows without one",
                "Export the source again with the patients' ids.",
            )
    records = pd.concat(tables, ignore_index=True)
    log_combination(records, settings, log)
    return ClinicalRecords(table=records, findings=log.table())


def _where(name: str, source: ClinicalSourceSettings) -> str:
    return f"clinical source {name} ({source.path})"


def _read_source(
    raw_dir: Path, name: str, source: ClinicalSourceSettings, groups: frozenset[FieldGroup]
) -> list[SourceRow]:
    path, where = raw_dir / source.path, _where(name, source)
    if not path.is_file():
        folder = path.parent
        files = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
        raise unusable_source(
            where,
            "the file must exist in the raw data folder",
            f"nothing there (its folder holds {', '.join(files[:20]) or 'no files'})",
            "Put it there, or correct the path in the cohort's parameters.",
        )
    return get_reader(source.format).read(path, where, Wanted(groups, source.diseases))
