"""Filtered images of a crop that equal the filtered whole image."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.radiomics.feature_names import ORIGINAL, log_filter_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gliomics.radiomics.grid import Grid
    from gliomics.radiomics.preprocessing import IntensityScale
    from gliomics.radiomics.regions import Box
    from gliomics.radiomics.settings import RadiomicsSettings

TOO_SMALL = "image_too_small_for_filter"
LOG_REACH_SIGMAS = 20.0
"""ITK's recursive Gaussian dies away as exp(-1.37 d / sigma): after 20 sigma 1e-12 is left, less than the
single precision in which ITK keeps it."""
WAVELET = "coif1"
WAVELET_REACH = 6
"""Length of coiflet 1: no voxel farther away than this enters a coefficient."""


def filtered_crops(
    grid: Grid, scale: IntensityScale, box: Box, settings: RadiomicsSettings
) -> Iterator[tuple[str, NDArray[Any] | None]]:
    """Give the normalised image and its filtered versions within a box.

    Parameters
    ----------
    grid : Grid
        The whole image, not yet normalised.
    scale : IntensityScale
        How to normalise it.
    box : tuple of slice
        Box in (z, y, x) around every region.
    settings : RadiomicsSettings
        ``log_sigmas_mm`` and ``wavelet``.

    Yields
    ------
    name : str
        As ``feature_names.filter_names``, in another order.
    crop : ndarray, shape of the box, or None
        Equal to the box of the filtered whole image; none where pyradiomics refuses to filter so small an
        image.
    """
    yield ORIGINAL, scale.apply(grid.array[box])
    for sigma in settings.log_sigmas_mm:
        yield log_filter_name(sigma), _laplacian_of_gaussian(grid, scale, box, sigma)
    if settings.wavelet:
        yield from _wavelet(grid, scale, box)


def _laplacian_of_gaussian(
    grid: Grid, scale: IntensityScale, box: Box, sigma_mm: float
) -> NDArray[Any] | None:
    shape, spacing = grid.array.shape, np.array(grid.spacing)
    if min(shape) < 4 or np.any(shape < np.ceil(sigma_mm / spacing) + 1):
        return None
    reach = np.ceil(LOG_REACH_SIGMAS * sigma_mm / spacing).astype(int)
    starts = [max(side.start - step, 0) for side, step in zip(box, reach, strict=True)]
    stops = [min(side.stop + step, n) for side, step, n in zip(box, reach, shape, strict=True)]
    import SimpleITK as sitk

    around = tuple(slice(start, stop) for start, stop in zip(starts, stops, strict=True))
    image = sitk.GetImageFromArray(scale.apply(grid.array[around]))
    image.SetSpacing(tuple(reversed(grid.spacing)))
    smooth = sitk.LaplacianRecursiveGaussianImageFilter()
    smooth.SetNormalizeAcrossScale(True)
    smooth.SetSigma(sigma_mm)
    filtered = sitk.GetArrayFromImage(smooth.Execute(image))
    inner = tuple(
        slice(side.start - start, side.stop - start) for side, start in zip(box, starts, strict=True)
    )
    return np.ascontiguousarray(filtered[inner])


def _wavelet(grid: Grid, scale: IntensityScale, box: Box) -> Iterator[tuple[str, NDArray[Any]]]:
    """Decompose a crop as pyradiomics decomposes the whole image, which it continues periodically.

    An axis of odd length is made even by repeating its first voxel, so that voxels across the border are
    found by counting around; the crop has an even length along each axis, and what wraps around within it
    stays in the padding.
    """
    import pywt

    axes = [
        _periodic_indices(side.start - WAVELET_REACH, side.stop + WAVELET_REACH, n)
        for side, n in zip(box, grid.array.shape, strict=True)
    ]
    crop = scale.apply(grid.array[np.ix_(*axes)])
    coefficients = pywt.swtn(crop, WAVELET, level=1, start_level=0, axes=(2, 1, 0))[0]
    inner = tuple(slice(WAVELET_REACH, WAVELET_REACH + side.stop - side.start) for side in box)
    for bands in product("ad", repeat=3):
        key = "".join(bands)
        name = key.replace("a", "L").replace("d", "H")
        yield f"wavelet-{name}", np.ascontiguousarray(coefficients[key][inner])


def _periodic_indices(start: int, stop: int, length: int) -> NDArray[np.int64]:
    period = length + length % 2
    indices = np.arange(start, stop + (stop - start) % 2) % period
    indices[indices == length] = 0
    return indices.astype(np.int64)
