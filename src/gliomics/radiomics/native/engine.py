"""The native engine: every feature class of a region from its voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.radiomics.native.discretisation import GreyLevels, discretise
from gliomics.radiomics.native.first_order import first_order_features
from gliomics.radiomics.native.glcm import glcm_features
from gliomics.radiomics.native.gldm import gldm_features
from gliomics.radiomics.native.glrlm import glrlm_features
from gliomics.radiomics.native.glszm import glszm_features
from gliomics.radiomics.native.ngtdm import ngtdm_features
from gliomics.radiomics.native.shape import shape_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gliomics.radiomics.settings import RadiomicsSettings

TEXTURES: dict[str, Callable[[GreyLevels], NDArray[np.float64]]] = {
    "glcm": glcm_features,
    "glrlm": glrlm_features,
    "glszm": glszm_features,
    "gldm": gldm_features,
    "ngtdm": ngtdm_features,
}


def measure_shape(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """Compute the shape features of a region.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The region's bounding box.
    spacing : tuple of float
        Voxel size along (z, y, x), in mm.

    Returns
    -------
    ndarray, shape (14,)
        In the order of ``FEATURES["shape"]``; NaN where undefined.
    """
    return shape_features(mask, np.array(spacing))


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
        For each class but shape, in the order of ``FEATURES``; NaN where undefined.
    grey_levels : int
        How many grey levels occur.
    """
    intensities = image[mask]
    grey = discretise(intensities, mask, settings.bin_width, settings.bin_count)
    values: dict[str, NDArray[np.float64]] = {}
    for feature_class in settings.feature_classes:
        if feature_class == "firstorder":
            values[feature_class] = first_order_features(
                intensities.astype(np.float64),
                grey.counts,
                settings.voxel_array_shift,
                float(np.prod(spacing)),
            )
        elif feature_class != "shape":
            values[feature_class] = TEXTURES[feature_class](grey)
    return values, len(grey.levels)
