"""The largest distances between points of a region's surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.compilation import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def largest_diameters(
    points: NDArray[np.int64], spacing: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Give the largest distance between points within planes of equal z, y and x, and anywhere.

    Only corners of the convex hull can be the ends of a largest distance, and a corner of the hull is a
    corner of the hull of its own plane. Points that are no corners of their plane's hull are therefore
    dropped, plane by plane along each axis, before pairs are compared.

    Parameters
    ----------
    points : ndarray of int64, shape (n, 3)
        Coordinates (z, y, x) in half voxels.
    spacing : ndarray of float64, shape (3,)
        Voxel size along (z, y, x), in mm.

    Returns
    -------
    tuple of float
        Slice (equal z), column (equal y), row (equal x) and 3D diameter, in mm.
    """
    half = spacing / 2.0
    best = np.zeros(4)
    corners = np.empty((0, 3), dtype=np.int64)
    for axis in range(3):
        in_plane, best[axis] = _plane_corners(points, axis, half)
        if axis == 0:
            corners = in_plane
        else:
            corners, _ = _plane_corners(corners, axis, half)
    best[3] = _largest_squared(corners, 0, len(corners), half)
    return np.sqrt(best[0]), np.sqrt(best[1]), np.sqrt(best[2]), np.sqrt(best[3])


@compiled
def _plane_corners(
    points: NDArray[np.int64], axis: int, half: NDArray[np.float64]
) -> tuple[NDArray[np.int64], float]:
    """Keep the corners of each plane's convex hull, and give the largest squared distance in a plane."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    if first > second:
        first, second = second, first
    ordered = _sorted_points(points, (axis, first, second))
    kept = np.empty_like(ordered)
    n_kept, start, largest = 0, 0, 0.0
    while start < len(ordered):
        stop = start
        while stop < len(ordered) and ordered[stop, axis] == ordered[start, axis]:
            stop += 1
        n_new = _hull(ordered[start:stop], (first, second), kept[n_kept:])
        largest = max(largest, _largest_squared(kept, n_kept, n_kept + n_new, half))
        n_kept += n_new
        start = stop
    return kept[:n_kept], largest


@compiled
def _sorted_points(points: NDArray[np.int64], axes: tuple[int, int, int]) -> NDArray[np.int64]:
    """Sort by one axis, then another, then the last; coordinates are below 2**20."""
    keys = np.empty(len(points), dtype=np.int64)
    for k in range(len(points)):
        keys[k] = (points[k, axes[0]] << 40) + (points[k, axes[1]] << 20) + points[k, axes[2]]
    order = np.argsort(keys)
    ordered = np.empty_like(points)
    for k in range(len(points)):
        for d in range(3):
            ordered[k, d] = points[order[k], d]
    return ordered


@compiled
def _hull(ordered: NDArray[np.int64], axes: tuple[int, int], out: NDArray[np.int64]) -> int:
    """Write the hull of the sorted points of one plane (Andrew's monotone chain); give its size."""
    count = len(ordered)
    if count < 3:
        for k in range(count):
            for d in range(3):
                out[k, d] = ordered[k, d]
        return count
    chain = np.empty(2 * count, dtype=np.int64)
    size = 0
    for k in range(count):
        while size >= 2 and _turn(ordered, (chain[size - 2], chain[size - 1], k), axes) <= 0:
            size -= 1
        chain[size] = k
        size += 1
    lower = size + 1
    for k in range(count - 2, -1, -1):
        while size >= lower and _turn(ordered, (chain[size - 2], chain[size - 1], k), axes) <= 0:
            size -= 1
        chain[size] = k
        size += 1
    for k in range(size - 1):
        for d in range(3):
            out[k, d] = ordered[chain[k], d]
    return size - 1


@compiled
def _turn(points: NDArray[np.int64], corners: tuple[int, int, int], axes: tuple[int, int]) -> int:
    """Give twice the signed area of a triangle in a plane."""
    a, b, c = corners
    first, second = axes
    u, v = points[b, first] - points[a, first], points[b, second] - points[a, second]
    s, t = points[c, first] - points[a, first], points[c, second] - points[a, second]
    return int(u * t - v * s)


@compiled
def _largest_squared(points: NDArray[np.int64], start: int, stop: int, half: NDArray[np.float64]) -> float:
    largest = 0.0
    for i in range(start, stop):
        for j in range(i + 1, stop):
            squared = 0.0
            for d in range(3):
                difference = (points[i, d] - points[j, d]) * half[d]
                squared += difference * difference
            largest = max(largest, squared)
    return largest
