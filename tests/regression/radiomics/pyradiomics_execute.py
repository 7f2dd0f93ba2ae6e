"""What pyradiomics' own `execute` gives on an array, to hold our values against."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

from gliomics.radiomics.feature_classes import FEATURE_CLASSES
from gliomics.radiomics.feature_names import MASK, FeatureName
from gliomics.radiomics.settings import RadiomicsSettings


def execute(
    image: np.ndarray,
    mask: np.ndarray,
    spacing: tuple[float, float, float],
    settings: RadiomicsSettings,
    **more: Any,
) -> dict[str, float]:
    """Columns without modality and region; arrays and spacing in (z, y, x)."""
    bins = (
        {"binWidth": settings.bin_width} if settings.bin_count is None else {"binCount": settings.bin_count}
    )
    extractor = RadiomicsFeatureExtractor(
        additionalInfo=False, voxelArrayShift=settings.voxel_array_shift, **{**bins, **more}
    )
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(
        **{name: list(FEATURE_CLASSES[name].features) for name in settings.feature_classes}
    )
    if settings.log_sigmas_mm:
        extractor.enableImageTypeByName("LoG", customArgs={"sigma": list(settings.log_sigmas_mm)})
    if settings.wavelet:
        extractor.enableImageTypeByName("Wavelet")
    scans = [sitk.GetImageFromArray(array) for array in (image, mask.astype(np.uint8))]
    for scan in scans:
        scan.SetSpacing(tuple(float(size) for size in reversed(spacing)))
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = extractor.execute(*scans)
    return {_column(key): float(np.real(value)) for key, value in values.items()}


def _column(key: str) -> str:
    image_filter, feature_class, name = key.split("_")
    return FeatureName(
        MASK if feature_class == "shape" else "m", "r", feature_class, name, image_filter
    ).column


def differences(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Columns where |ours - theirs| > 1e-6 |theirs| + 1e-9 (PROTOCOL 6); missing equals missing only."""
    assert set(ours) == set(theirs)
    return {
        column: (ours[column], value)
        for column, value in theirs.items()
        if not (
            abs(ours[column] - value) <= 1e-6 * abs(value) + 1e-9
            or (np.isnan(ours[column]) and np.isnan(value))
            or ours[column] == value
        )
    }
