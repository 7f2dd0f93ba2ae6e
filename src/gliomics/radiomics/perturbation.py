"""Other boundaries for the same tumour: small, smooth, seeded changes of a segmentation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.stability import StabilitySettings

MARGIN_SIGMAS = 5.0


@dataclass(frozen=True)
class BoundaryChange:
    """How far two masks of a region differ.

    Attributes
    ----------
    hausdorff_mm : float
        Largest distance from a voxel of one mask to the other mask; NaN if one is empty.
    volume_change : float
        Volume after over volume before, less 1; NaN if the first is empty.
    """

    hausdorff_mm: float
    volume_change: float


def perturbation_rng(seed: int, subject_id: str, number: int) -> np.random.Generator:
    """Make the generator of one perturbation of one case, whatever else is perturbed.

    Parameters
    ----------
    seed : int
        Of the run.
    subject_id : str
        The case.
    number : int
        Which perturbation.

    Returns
    -------
    Generator
        The same for the same arguments.
    """
    digest = hashlib.sha256(subject_id.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big"), number])


def perturb_labels(
    labels: NDArray[Any],
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    settings: StabilitySettings,
) -> NDArray[Any]:
    """Move the boundaries of a segmentation.

    Every voxel takes the label found where a smooth random displacement points, plus one common step
    along the tumour's outward normal; labels keep their order from the inside to the outside.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x)
        Whole numbers, 0 outside.
    spacing : tuple of float
        Voxel size along (z, y, x), in mm.
    rng : Generator
        Source of randomness.
    settings : StabilitySettings
        ``displacement_mm``, ``smoothness_mm``, ``growth_mm``.

    Returns
    -------
    ndarray, shape (z, y, x)
        New labels; the input is not changed.
    """
    growth = rng.normal(0, settings.growth_mm)
    moved = labels.copy()
    if not labels.any():
        return moved
    margin = MARGIN_SIGMAS * (settings.displacement_mm + settings.growth_mm)
    box = tuple(
        slice(
            max(side.start - int(np.ceil(margin / step)) - 1, 0), side.stop + int(np.ceil(margin / step)) + 1
        )
        for side, step in zip(ndimage.find_objects((labels != 0).astype(np.uint8))[0], spacing, strict=True)
    )
    inside = labels[box]
    tumour = inside != 0
    away = ndimage.distance_transform_edt(~tumour, spacing) - ndimage.distance_transform_edt(tumour, spacing)
    outward = [ndimage.sobel(away, axis) for axis in range(3)]
    length = np.maximum(np.sqrt(sum(part**2 for part in outward)), 1e-9)
    where = np.indices(inside.shape, dtype=np.float64)
    for axis, step in enumerate(spacing):
        wander = _smooth_noise(inside.shape, spacing, rng, settings)
        where[axis] += (wander - growth * outward[axis] / length) / step
    moved[box] = ndimage.map_coordinates(inside, where, order=0, mode="constant", cval=0)
    return moved


def _smooth_noise(
    shape: tuple[int, ...],
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    settings: StabilitySettings,
) -> NDArray[np.float64]:
    noise = rng.normal(size=shape)
    sigma = [settings.smoothness_mm / step for step in spacing]
    smooth = ndimage.gaussian_filter(noise, sigma, mode="wrap")
    spread = float(smooth.std())
    smooth *= settings.displacement_mm / spread if spread > 0 else 0.0
    return np.asarray(smooth, dtype=np.float64)


def boundary_change(
    before: NDArray[np.bool_], after: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> BoundaryChange:
    """Measure how far a region's mask has moved.

    Parameters
    ----------
    before, after : ndarray of bool, shape (z, y, x)
        The two masks.
    spacing : tuple of float
        Voxel size along (z, y, x), in mm.

    Returns
    -------
    BoundaryChange
        Hausdorff distance between the masks' voxel centres, and relative change of volume.
    """
    if not before.any() or not after.any():
        vanished = -1.0 if before.any() else np.nan
        return BoundaryChange(np.nan, vanished)
    box = ndimage.find_objects((before | after).astype(np.uint8))[0]
    one, other = before[box], after[box]
    to_one = ndimage.distance_transform_edt(~one, spacing)
    to_other = ndimage.distance_transform_edt(~other, spacing)
    distance = max(float(to_other[one].max()), float(to_one[other].max()))
    return BoundaryChange(distance, float(np.count_nonzero(after) / np.count_nonzero(before) - 1))
