"""Bias-field correction and resampling, with SimpleITK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from gliomics.radiomics.grid import Grid

if TYPE_CHECKING:
    from gliomics.radiomics.settings import MaskInterpolation

N4_SHRINK = 4
N4_ITERATIONS = (50, 50, 50, 50)


def correct_bias_field(grid: Grid) -> Grid:
    """Correct an image's bias field with N4, estimated within the voxels that are not zero.

    Parameters
    ----------
    grid : Grid
        A whole image.

    Returns
    -------
    Grid
        float32; zero where the input is zero.

    References
    ----------
    .. [1] Tustison et al., N4ITK: improved N3 bias correction, IEEE Trans Med Imaging 29, 2010.
    """
    image = sitk.Cast(_image(grid), sitk.sitkFloat32)
    brain = sitk.Cast(sitk.NotEqual(image, 0.0), sitk.sitkUInt8)
    shrink = [max(1, min(N4_SHRINK, size // 4)) for size in image.GetSize()]
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetMaximumNumberOfIterations(N4_ITERATIONS)
    corrector.SetNumberOfThreads(1)
    corrector.Execute(sitk.Shrink(image, shrink), sitk.Shrink(brain, shrink))
    field = sitk.Exp(corrector.GetLogBiasFieldAsImage(image))
    corrected = sitk.GetArrayFromImage(image / sitk.Cast(field, sitk.sitkFloat32))
    return Grid(np.where(grid.array != 0, corrected, np.float32(0)), grid.spacing)


def resample(grid: Grid, spacing_mm: float, interpolation: MaskInterpolation | None) -> Grid:
    """Resample to isotropic voxels, on the grid that pyradiomics takes: corners of the volume coincide.

    Parameters
    ----------
    grid : Grid
        Image or segmentation.
    spacing_mm : float
        New voxel size.
    interpolation : str or None
        How labels are interpolated; none for an image, which is interpolated by cubic B-splines.

    Returns
    -------
    Grid
        The input itself when its voxels already have that size; float64 for an image, the input's type for a
        segmentation.
    """
    if np.allclose(grid.spacing, spacing_mm):
        return grid
    old = np.array(grid.spacing[::-1])
    size = np.ceil(np.array(grid.array.shape[::-1]) * old / spacing_mm).astype(int)
    kinds = {
        None: sitk.sitkBSpline,
        "nearest": sitk.sitkNearestNeighbor,
        "label_gaussian": sitk.sitkLabelGaussian,
    }
    image = _image(grid)
    if interpolation is None:
        image = sitk.Cast(image, sitk.sitkFloat64)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([int(n) for n in size])
    resampler.SetOutputSpacing([spacing_mm] * 3)
    resampler.SetOutputOrigin([float(o) for o in 0.5 * (spacing_mm - old)])
    resampler.SetInterpolator(kinds[interpolation])
    array = sitk.GetArrayFromImage(resampler.Execute(image))
    return Grid(array, (spacing_mm, spacing_mm, spacing_mm))


def _image(grid: Grid) -> Any:
    image = sitk.GetImageFromArray(np.ascontiguousarray(grid.array))
    image.SetSpacing(tuple(reversed(grid.spacing)))
    return image
