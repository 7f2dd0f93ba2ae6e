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
from gliomics.compute import map_cases
from gliomics.errors import ScanError, TooManyFailuresError
from gliomics.imaging.scan_checks import CHECKS, check_volumes
from gliomics.imaging.scan_names import MASK, VARIANT_PREFERENCE, ScanName, parse_scan_name
from gliomics.imaging.volume import Volume, read_volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gliomics.compute import ComputeSettings
    from gliomics.imaging.settings import ImageSettings

logger = logging.getLogger(__name__)

MANIFEST_COLUMNS = (
    "subject_id", "modality", "variant", "path", "sha256", "n_bytes", "dtype", "shape", "spacing_mm",
    "orientation",
)  # fmt: skip
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
        ``no_scans`` if there is no such folder. A bad case raises nothing: it fails with its reason.
    """
    if not images_dir.is_dir():
        raise ScanError(
            code="no_scans",
            where=f"images folder {images_dir.name}",
            expected="the folder must exist in the raw data, with one folder a case",
            got="nothing there",
            fix="Put the scans there, correct `images` in the cohort's parameters, or set it to null.",
        )
    folders = sorted(place for place in images_dir.iterdir() if place.is_dir() and place.name[0] != ".")
    cases = []
    for case in map_cases(partial(inspect_case, raw_dir=raw_dir, settings=settings), folders, compute):
        cases.append(case)
        if on_progress is not None:
            on_progress(len(cases), len(folders))
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
    files, errors = _choose_files(folder, subject_id)
    rows, volumes = [], {}
    for modality, (name, path) in sorted(files.items()):
        content = path.read_bytes()
        row = {
            "subject_id": subject_id, "modality": modality, "variant": name.variant,
            "path": path.relative_to(raw_dir).as_posix(), "sha256": hashlib.sha256(content).hexdigest(),
            "n_bytes": len(content),
        }  # fmt: skip
        try:
            volumes[modality] = read_volume(content, f"{subject_id} [{modality}]")
            row |= _grid(volumes[modality])
        except ScanError as error:
            errors.append(error)
        rows.append(row)
    errors += _missing(subject_id, files.keys(), folder, settings)
    errors += check_volumes(subject_id, volumes, settings)
    logger.debug("%s: %d files, %d failed checks", subject_id, len(rows), len(errors))
    return CaseInspection(subject_id, rows, sorted(errors, key=lambda error: list(CHECKS).index(error.code)))


def enforce_failure_limit(outcomes: pd.DataFrame, max_failed_fraction: float) -> None:
    """Stop when too many cases failed: then it is the data or the settings, not a case.

    Parameters
    ----------
    outcomes : DataFrame
        As in `ScanInspection`.
    max_failed_fraction : float
        Largest allowed share of failed cases.

    Raises
    ------
    TooManyFailuresError
        With the table of failed cases.
    """
    failed = outcomes[outcomes["status"] == "failed"]
    if len(outcomes) == 0 or len(failed) <= max_failed_fraction * len(outcomes):
        return
    table = "\n".join(f"  {case.subject_id}  {case.code}" for case in failed.itertuples())
    raise TooManyFailuresError(
        where="scans",
        expected=f"at most {max_failed_fraction:.0%} of the cases may fail ",
        got=f"{len(failed)} of {len(outcomes)}:\n{table}\n",
        fix="Mend the cases above (`gliomics check` says how), or raise the limit if they are meant to fail.",
    )


def _choose_files(folder: Path, subject_id: str) -> tuple[dict[str, tuple[ScanName, Path]], list[ScanError]]:
    """Choose one file a modality; say what stands in the way."""
    found: dict[str, list[tuple[ScanName, Path]]] = {}
    errors = []
    for path in sorted(place for place in folder.iterdir() if place.is_file()):
        name = parse_scan_name(path.name)
        if name is None:
            logger.debug("%s: %s is no scan, ignored", subject_id, path.name)
        elif name.subject_id != subject_id:
            errors.append(_wrong_subject(subject_id, path, name))
        else:
            found.setdefault(name.modality, []).append((name, path))
    chosen = {}
    for modality, files in found.items():
        best = min(VARIANT_PREFERENCE.index(name.variant) for name, _ in files)
        wanted = [pair for pair in files if VARIANT_PREFERENCE.index(pair[0].variant) == best]
        if len(wanted) > 1:
            errors.append(_ambiguous(subject_id, modality, [path.name for _, path in wanted]))
        else:
            chosen[modality] = wanted[0]
    return chosen, errors


def _wrong_subject(subject_id: str, path: Path, name: ScanName) -> ScanError:
    return ScanError(
        code="subject_id_mismatch", where=subject_id,
        expected="every file of the folder must be of this subject",
        got=f"{path.name}, which names {name.subject_id}", fix="Move the file to its own subject's folder.",
    )  # fmt: skip


def _ambiguous(subject_id: str, modality: str, names: list[str]) -> ScanError:
    return ScanError(
        code="ambiguous_files", where=f"{subject_id} [{modality}]", expected="there must be one file",
        got=", ".join(names), fix="Keep the preoperative one; remove or rename the others.",
    )  # fmt: skip


def _missing(subject_id: str, present: Any, folder: Path, settings: ImageSettings) -> list[ScanError]:
    lying_there = ", ".join(sorted(place.name for place in folder.iterdir())[:8]) or "an empty folder"
    if not present:
        return [ScanError(
            code="no_scans", where=subject_id, expected="the folder must hold scans of a known naming",
            got=lying_there, fix="Name them as BraTS or BraTS-TCGA-LGG does.",
        )]  # fmt: skip
    absent = [modality for modality in settings.required_modalities if modality not in present]
    errors = [
        ScanError(
            code="missing_modality",
            where=f"{subject_id} [{modality}]",
            expected="the image must be there",
            got=f"only {', '.join(sorted(present))}",
            fix="Add it, or leave the case out.",
        )
        for modality in absent
    ]
    if MASK not in present:
        errors.append(ScanError(
            code="missing_segmentation", where=f"{subject_id} [{MASK}]",
            expected="the segmentation must be there", got=f"only {', '.join(sorted(present))}",
            fix="Add <subject>_seg.nii.gz, or leave the case out.",
        ))  # fmt: skip
    return errors


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
