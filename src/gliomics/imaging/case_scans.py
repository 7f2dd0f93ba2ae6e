"""The scans of the cases that passed ingestion, and proof that they are still the same files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.errors import ScanError
from gliomics.imaging.case_files import read_file
from gliomics.imaging.loading import read_scan
from gliomics.imaging.manifest import OUTCOME_COLUMNS
from gliomics.imaging.scan_names import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gliomics.imaging.volume import Volume

CHANGED = "changed_since_ingestion"


@dataclass(frozen=True)
class CaseScans:
    """Where a case's files lie and what ingestion saw in them.

    Attributes
    ----------
    subject_id : str
        The case.
    paths : mapping of str to Path
        File of each modality; the segmentation under ``mask``.
    sha256 : mapping of str to str
        Of each file, at ingestion.
    """

    subject_id: str
    paths: Mapping[str, Path]
    sha256: Mapping[str, str]

    def read(self, modality: str) -> bytes:
        """Read a file whole.

        Parameters
        ----------
        modality : str
            A key of ``paths``.

        Returns
        -------
        bytes
            Exactly what ingestion checked.

        Raises
        ------
        ScanError
            ``missing_modality``, ``unreadable_file``, or ``changed_since_ingestion`` if the bytes are others.
        """
        where = f"{self.subject_id} [{modality}]"
        if modality not in self.paths:
            raise ScanError(
                code="missing_modality",
                where=where,
                expected="the image must be there",
                got=f"only {', '.join(sorted(self.paths))}",
                fix="Add it, or ask for fewer modalities.",
            )
        content = read_file(self.paths[modality], where)
        found = hashlib.sha256(content).hexdigest()
        seen = self.sha256[modality]
        if found != seen:
            raise ScanError(
                code=CHANGED,
                where=where,
                expected=f"the file must be the one that ingestion checked (sha256 {seen[:12]})",
                got=f"another (sha256 {found[:12]})",
                fix="Run the ingestion stage again.",
            )
        return content

    def decode(self, modality: str) -> Volume:
        """Read and decode a file.

        Parameters
        ----------
        modality : str
            As `read`.

        Returns
        -------
        Volume
            The scan.

        Raises
        ------
        ScanError
            As `read`, or because the file is no whole NIfTI file.
        """
        return read_scan(self.read(modality), f"{self.subject_id} [{modality}]")

    def hashes(self, modalities: Sequence[str]) -> dict[str, str]:
        """Give the sha256 of the segmentation and of those modalities that the case has.

        Parameters
        ----------
        modalities : sequence of str
            What a computation uses.

        Returns
        -------
        dict of str to str
            Part of the key under which a `CaseStore` keeps what was computed.
        """
        return {name: self.sha256[name] for name in (MASK, *modalities) if name in self.sha256}

    def verify(self, modalities: Sequence[str]) -> None:
        """Check that the files are those that ingestion checked, without decoding them.

        Parameters
        ----------
        modalities : sequence of str
            What a computation uses; those that the case lacks are passed over.

        Raises
        ------
        ScanError
            As `read`.
        """
        for modality in self.hashes(modalities):
            self.read(modality)


def list_cases(scan_manifest: pd.DataFrame, outcomes: pd.DataFrame, raw_dir: Path) -> list[CaseScans]:
    """List the cases that passed ingestion.

    Parameters
    ----------
    scan_manifest, outcomes : DataFrame
        As `gliomics.imaging.manifest.ScanInspection` holds them.
    raw_dir : Path
        What the manifest's paths are relative to.

    Returns
    -------
    list of CaseScans
        Sorted by subject; quarantined cases are left out.
    """
    passed = set(outcomes.loc[outcomes["status"] == "processed", "subject_id"])
    return [
        CaseScans(
            str(subject_id),
            {str(row.modality): raw_dir / str(row.path) for row in rows.itertuples()},
            {str(row.modality): str(row.sha256) for row in rows.itertuples()},
        )
        for subject_id, rows in scan_manifest.groupby("subject_id", sort=True)
        if subject_id in passed
    ]


def stage_outcomes(ingested: pd.DataFrame, errors: Mapping[str, ScanError | None]) -> pd.DataFrame:
    """Say of every case that ingestion saw what became of it in a later stage.

    Parameters
    ----------
    ingested : DataFrame
        Outcomes of ingestion.
    errors : mapping of str to ScanError or None
        Every case that the stage attempted, and why it failed if it did.

    Returns
    -------
    DataFrame
        ``subject_id``, ``status`` (processed, failed or skipped), ``code``, ``reason``, sorted by subject. A
        case that ingestion quarantined is skipped, with the code and the reason that it has there.
    """
    attempted = pd.DataFrame(
        [
            (subject, "processed", None, None)
            if error is None
            else (subject, "failed", error.code, str(error))
            for subject, error in errors.items()
        ],
        columns=list(OUTCOME_COLUMNS),
        dtype="object",
    )
    quarantined = ingested[~ingested["subject_id"].isin(set(errors))].assign(status="skipped")
    table = pd.concat([attempted, quarantined[list(OUTCOME_COLUMNS)]], ignore_index=True)
    return table.astype("object").sort_values("subject_id", ignore_index=True)


def with_failures(outcomes: pd.DataFrame, errors: Mapping[str, ScanError]) -> pd.DataFrame:
    """Let cases that a stage had processed fail in a later part of it.

    Parameters
    ----------
    outcomes : DataFrame
        As `stage_outcomes` gives them.
    errors : mapping of str to ScanError
        By subject.

    Returns
    -------
    DataFrame
        The same rows in the same order.
    """
    table = outcomes.copy()
    for subject, error in errors.items():
        table.loc[table["subject_id"] == subject, ["status", "code", "reason"]] = (
            "failed",
            error.code,
            str(error),
        )
    return table
