"""The manifest of a cohort's scans, and the outcome of each case."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.cohort.subject_ids import normalise_subject_id
from gliomics.compute import lost_case, map_cases
from gliomics.errors import ScanError, TooManyFailuresError
from gliomics.imaging.case_files import choose_files, read_file, several_folders
from gliomics.imaging.scan_checks import CHECKS, check_volumes
from gliomics.imaging.volume import read_volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gliomics.compute import ComputeSettings
    from gliomics.imaging.settings import ImageSettings
    from gliomics.imaging.volume import Volume

logger = logging.getLogger(__name__)

MANIFEST_COLUMNS = (
    "subject_id",
    "modality",
    "variant",
    "path",
    "sha256",
    "n_bytes",
    "dtype",
    "shape",
    "spacing_mm",
    "orientation",
)
OUTCOME_COLUMNS = ("subject_id", "status", "code", "reason")


@dataclass(frozen=True)
class ScanInspection:
    """What was found of a cohort's scans.

    Attributes
    ----------
    manifest : DataFrame
        One row a file that a run would use, sorted by subject and modality: `MANIFEST_COLUMNS`. ``path`` is
        relative to the raw folder, ``shape`` and ``spacing_mm`` are lists of three along (x, y, z).
    outcomes : DataFrame
        One row a case, sorted: ``subject_id``, ``status`` (processed or failed), ``code`` of the first failed
        check and ``reason``, the text of all; both missing when the case passed.
    """

    manifest: pd.DataFrame
    outcomes: pd.DataFrame


def no_scans() -> ScanInspection:
    """Return the inspection of a cohort that has no images."""
    return _inspection([])


def inspect_scans(
    images_dir: Path,
    raw_dir: Path,
    settings: ImageSettings,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> ScanInspection:
    """Read every case once: hash, decode and check its scans.

    Parameters
    ----------
    images_dir : Path
        Holds one folder a case, named as the subject.
    raw_dir : Path
        The cohort's raw folder; paths of the manifest are relative to it.
    settings : ImageSettings
        What a case must have.
    compute : ComputeSettings
        How cases are spread; a worker holds one case at a time.
    on_progress : callable, optional
        Called with the number of cases done and of all cases.

    Returns
    -------
    ScanInspection
        Manifest and outcomes; the same for any number of workers.

    Raises
    ------
    ScanError
        ``no_scans`` if there is no such folder or no case in it. A bad case raises nothing: it fails with
        its reason.
    """
    subjects = _case_folders(images_dir)
    cases = []
    inspect = partial(_inspect_subject, raw_dir=raw_dir, settings=settings)
    for case in map_cases(inspect, subjects, compute, on_lost=_lost):
        cases.append(case)
        if on_progress is not None:
            on_progress(len(cases), len(subjects))
    return _inspection(cases)


@dataclass(frozen=True)
class CaseInspection:
    """One case: its files' rows and its failed checks."""

    subject_id: str
    rows: list[dict[str, Any]]
    errors: list[ScanError]


def inspect_case(folder: Path, raw_dir: Path, settings: ImageSettings) -> CaseInspection:
    """Hash, decode and check the scans of one case.

    Parameters
    ----------
    folder : Path
        The case's folder; its name is the subject.
    raw_dir : Path
        Paths are given relative to it.
    settings : ImageSettings
        What the case must have.

    Returns
    -------
    CaseInspection
        A row for each file that was used, as far as it could be read, and every failed check.
    """
    subject_id = normalise_subject_id(folder.name)
    files = choose_files(folder, subject_id, settings)
    errors = list(files.errors)
    rows, volumes = [], {}
    for modality, (name, path) in sorted(files.chosen.items()):
        where = f"{subject_id} [{modality}]"
        try:
            content = read_file(path, where)
            rows.append(
                {
                    "subject_id": subject_id,
                    "modality": modality,
                    "variant": name.variant,
                    "path": path.relative_to(raw_dir).as_posix(),
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "n_bytes": len(content),
                }
            )
            volumes[modality] = read_volume(content, where)
            rows[-1] |= _grid(volumes[modality])
        except ScanError as error:
            errors.append(error)
    errors += check_volumes(subject_id, volumes, settings)
    logger.debug(
        "%s: %d files, %d ignored, %d failed checks", subject_id, len(rows), files.n_ignored, len(errors)
    )
    return CaseInspection(subject_id, rows, sorted(errors, key=lambda error: list(CHECKS).index(error.code)))


