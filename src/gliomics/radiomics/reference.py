"""The reference engine: pyradiomics' own feature classes on the region's bounding box."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from radiomics import getFeatureClasses, imageoperations

from gliomics.radiomics.feature_classes import FEATURE_CLASSES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.settings import RadiomicsSettings


def measure_mask(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float], settings: RadiomicsSettings
) -> dict[str, NDArray[np.float64]]:
    """Compute the features that follow from a region's mask with pyradiomics' classes.

    Parameters
    ----------
    mask, spacing, settings
        As ``gliomics.radiomics.native_engine.measure_mask``.

    Returns
    -------
    dict of str to ndarray
        For each class of the mask its features in order; NaN where undefined.
    """
    region = _image(mask.astype(np.uint8), spacing)
    return {name: _execute(name, region, region, {}) for name in settings.mask_classes}


def measure_intensities(
    image: NDArray[Any],
    mask: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    settings: RadiomicsSettings,
) -> tuple[dict[str, NDArray[np.float64]], int]:
    """Compute the features of an image within a region with pyradiomics' classes.

    Parameters
    ----------
    image, mask, spacing, settings
        As ``gliomics.radiomics.native_engine.measure_intensities``.

    Returns
    -------
    values : dict of str to ndarray
        For each class of images its features in order; NaN where undefined.
    grey_levels : int
        How many grey levels occur.
    """
    options: dict[str, Any] = {"voxelArrayShift": settings.voxel_array_shift}
    if settings.bin_count is not None:
        options["binCount"] = settings.bin_count
    else:
        options["binWidth"] = settings.bin_width
    crop, region = _image(image, spacing), _image(mask.astype(np.uint8), spacing)
    values: dict[str, NDArray[np.float64]] = {
        feature_class: _execute(feature_class, crop, region, options)
        for feature_class in settings.image_classes
    }
    levels, _ = imageoperations.binImage(image, mask, **options)
    return values, len(np.unique(levels[mask]))


def _image(array: NDArray[Any], spacing: tuple[float, float, float]) -> Any:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(reversed(spacing)))
    return image


def _execute(feature_class: str, image: Any, region: Any, options: dict[str, Any]) -> NDArray[np.float64]:
    names = FEATURE_CLASSES[feature_class].features
    logger = logging.getLogger("radiomics")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            features = getFeatureClasses()[feature_class](image, region, **options)
            for name in names:
                features.enableFeatureByName(name)
            values = features.execute()
    finally:
        logger.setLevel(level)
    return np.array([float(np.real(values[name])) for name in names])
