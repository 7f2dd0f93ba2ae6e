"""From a scan to the intensities that features are computed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.radiomics.grid import zyx_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.imaging.volume import Volume
    from gliomics.radiomics.grid import Grid
    from gliomics.radiomics.settings import RadiomicsSettings


@dataclass(frozen=True)
class IntensityScale:
    """The linear map from a file's intensities to those that are measured: (x - shift) * factor * scale.

    Attributes
    ----------
    shift, factor, scale : float
        Mean, reciprocal of the standard deviation, and the settings' scale.
    """

    shift: float
    factor: float
    scale: float

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Map intensities.

        Parameters
        ----------
        array : ndarray
            As in the file.

        Returns
        -------
        ndarray
            float32 for a float32 file, else float64 (as SimpleITK's ``Normalize``).
        """
        kind: type[np.floating[Any]] = np.float32 if array.dtype == np.float32 else np.float64
        wide = array.astype(np.float64)
        if (self.shift, self.factor, self.scale) == (0.0, 1.0, 1.0):
            return wide.astype(kind)
        scores: NDArray[np.floating[Any]] = ((wide - self.shift) * self.factor).astype(kind)
        return scores * kind(self.scale)


def image_grid(volume: Volume, settings: RadiomicsSettings) -> Grid:
    """Bring an image into pyradiomics' order of axes, with its bias field corrected if the settings say so.

    Parameters
    ----------
    volume : Volume
        A whole image.
    settings : RadiomicsSettings
        ``n4``.

    Returns
    -------
    Grid
        A view of the volume's voxels when nothing is to be changed.
    """
    grid = zyx_grid(volume)
    if not settings.n4:
        return grid
    from gliomics.radiomics.resampling import correct_bias_field

    return correct_bias_field(grid)


def resampled(grid: Grid, settings: RadiomicsSettings, *, is_mask: bool) -> Grid:
    """Resample an image or a segmentation if the settings say so.

    Parameters
    ----------
    grid : Grid
        As in the file.
    settings : RadiomicsSettings
        ``resampling_spacing_mm`` and ``mask_interpolation``.
    is_mask : bool
        Whether it is the segmentation.

    Returns
    -------
    Grid
        The input itself when nothing is to be changed.

    Notes
    -----
    Statistics for normalisation are taken before: B-splines ring, so that hardly a voxel of a resampled
    background stays zero. Both steps are linear, so that the order makes no other difference.
    """
    if settings.resampling_spacing_mm is None:
        return grid
    interpolation = settings.mask_interpolation if is_mask else None
    from gliomics.radiomics.resampling import resample

    return resample(grid, settings.resampling_spacing_mm, interpolation)


def intensity_scale(array: NDArray[Any], settings: RadiomicsSettings) -> IntensityScale:
    """Find the map that normalises an image.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
        A whole image.
    settings : RadiomicsSettings
        ``normalisation`` and ``normalisation_scale``.

    Returns
    -------
    IntensityScale
        With infinite or missing numbers when the image has no contrast.

    Notes
    -----
    ``brain_zscore`` uses the mean and the standard deviation over finite voxels that are not zero,
    ``whole_image`` those over every voxel, with n - 1 as SimpleITK has it.
    """
    if settings.normalisation == "none":
        return IntensityScale(0.0, 1.0, 1.0)
    brain = settings.normalisation == "brain_zscore"
    flat = array.ravel(order="K")
    # Numba is large: the process which only hands out cases does without it.
    from gliomics.radiomics.native.whole_image import float_sums, integer_sums

    sums = integer_sums if array.dtype.kind in "iu" else float_sums
    count, total, squares = sums(flat, brain)
    freedom = count if brain else count - 1
    if count < 2:
        return IntensityScale(np.nan, np.nan, settings.normalisation_scale)
    variance = max(squares - total * total / count, 0.0) / freedom
    factor = 1.0 / float(np.sqrt(variance)) if variance > 0 else np.nan
    return IntensityScale(total / count, factor, settings.normalisation_scale)