def inspect_folder(folder: Path, settings: ImageSettings) -> ScanInspection:
    """Inspect one case by itself, as `inspect_scans` does in a cohort.

    Parameters
    ----------
    folder : Path
        The case's folder; its name is the subject.
    settings : ImageSettings
        What the case must have.

    Returns
    -------
    ScanInspection
        Of one case; paths are relative to the folder's parent.
    """
    return _inspection([inspect_case(folder, folder.parent, settings)])


def enforce_failure_limit(
    outcomes: pd.DataFrame,
    max_failed_fraction: float,
    *,
    where: str = "scans",
    setting: str = "ingestion.images.max_failed_fraction",
) -> None:
    """Stop when too many cases failed: then it is the data or the settings, not a case.

    Parameters
    ----------
    outcomes : DataFrame
        As in `ScanInspection`; skipped cases do not count.
    max_failed_fraction : float
        Largest allowed share of failed cases.
    where, setting : str
        The stage and its limit, for the message.

    Raises
    ------
    TooManyFailuresError
        With the table of failed cases.
    """
    attempted = outcomes[outcomes["status"] != "skipped"]
    failed = attempted[attempted["status"] == "failed"]
    if len(attempted) == 0 or len(failed) <= max_failed_fraction * len(attempted):
        return
    table = "\n".join(f"  {case.subject_id}  {case.code}" for case in failed.itertuples())
    raise TooManyFailuresError(
        where=where,
        expected=f"at most {max_failed_fraction:.0%} of the cases may fail",
        got=f"{len(failed)} of {len(attempted)}",
        fix=f"Mend these cases (`gliomics check` says how), or raise {setting} if they are meant to "
        f"fail:\n{table}",
    )


def _case_folders(images_dir: Path) -> list[tuple[str, list[Path]]]:
    """Group the folders of the cases by subject, sorted."""
    subjects: dict[str, list[Path]] = {}
    if images_dir.is_dir():
        for place in sorted(images_dir.iterdir()):
            if place.is_dir() and place.name[0] != ".":
                subjects.setdefault(normalise_subject_id(place.name), []).append(place)
    if not subjects:
        raise ScanError(
            code="no_scans",
            where=f"images folder {images_dir.name}",
            expected="the folder must exist in the raw data, with one folder a case",
            got="no case in it" if images_dir.is_dir() else "nothing there",
            fix="Put the scans there, correct `images` in the cohort's parameters, or set it to null.",
        )
    return sorted(subjects.items())


def _lost(subject: tuple[str, list[Path]], reason: str) -> CaseInspection:
    return CaseInspection(subject[0], [], [lost_case(subject[0], reason)])


def _inspect_subject(
    subject: tuple[str, list[Path]], raw_dir: Path, settings: ImageSettings
) -> CaseInspection:
    subject_id, folders = subject
    if len(folders) > 1:
        return CaseInspection(subject_id, [], [several_folders(subject_id, folders)])
    return inspect_case(folders[0], raw_dir, settings)


def _grid(volume: Volume) -> dict[str, Any]:
    return {
        "dtype": str(volume.array.dtype),
        "shape": [int(size) for size in volume.array.shape],
        "spacing_mm": [float(np.round(size, 6)) for size in volume.spacing_mm],
        "orientation": volume.orientation,
    }


def _inspection(cases: list[CaseInspection]) -> ScanInspection:
    rows = [row for case in cases for row in case.rows]
    manifest = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))
    manifest = manifest.sort_values(["subject_id", "modality"], ignore_index=True)
    outcomes = pd.DataFrame(
        [
            {
                "subject_id": case.subject_id,
                "status": "failed" if case.errors else "processed",
                "code": case.errors[0].code if case.errors else None,
                "reason": "; ".join(map(str, case.errors)) or None,
            }
            for case in cases
        ],
        columns=list(OUTCOME_COLUMNS),
        dtype="object",
    )
    return ScanInspection(manifest, outcomes.sort_values("subject_id", ignore_index=True))
