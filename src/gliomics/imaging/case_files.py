"""Which files of a case's folder are its scans, and what stands in the way."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gliomics.cohort.subject_ids import normalise_subject_id
from gliomics.errors import ScanError
from gliomics.imaging.scan_names import MASK, VARIANT_PREFERENCE, ScanName, parse_scan_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gliomics.imaging.settings import ImageSettings

logger = logging.getLogger(__name__)

NamedFile = tuple[ScanName, "Path"]


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case.

    Attributes
    ----------
    chosen : dict of str to (ScanName, Path)
        One file a modality.
    errors : list of ScanError
        Every rule that the names break.
    n_ignored : int
        Files and folders whose names follow no convention; hidden ones are not counted.
    """

    chosen: dict[str, NamedFile] = field(default_factory=dict)
    errors: list[ScanError] = field(default_factory=list)
    n_ignored: int = 0


def choose_files(folder: Path, subject_id: str, settings: ImageSettings) -> CaseFiles:
    """Choose one file a modality, by name alone.

    Of several masks the manually corrected one is taken. Two files of one modality, or files of two dates,
    are never chosen between: which scan is the preoperative one is for a person to say.

    Parameters
    ----------
    folder : Path
        The case's folder.
    subject_id : str
        Whose files are wanted, normalised.
    settings : ImageSettings
        Which modalities are required.

    Returns
    -------
    CaseFiles
        The choice and what is wrong with it; nothing is raised.
    """
    try:
        places = sorted(place for place in folder.iterdir() if place.name[0] != ".")
    except OSError as error:
        return CaseFiles(errors=[_unreadable(subject_id, error)])
    found: dict[str, list[NamedFile]] = {}
    foreign: list[NamedFile] = []
    n_ignored = 0
    for path in places:
        name = parse_scan_name(path.name) if path.is_file() or path.is_symlink() else None
        if name is None:
            n_ignored += 1
            logger.debug("%s: %s is no scan, ignored", subject_id, path.name)
        elif name.subject_id != subject_id:
            foreign.append((name, path))
        else:
            found.setdefault(name.modality, []).append((name, path))
    preferred = {modality: _preferred(files) for modality, files in found.items()}
    chosen = {modality: files[0] for modality, files in preferred.items() if len(files) == 1}
    errors = [
        *(_wrong_subject(subject_id, path, name) for name, path in foreign),
        *(_ambiguous(subject_id, modality, files) for modality, files in preferred.items() if len(files) > 1),
        *_several_dates(subject_id, chosen),
        *_missing(subject_id, {*found, *(name.modality for name, _ in foreign)}, places, settings),
    ]
    return CaseFiles(chosen, errors, n_ignored)


def read_file(path: Path, where: str) -> bytes:
    """Read a file whole.

    Parameters
    ----------
    path : Path
        The file, perhaps a link to nothing.
    where : str
        Subject and modality, for the message.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    ScanError
        ``unreadable_file``.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(where, error) from error


def several_folders(subject_id: str, folders: Iterable[Path]) -> ScanError:
    """Build the error for a subject with more than one folder.

    Parameters
    ----------
    subject_id : str
        The subject that all names come down to.
    folders : iterable of Path
        Its folders.

    Returns
    -------
    ScanError
        ``ambiguous_files``.
    """
    return ScanError(
        code="ambiguous_files",
        where=subject_id,
        expected="a subject must have one folder",
        got=", ".join(folder.name for folder in folders),
        fix="Keep the preoperative one; rename the others if they are of other patients.",
    )


def find_variants(raw_dir: Path, folder: str | None) -> dict[str, dict[str, Path]]:
    """Find further segmentations of cases, one folder a subject and one NIfTI file an algorithm.

    Parameters
    ----------
    raw_dir : Path
        The cohort's raw folder.
    folder : str or None
        Where they lie below it; None when there are none.

    Returns
    -------
    dict of str to dict of str to Path
        Subject to algorithm (the file's name without its ending) to file, sorted; empty where there is no
        such folder, since few cohorts have one.
    """
    if folder is None or not (raw_dir / folder).is_dir():
        return {}
    return {
        normalise_subject_id(place.name): {
            path.name.removesuffix(".gz").removesuffix(".nii"): path
            for path in sorted(place.iterdir())
            if path.name.endswith((".nii", ".nii.gz")) and path.name[0] != "."
        }
        for place in sorted((raw_dir / folder).iterdir())
        if place.is_dir()
    }


def _preferred(files: list[NamedFile]) -> list[NamedFile]:
    best = min(VARIANT_PREFERENCE.index(name.variant) for name, _ in files)
    return [pair for pair in files if VARIANT_PREFERENCE.index(pair[0].variant) == best]


def _unreadable(where: str, error: OSError) -> ScanError:
    return ScanError(
        code="unreadable_file",
        where=where,
        expected="it must open for reading",
        got=error.strerror or type(error).__name__,
        fix="Fetch what the link points to, or correct its permissions.",
    )


def _wrong_subject(subject_id: str, path: Path, name: ScanName) -> ScanError:
    return ScanError(
        code="subject_id_mismatch",
        where=subject_id,
        expected="every file of the folder must be of this subject",
        got=f"{path.name}, which names {name.subject_id}",
        fix="Move the file to its own subject's folder.",
    )


def _ambiguous(subject_id: str, modality: str, files: list[NamedFile]) -> ScanError:
    return ScanError(
        code="ambiguous_files",
        where=f"{subject_id} [{modality}]",
        expected="there must be one file",
        got=", ".join(path.name for _, path in files),
        fix="Keep the preoperative one; remove or rename the others.",
    )


def _several_dates(subject_id: str, chosen: Mapping[str, NamedFile]) -> list[ScanError]:
    dates: dict[str, list[str]] = {}
    for modality, (name, _) in sorted(chosen.items()):
        if name.date:
            dates.setdefault(name.date, []).append(modality)
    if len(dates) < 2:
        return []
    return [
        ScanError(
            code="ambiguous_files",
            where=subject_id,
            expected="all scans must be of one date",
            got=", ".join(f"{date} ({', '.join(shown)})" for date, shown in sorted(dates.items())),
            fix="Keep the scans and the segmentation of one examination, the preoperative one.",
        )
    ]


def _missing(
    subject_id: str, present: set[str], places: list[Path], settings: ImageSettings
) -> list[ScanError]:
    if not present:
        lying_there = ", ".join(place.name for place in places[:8]) or "an empty folder"
        return [
            ScanError(
                code="no_scans",
                where=subject_id,
                expected="the folder must hold scans of a known naming",
                got=lying_there,
                fix="Name them as BraTS or BraTS-TCGA-LGG does.",
            )
        ]
    there = f"only {', '.join(sorted(present))}"
    errors = [
        ScanError(
            code="missing_modality",
            where=f"{subject_id} [{modality}]",
            expected="the image must be there",
            got=there,
            fix="Add it, or leave the case out.",
        )
        for modality in settings.required_modalities
        if modality not in present
    ]
    if MASK not in present:
        errors.append(
            ScanError(
                code="missing_segmentation",
                where=f"{subject_id} [{MASK}]",
                expected="the segmentation must be there",
                got=there,
                fix="Add <subject>_seg.nii.gz, or leave the case out.",
            )
        )
    return errors
