"""Grey levels of a region, as pyradiomics' ``binImage`` makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.radiomics.native.compilation import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class GreyLevels:
    """A region's voxels as grey levels.

    Attributes
    ----------
    ranks : ndarray of int32, shape (z + 2, y + 2, x + 2)
        1 for the lowest level that occurs, 2 for the next, ...; 0 outside the region, with a border of 0.
    positions : ndarray of int64, shape (voxels,)
        Where the region's voxels lie in the flattened ``ranks``, in order.
    levels : ndarray of float64, shape (levels that occur,)
        pyradiomics' grey level of each rank, counted from 1 with empty levels between.
    counts : ndarray of int64, shape (levels that occur,)
        Voxels a level.
    """

    ranks: NDArray[np.int32]
    positions: NDArray[np.int64]
    levels: NDArray[np.float64]
    counts: NDArray[np.int64]


def bin_edges(values: NDArray[Any], bin_width: float | None, bin_count: int | None) -> NDArray[Any]:
    """Give the edges between grey levels.

    Parameters
    ----------
    values : ndarray, shape (voxels,)
        Intensities of a region, finite.
    bin_width : float or None
        Width of a level; levels start at a multiple of it.
    bin_count : int or None
        Number of levels instead.

    Returns
    -------
    ndarray
        Ascending, in the type of the values; every operation is pyradiomics', so that no voxel changes its
        level by rounding.
    """
    if bin_count is not None:
        edges = np.histogram(values, bin_count)[1]
        edges[-1] += 1
        return edges
    lowest, highest = values.min(), values.max()
    edges = np.arange(lowest - (lowest % bin_width), highest + 2 * bin_width, bin_width)  # type: ignore[operator]
    return edges if len(edges) > 1 else np.array([edges[0] - 0.5, edges[0] + 0.5])


def discretise(
    values: NDArray[Any], mask: NDArray[np.bool_], bin_width: float | None, bin_count: int | None
) -> GreyLevels:
    """Sort a region's voxels into grey levels.

    Parameters
    ----------
    values : ndarray, shape (voxels,)
        The image at the mask's voxels, in their order.
    mask : ndarray of bool, shape (z, y, x)
        The region's bounding box, C-ordered.
    bin_width, bin_count : float or None, int or None
        As in ``bin_edges``.

    Returns
    -------
    GreyLevels
        Levels from 1.
    """
    edges = bin_edges(values, bin_width, bin_count)
    bins = _digitise(values, edges)
    occurrences = np.bincount(bins)
    present = np.flatnonzero(occurrences)
    rank_of = np.zeros(len(occurrences), dtype=np.int32)
    rank_of[present] = np.arange(1, len(present) + 1)
    ranks, positions = _place(mask, rank_of[bins])
    return GreyLevels(ranks, positions, present.astype(np.float64), occurrences[present])


@compiled
def _digitise(values: NDArray[Any], edges: NDArray[Any]) -> NDArray[np.int64]:
    """Do what ``numpy.digitize`` does, from a guess instead of a search: edges are almost evenly spaced."""
    last = len(edges) - 1
    scale = last / (float(edges[last]) - float(edges[0]))
    bins = np.empty(len(values), dtype=np.int64)
    for k in range(len(values)):
        guess = int((float(values[k]) - float(edges[0])) * scale)
        guess = min(max(guess, 0), last)
        while guess > 0 and values[k] < edges[guess]:
            guess -= 1
        while guess < last and values[k] >= edges[guess + 1]:
            guess += 1
        bins[k] = guess + 1 if values[k] >= edges[guess] else 0
    return bins


@compiled
def _place(mask: NDArray[np.bool_], ranks: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    depth, height, width = mask.shape
    padded = np.zeros((depth + 2, height + 2, width + 2), dtype=np.int32)
    positions = np.empty(len(ranks), dtype=np.int64)
    k = 0
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                if mask[z, y, x]:
                    padded[z + 1, y + 1, x + 1] = ranks[k]
                    positions[k] = ((z + 1) * (height + 2) + y + 1) * (width + 2) + x + 1
                    k += 1
    return padded, positions
