"""From the small map of each crop to the scan's grid, averaged where crops overlap."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Shape = tuple[int, int, int]
EDGE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Placement:
    """How the cells of a case's maps become heat of the scan's voxels.

    Attributes
    ----------
    shape : tuple of int
        Of the scan.
    voxels : ndarray of int, shape (v,)
        Flat indices (C order) of the voxels that lie in at least one crop: the network's field of view,
        ascending.
    operator : csr_matrix, shape (v, crops x cells)
        Trilinear interpolation, averaged over the crops that hold a voxel.
    """

    shape: Shape
    voxels: NDArray[np.int64]
    operator: csr_matrix

    def heat(self, maps: NDArray[np.floating]) -> NDArray[np.float64]:
        """Place maps.

        Parameters
        ----------
        maps : ndarray, shape (crops, x, y, z)
            One map a crop.

        Returns
        -------
        ndarray, shape (v,)
            Heat of each voxel of the field of view.
        """
        placed: NDArray[np.float64] = self.operator @ np.asarray(maps, dtype=np.float64).ravel()
        return placed

    def volume(self, heat: NDArray[np.floating]) -> NDArray[np.float32]:
        """Put the heat of the field of view into the scan's grid; NaN outside every crop."""
        volume = np.full(self.shape, np.nan, dtype=np.float32)
        volume.reshape(-1)[self.voxels] = heat
        return volume


def place_crops(
    shape: Shape,
    affine: NDArray[np.float64],
    crop_affines: Sequence[NDArray[np.float64]],
    *,
    crop_voxels: int,
    cells: int,
) -> Placement:
    """Prepare the way from the maps of a case's crops to its scan.

    A map's cell stands for ``crop_voxels / cells`` voxels of its crop; between the centres of cells heat is
    interpolated trilinearly, beyond the outermost centres it stays as it is.

    Parameters
    ----------
    shape : tuple of int
        Of the scan.
    affine : ndarray, shape (4, 4)
        Voxels of the scan to RAS+ mm; may be oblique.
    crop_affines : sequence of ndarray, shape (4, 4)
        Voxels of each crop to RAS+ mm.
    crop_voxels : int
        Edge of a crop.
    cells : int
        Edge of a map.

    Returns
    -------
    Placement
        Empty where no crop touches the scan.
    """
    parts = [_place_crop(shape, np.linalg.inv(crop) @ affine, crop_voxels, cells) for crop in crop_affines]
    covered = np.concatenate([voxels for voxels, _ in parts]) if parts else np.empty(0, dtype=np.int64)
    voxels, counts = np.unique(covered, return_counts=True)
    rows: list[NDArray[Any]] = [np.empty(0, dtype=np.int64)]
    columns: list[NDArray[Any]] = [np.empty(0, dtype=np.int64)]
    values: list[NDArray[Any]] = [np.empty(0)]
    for number, (own, corners) in enumerate(parts):
        row = np.searchsorted(voxels, own)
        for cell, weight in corners:
            rows.append(row)
            columns.append(cell + number * cells**3)
            values.append(weight / counts[row])
    operator = csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(len(voxels), len(parts) * cells**3),
    )
    return Placement(shape, voxels, operator)


def _place_crop(
    shape: Shape, to_crop: NDArray[np.float64], crop_voxels: int, cells: int
) -> tuple[NDArray[np.int64], list[tuple[NDArray[np.int64], NDArray[np.float64]]]]:
    """Find the voxels inside one crop, and for each the eight cells around it with their weights."""
    index = _candidates(shape, to_crop, crop_voxels)
    place = to_crop[:3, :3] @ index + to_crop[:3, 3:]
    low, high = -0.5 - EDGE_TOLERANCE, crop_voxels - 0.5 + EDGE_TOLERANCE
    inside = ((place >= low) & (place <= high)).all(axis=0)
    own = np.ravel_multi_index(tuple(index[:, inside]), shape).astype(np.int64)
    cell = np.clip((place[:, inside] + 0.5) * cells / crop_voxels - 0.5, 0.0, cells - 1.0)
    first = np.minimum(np.floor(cell).astype(np.int64), max(cells - 2, 0))
    share = cell - first
    corners = []
    for step in product((0, 1), repeat=3):
        corner = np.minimum(first + np.array(step)[:, None], cells - 1)
        weight = np.where(np.array(step)[:, None] == 1, share, 1.0 - share).prod(axis=0)
        corners.append((np.ravel_multi_index(tuple(corner), (cells,) * 3).astype(np.int64), weight))
    return own, corners


def _candidates(shape: Shape, to_crop: NDArray[np.float64], crop_voxels: int) -> NDArray[np.int64]:
    """Give the indices of the scan's voxels in the box around a crop, shape (3, n)."""
    corners = np.array(list(product((-0.5, crop_voxels - 0.5), repeat=3))).T
    to_scan = np.linalg.inv(to_crop)
    found = to_scan[:3, :3] @ corners + to_scan[:3, 3:]
    start = np.clip(np.floor(found.min(axis=1)).astype(int), 0, shape)
    stop = np.clip(np.ceil(found.max(axis=1)).astype(int) + 1, start, shape)
    sides = [np.arange(first, last) for first, last in zip(start, stop, strict=True)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*sides, indexing="ij")]).astype(np.int64)
