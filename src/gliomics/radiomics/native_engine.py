"""The native engine: every feature class of a region from its voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.radiomics.feature_classes import FEATURE_CLASSES, RegionMask, RegionVoxels
from gliomics.radiomics.native.discretisation import discretise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gliomics.radiomics.settings import RadiomicsSettings


def measure_mask(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float], settings: RadiomicsSettings
) -> dict[str, NDArray[np.float64]]:
    """Compute the features that follow from a region's mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The region's bounding box.
    spacing : tuple of float
        Voxel size along (z, y, x), in mm.
    settings : RadiomicsSettings
        Classes.

    Returns
    -------
    dict of str to ndarray
        For each class of the mask its features in order; NaN where undefined.
    """
    region = RegionMask(mask, spacing)
    return {name: FEATURE_CLASSES[name].kernel(region) for name in settings.mask_classes}


def measure_intensities(
    image: NDArray[Any],
    mask: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    settings: RadiomicsSettings,
) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Compute the features of an image within a region.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        The image in the region's bounding box; finite within the region.
    mask : ndarray of bool, shape (z, y, x)
        The region.
    spacing : tuple of float
        Voxel size along (z, y, x), in mm.
    settings : RadiomicsSettings
        Classes, bins and shift.

    Returns
    -------
    values : dict of str to ndarray
        For each class of images its features in order; NaN where undefined.
    grey_levels : int
        How many grey levels occur.
    """
    intensities = image[mask]
    grey = discretise(intensities, mask, settings.bin_width, settings.bin_count)
    region = RegionVoxels(mask, spacing, intensities, grey, settings.voxel_array_shift)
    values = {name: FEATURE_CLASSES[name].kernel(region) for name in settings.image_classes}
    return values, len(grey.levels)
