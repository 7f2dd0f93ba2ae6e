"""The checks that a case's scans must pass, each with a stable code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gliomics.errors import ScanError
from gliomics.imaging.scan_names import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from gliomics.imaging.settings import ImageSettings
    from gliomics.imaging.volume import Volume

CHECKS: Final = {
    "no_scans": "The case's folder must hold scans with names of a known convention.",
    "subject_id_mismatch": "A file must be of the subject whose folder it lies in.",
    "ambiguous_files": "There must be one folder, one date, one file a modality; the manual mask wins.",
    "missing_modality": "Every required modality must be there.",
    "missing_segmentation": "The segmentation must be there.",
    "unreadable_file": "Every file must be a whole NIfTI file of real numbers that says where it lies.",
    "not_three_dimensional": "Every file must hold one three-dimensional volume.",
    "segmentation_fills_volume": "A segmentation must have a background and not cover most of the brain.",
    "empty_segmentation": "A segmentation must hold some tumour.",
    "label_not_integer": "A segmentation's labels must be whole numbers.",
    "label_not_allowed": "A segmentation's labels must be the allowed ones.",
    "not_finite": "Every voxel must be a finite number.",
    "empty_image": "An image must not be constant.",
    "grid_mismatch": "All scans of a case must lie on one grid.",
}
"""Stable code of every check and what it demands, in the order in which a case is checked."""


def check_volumes(
    subject_id: str, volumes: Mapping[str, Volume], settings: ImageSettings
) -> Iterator[ScanError]:
    """Check a case's decoded scans.

    Parameters
    ----------
    subject_id : str
        For the messages.
    volumes : mapping of str to Volume
        Modality (``mask`` for the segmentation) to scan.
    settings : ImageSettings
        Allowed labels and tolerances.

    Yields
    ------
    ScanError
        One a failed check, not raised, so that a case's every fault can be told.
    """
    if MASK in volumes:
        yield from _check_mask(f"{subject_id} [{MASK}]", volumes, settings)
    for modality, volume in volumes.items():
        if modality != MASK:
            yield from _check_image(f"{subject_id} [{modality}]", volume)
    yield from _check_grids(subject_id, volumes, settings)


def _check_image(where: str, volume: Volume) -> Iterator[ScanError]:
    array = volume.array
    if np.issubdtype(array.dtype, np.inexact) and not np.isfinite(array).all():
        n_bad = int((~np.isfinite(array)).sum())
        yield _error(
            "not_finite",
            where,
            "every voxel must be a finite number",
            f"{n_bad} voxels NaN or infinite",
            "Set them to 0 outside the brain, or export the image again.",
        )
    elif array.min() == array.max():
        yield _error(
            "empty_image",
            where,
            "the image must show something",
            f"the value {array.flat[0]} everywhere",
            "Export the image again.",
        )


def _check_mask(where: str, volumes: Mapping[str, Volume], settings: ImageSettings) -> Iterator[ScanError]:
    mask = volumes[MASK].array
    if np.issubdtype(mask.dtype, np.inexact):
        if not np.isfinite(mask).all():
            yield _error(
                "not_finite",
                where,
                "every label must be a finite number",
                "voxels NaN or infinite",
                "Export the segmentation again.",
            )
            return
        if (mask != np.round(mask)).any():
            example = float(mask[mask != np.round(mask)][0])
            yield _error(
                "label_not_integer",
                where,
                "labels must be whole numbers",
                f"{example:g} among them",
                "Resample segmentations with nearest-neighbour interpolation.",
            )
            return
    labels = [int(label) for label in np.unique(mask)]
    if labels == [0]:
        yield _error(
            "empty_segmentation",
            where,
            "the segmentation must hold some tumour",
            "label 0 everywhere",
            "Segment the case again, or leave it out.",
        )
        return
    if 0 not in labels:
        yield _error(
            "segmentation_fills_volume",
            where,
            "the segmentation must have a background of 0",
            f"no voxel is 0, every one of the {mask.size} is {_listed(labels)}",
            "The tool has marked the whole image as tumour: segment the case again.",
        )
    else:
        yield from _check_share(where, volumes, settings)
    strange = sorted({settings.label_map.get(label, label) for label in labels} - {*settings.allowed_labels})
    if strange:
        yield _error(
            "label_not_allowed",
            where,
            f"labels must be among {_listed(settings.allowed_labels)}",
            _listed(strange),
            "BraTS 2023 writes 3 for what was 4 before: set label_map to {3: 4} in the cohort's file. "
            "Otherwise relabel the segmentation, or set ingestion.images.allowed_labels.",
        )


def _check_share(where: str, volumes: Mapping[str, Volume], settings: ImageSettings) -> Iterator[ScanError]:
    mask = volumes[MASK].array
    images = [v.array for name, v in volumes.items() if name != MASK and v.array.shape == mask.shape]
    if not images:
        return
    brain = np.zeros(mask.shape, dtype=bool)
    for image in images:
        brain |= image != 0
    share = float(np.count_nonzero(mask)) / max(int(brain.sum()), 1)
    if share > settings.max_tumour_fraction:
        yield _error(
            "segmentation_fills_volume",
            where,
            f"the tumour must cover at most {settings.max_tumour_fraction:.0%} of the brain",
            f"{share:.0%}",
            "The segmentation looks inverted or filled: segment the case again.",
        )


def _check_grids(
    subject_id: str, volumes: Mapping[str, Volume], settings: ImageSettings
) -> Iterator[ScanError]:
    """Hold every scan against the grid that most of them share, the first image deciding a tie."""
    if len(volumes) < 2:
        return
    names = sorted(volumes, key=lambda name: (name == MASK, list(volumes).index(name)))
    alike = {
        name: sum(_difference(volumes[name], volumes[other], settings) is None for other in names)
        for name in names
    }
    reference = max(names, key=lambda name: alike[name])
    for name in names:
        difference = _difference(volumes[reference], volumes[name], settings)
        if difference is not None:
            expected, got, hint = difference
            yield _error(
                "grid_mismatch",
                f"{subject_id} [{name}]",
                f"{expected} as in {reference}",
                got,
                f"{hint}Resample all scans of the case to one grid.",
            )


def _difference(one: Volume, other: Volume, settings: ImageSettings) -> tuple[str, str, str] | None:
    if one.array.shape != other.array.shape:
        swapped = sorted(one.array.shape) == sorted(other.array.shape)
        hint = "Axes look transposed: check the orientation. " if swapped else ""
        return f"shape must be {one.array.shape}", str(other.array.shape), hint
    if not np.allclose(one.spacing_mm, other.spacing_mm, rtol=0, atol=settings.spacing_tolerance_mm):
        return f"spacing must be {_mm(one.spacing_mm)}", _mm(other.spacing_mm), ""
    if one.orientation != other.orientation:
        return f"orientation must be {one.orientation}", other.orientation, ""
    if not np.allclose(one.affine[:3, :3], other.affine[:3, :3], rtol=0, atol=settings.affine_tolerance_mm):
        return "axes must point", f"{_angle(one.affine, other.affine):.2g} degrees away", ""
    if not np.allclose(one.affine, other.affine, rtol=0, atol=settings.affine_tolerance_mm):
        return f"origin must be {_mm(one.affine[:3, 3])}", _mm(other.affine[:3, 3]), ""
    return None


def _angle(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Give the largest angle between corresponding axes of two grids, in degrees."""
    a, b = (affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0) for affine in (one, other))
    return float(np.degrees(np.arccos(np.clip((a * b).sum(axis=0), -1, 1))).max())


def _mm(values: Any) -> str:
    return "(" + ", ".join(f"{float(value):g}" for value in values) + ") mm"


def _listed(labels: Any) -> str:
    names = [str(label) for label in labels]
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:8])} and {len(names) - 8} more"


def _error(code: str, where: str, expected: str, got: str, fix: str) -> ScanError:
    return ScanError(code=code, where=where, expected=expected, got=got, fix=fix)
