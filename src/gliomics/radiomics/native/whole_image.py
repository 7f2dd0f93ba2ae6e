"""Passes over whole images: where labels lie, and sums for normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.radiomics.native.compilation import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def scan_labels(labels: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the labels that are not 0, with their extent.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x)
        Whole numbers.

    Returns
    -------
    found : ndarray of int64, shape (labels,)
        In the order of their first voxel.
    bounds : ndarray of int64, shape (labels, 3, 2)
        First and last index along (z, y, x).
    """
    found = np.empty(0, dtype=np.int64)
    bounds = np.empty((0, 3, 2), dtype=np.int64)
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                if labels[z, y, x] == 0:
                    continue
                label = np.int64(labels[z, y, x])
                k = 0
                while k < len(found) and found[k] != label:
                    k += 1
                if k == len(found):
                    found = np.append(found, label)
                    extent = np.array([[[z, z], [y, y], [x, x]]], dtype=np.int64)
                    bounds = np.concatenate((bounds, extent))
                here = (z, y, x)
                for axis in range(3):
                    bounds[k, axis, 0] = min(bounds[k, axis, 0], here[axis])
                    bounds[k, axis, 1] = max(bounds[k, axis, 1], here[axis])
    return found, bounds


@compiled
def integer_sums(flat: NDArray[Any], brain: bool) -> tuple[int, float, float]:
    """Count, sum and sum of squares of an image of whole numbers, exactly.

    Parameters
    ----------
    flat : ndarray, shape (voxels,)
        Integers.
    brain : bool
        Count only voxels that are not zero.

    Returns
    -------
    tuple of int, float, float
        Count, sum, sum of squares.
    """
    count = total = squares = np.int64(0)
    for value in flat:
        whole = np.int64(value)
        count += np.int64(whole != 0)
        total += whole
        squares += whole * whole
    return (int(count) if brain else len(flat)), float(total), float(squares)


@compiled
def float_sums(flat: NDArray[Any], brain: bool) -> tuple[int, float, float]:
    """Count, sum and sum of squares of an image of fractions.

    Summed around the mean in a second pass, so that the variance does not cancel.

    Parameters
    ----------
    flat : ndarray, shape (voxels,)
        Fractions.
    brain : bool
        Use only finite voxels that are not zero.

    Returns
    -------
    tuple of int, float, float
        Count, sum, sum of squares.
    """
    count = 0
    total = 0.0
    for value in flat:
        if not brain or (value != 0 and np.isfinite(value)):
            count += 1
            total += value
    mean = total / max(count, 1)
    around = 0.0
    for value in flat:
        if not brain or (value != 0 and np.isfinite(value)):
            around += (value - mean) * (value - mean)
    return count, total, around + total * mean
