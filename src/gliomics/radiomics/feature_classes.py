"""The feature classes: what each measures, its features in order, and the kernel that computes them.

A new class is a kernel in `native` and an entry here. Kernels are imported where they measure, since numba is
large; the names stand here because every command needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gliomics.errors import look_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gliomics.radiomics.grid import Triple
    from gliomics.radiomics.native.discretisation import GreyLevels


@dataclass(frozen=True)
class RegionMask:
    """What a kernel of the mask may look at.

    Attributes
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The region in its bounding box.
    spacing : tuple of float
        Voxel size along (z, y, x), in mm.
    """

    mask: NDArray[np.bool_]
    spacing: Triple


@dataclass(frozen=True)
class RegionVoxels(RegionMask):
    """What a kernel of an image may look at.

    Attributes
    ----------
    intensities : ndarray, shape (voxels,)
        Of the image within the region.
    grey : GreyLevels
        The same as grey levels.
    voxel_array_shift : float
        Added to intensities in energies.
    """

    intensities: NDArray[Any]
    grey: GreyLevels
    voxel_array_shift: float


@dataclass(frozen=True)
class FeatureClass:
    """A class of features.

    Attributes
    ----------
    features : tuple of str
        In the order in which the kernel gives them: pyradiomics' names.
    kernel : callable
        Computes them from `RegionVoxels`, or from `RegionMask`; NaN where undefined.
    of_mask : bool
        Whether they follow from the mask alone.
    in_pyradiomics : bool
        Whether pyradiomics has a class of this name with the same features, which the reference engine needs.
    """

    features: tuple[str, ...]
    kernel: Callable[[Any], NDArray[np.float64]]
    of_mask: bool = False
    in_pyradiomics: bool = True


def _shape(region: RegionMask) -> NDArray[np.float64]:
    from gliomics.radiomics.native.shape import shape_features

    return shape_features(region.mask, np.array(region.spacing))


def _firstorder(region: RegionVoxels) -> NDArray[np.float64]:
    from gliomics.radiomics.native.first_order import first_order_features

    return first_order_features(
        region.intensities.astype(np.float64),
        region.grey.counts,
        region.voxel_array_shift,
        float(np.prod(region.spacing)),
    )


def _glcm(region: RegionVoxels) -> NDArray[np.float64]:
    from gliomics.radiomics.native.glcm import glcm_features

    return glcm_features(region.grey)


def _glrlm(region: RegionVoxels) -> NDArray[np.float64]:
    from gliomics.radiomics.native.glrlm import glrlm_features

    return glrlm_features(region.grey)


def _glszm(region: RegionVoxels) -> NDArray[np.float64]:
    from gliomics.radiomics.native.glszm import glszm_features

    return glszm_features(region.grey)


def _gldm(region: RegionVoxels) -> NDArray[np.float64]:
    from gliomics.radiomics.native.gldm import gldm_features

    return gldm_features(region.grey)


def _ngtdm(region: RegionVoxels) -> NDArray[np.float64]:
    from gliomics.radiomics.native.ngtdm import ngtdm_features

    return ngtdm_features(region.grey)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEATURE_CLASSES: Final[dict[str, FeatureClass]] = {
    "shape": FeatureClass(
        _words(
            "Elongation Flatness LeastAxisLength MajorAxisLength Maximum2DDiameterColumn "
            "Maximum2DDiameterRow Maximum2DDiameterSlice Maximum3DDiameter MeshVolume MinorAxisLength "
            "Sphericity SurfaceArea SurfaceVolumeRatio VoxelVolume"
        ),
        _shape,
        of_mask=True,
    ),
    "firstorder": FeatureClass(
        _words(
            "10Percentile 90Percentile Energy Entropy InterquartileRange Kurtosis Maximum "
            "MeanAbsoluteDeviation Mean Median Minimum Range RobustMeanAbsoluteDeviation RootMeanSquared "
            "Skewness TotalEnergy Uniformity Variance"
        ),
        _firstorder,
    ),
    "glcm": FeatureClass(
        _words(
            "Autocorrelation JointAverage ClusterProminence ClusterShade ClusterTendency Contrast "
            "Correlation DifferenceAverage DifferenceEntropy DifferenceVariance JointEnergy JointEntropy "
            "Imc1 Imc2 Idm Idmn Id Idn InverseVariance MaximumProbability SumEntropy SumSquares MCC"
        ),
        _glcm,
    ),
    "glrlm": FeatureClass(
        _words(
            "ShortRunEmphasis LongRunEmphasis GrayLevelNonUniformity GrayLevelNonUniformityNormalized "
            "RunLengthNonUniformity RunLengthNonUniformityNormalized RunPercentage GrayLevelVariance "
            "RunVariance RunEntropy LowGrayLevelRunEmphasis HighGrayLevelRunEmphasis "
            "ShortRunLowGrayLevelEmphasis ShortRunHighGrayLevelEmphasis LongRunLowGrayLevelEmphasis "
            "LongRunHighGrayLevelEmphasis"
        ),
        _glrlm,
    ),
    "glszm": FeatureClass(
        _words(
            "SmallAreaEmphasis LargeAreaEmphasis GrayLevelNonUniformity GrayLevelNonUniformityNormalized "
            "SizeZoneNonUniformity SizeZoneNonUniformityNormalized ZonePercentage GrayLevelVariance "
            "ZoneVariance ZoneEntropy LowGrayLevelZoneEmphasis HighGrayLevelZoneEmphasis "
            "SmallAreaLowGrayLevelEmphasis SmallAreaHighGrayLevelEmphasis LargeAreaLowGrayLevelEmphasis "
            "LargeAreaHighGrayLevelEmphasis"
        ),
        _glszm,
    ),
    "gldm": FeatureClass(
        _words(
            "SmallDependenceEmphasis LargeDependenceEmphasis GrayLevelNonUniformity "
            "DependenceNonUniformity DependenceNonUniformityNormalized GrayLevelVariance "
            "DependenceVariance DependenceEntropy LowGrayLevelEmphasis HighGrayLevelEmphasis "
            "SmallDependenceLowGrayLevelEmphasis SmallDependenceHighGrayLevelEmphasis "
            "LargeDependenceLowGrayLevelEmphasis LargeDependenceHighGrayLevelEmphasis"
        ),
        _gldm,
    ),
    "ngtdm": FeatureClass(
        _words("Coarseness Contrast Busyness Complexity Strength"),
        _ngtdm,
    ),
}
"""All that pyradiomics has not deprecated but GLCM's SumAverage, which is twice JointAverage."""


def get_feature_class(name: str) -> FeatureClass:
    """Look a class up.

    Raises
    ------
    SettingsError
        If there is none of this name; lists the valid ones.
    """
    return look_up(FEATURE_CLASSES, name, where="radiomics.feature_classes", what="class")
