"""Voxels in pyradiomics' order of axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.imaging.volume import Volume

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """Voxels in pyradiomics' order of axes.

    Attributes
    ----------
    array : ndarray, shape (z, y, x)
        Voxels.
    spacing : tuple of float
        Voxel size along (z, y, x), in mm.
    """

    array: NDArray[Any]
    spacing: Triple


def zyx_grid(volume: Volume) -> Grid:
    """Bring a volume into pyradiomics' order of axes.

    Parameters
    ----------
    volume : Volume
        Image or segmentation.

    Returns
    -------
    Grid
        A view of the volume's voxels.
    """
    x, y, z = volume.spacing_mm
    return Grid(volume.array.transpose(2, 1, 0), (z, y, x))
