"""Shape features, equal to ``radiomics.shape`` (mesh of marching cubes, axes of the voxels' covariance)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.diameters import largest_diameters
from gliomics.radiomics.native.mesh_cases import CORNERS, MAX_TRIANGLES, edge_points, triangle_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRIANGLES = triangle_table()
EDGE_POINTS = edge_points()
CORNER_STEPS = np.array(CORNERS, dtype=np.int64)
ROUNDING = 1e-12
"""Share of the voxels' volume below which a mesh volume is 0: the mesh of voxels that meet in corners only
can turn inside out, and pyradiomics then divides the surface by 0 (missing) or by a rounding error."""
NEARLY_SINGULAR = 1e-8
"""Share of the largest eigenvalue below which rounding decides, and numpy's order is followed."""


def shape_features(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the 14 shape features.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The region's bounding box.
    spacing : ndarray of float64, shape (3,)
        Voxel size along (z, y, x), in mm.

    Returns
    -------
    ndarray, shape (14,)
        In the order of the class's ``features``; NaN where an eigenvalue is negative or the mesh volume is 0.
    """
    padded = np.pad(mask, 1)
    area, volume, points = _mesh(padded, spacing)
    in_slice, in_column, in_row, anywhere = largest_diameters(points, spacing)
    values = _eigenvalues(padded, spacing)
    least, minor, major = (_root(value) * 4 for value in values)
    with np.errstate(invalid="ignore"):
        elongation, flatness = (
            _root(value / values[2]) if major >= 0 else np.nan for value in values[[1, 0]]
        )
    sphericity = (36 * np.pi * volume**2) ** (1.0 / 3.0) / area
    voxel_volume = np.count_nonzero(mask) * float(np.prod(spacing))
    distances = (in_column, in_row, in_slice, anywhere)
    ratio = area / volume if abs(volume) > ROUNDING * voxel_volume else np.nan
    others = (volume, minor, sphericity, area, ratio, voxel_volume)
    return np.array((elongation, flatness, least, major, *distances, *others))


def _root(value: np.inexact[Any]) -> float:
    """Take the real part of a root; LAPACK gives complex pairs where rounding splits an eigenvalue."""
    return float(np.real(np.sqrt(value))) if value >= 0 else np.nan


def _eigenvalues(padded: NDArray[np.bool_], spacing: NDArray[np.float64]) -> NDArray[Any]:
    """Give the eigenvalues of the covariance of voxel centres, from small to large."""
    sums, products, count = _coordinate_sums(padded)
    means = sums / count
    covariance = (products / count - np.outer(means, means)) * np.outer(spacing, spacing)
    values = np.linalg.eigvalsh(covariance)
    if values[0] < NEARLY_SINGULAR * values[2]:
        values = _eigenvalues_as_pyradiomics(padded, spacing)
    return values


def _eigenvalues_as_pyradiomics(padded: NDArray[np.bool_], spacing: NDArray[np.float64]) -> NDArray[Any]:
    coordinates = np.array(np.where(padded), dtype=int).transpose((1, 0)) * spacing[None, :]
    coordinates -= np.mean(coordinates, axis=0)
    coordinates /= np.sqrt(len(coordinates))
    values = np.linalg.eigvals(np.dot(coordinates.T.copy(), coordinates))
    values[(values < 0) & (values > -1e-10)] = 0
    values.sort()
    return values


@compiled
def _coordinate_sums(padded: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Sum coordinates and their products from the box's middle, exactly, in integers."""
    sums, products = np.zeros(3, dtype=np.int64), np.zeros((3, 3), dtype=np.int64)
    depth, height, width = padded.shape
    middle = (depth // 2, height // 2, width // 2)
    here = np.zeros(3, dtype=np.int64)
    count = 0
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                if padded[z, y, x]:
                    here[0], here[1], here[2] = z - middle[0], y - middle[1], x - middle[2]
                    count += 1
                    for a in range(3):
                        sums[a] += here[a]
                        for b in range(a + 1):
                            products[a, b] += here[a] * here[b]
    for a in range(3):
        for b in range(a):
            products[b, a] = products[a, b]
    return sums.astype(np.float64), products.astype(np.float64), count


@compiled
def _mesh(padded: NDArray[np.bool_], spacing: NDArray[np.float64]) -> tuple[float, float, NDArray[np.int64]]:
    """Give area and volume of the marching-cubes mesh, and its points in half voxels."""
    area = volume = 0.0
    depth, height, width = padded.shape
    points = np.empty((1024, 3), dtype=np.int64)
    n_points = 0
    for z in range(depth - 1):
        for y in range(height - 1):
            for x in range(width - 1):
                case = 0
                for corner in range(8):
                    step = CORNER_STEPS[corner]
                    if padded[z + step[0], y + step[1], x + step[2]]:
                        case |= 1 << corner
                if case in {0, 255}:
                    continue
                cube_area, cube_volume = _cube(z, y, x, case, spacing)
                area += cube_area
                volume += cube_volume
                if n_points + 3 > len(points):
                    points = np.concatenate((points, np.empty_like(points)))
                n_points = _add_points(points, n_points, (z, y, x), case)
    return area, volume / 6.0, points[:n_points]


@compiled
def _cube(z: int, y: int, x: int, case: int, spacing: NDArray[np.float64]) -> tuple[float, float]:
    sign = 1.0
    if case & 128:
        case ^= 255
        sign = -1.0
    a, b, c = np.empty(3), np.empty(3), np.empty(3)
    here = (z, y, x)
    area = volume = 0.0
    for triangle in range(MAX_TRIANGLES):
        if TRIANGLES[case, 3 * triangle] < 0:
            break
        for d in range(3):
            a[d] = (here[d] + EDGE_POINTS[TRIANGLES[case, 3 * triangle], d]) * spacing[d]
            b[d] = (here[d] + EDGE_POINTS[TRIANGLES[case, 3 * triangle + 1], d]) * spacing[d]
            c[d] = (here[d] + EDGE_POINTS[TRIANGLES[case, 3 * triangle + 2], d]) * spacing[d]
        volume += sign * _triple_product(a, b, c)
        area += _triangle_area(a, b, c)
    return area, volume


@compiled
def _triple_product(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    return float(
        (a[1] * b[2] - b[1] * a[2]) * c[0]
        + (a[2] * b[0] - b[2] * a[0]) * c[1]
        + (a[0] * b[1] - b[0] * a[1]) * c[2]
    )


@compiled
def _triangle_area(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    u0, u1, u2 = a[0] - c[0], a[1] - c[1], a[2] - c[2]
    v0, v1, v2 = b[0] - c[0], b[1] - c[1], b[2] - c[2]
    normal = (u1 * v2 - v1 * u2) ** 2 + (u2 * v0 - v2 * u0) ** 2 + (u0 * v1 - v0 * u1) ** 2
    return float(0.5 * np.sqrt(normal))


@compiled
def _add_points(points: NDArray[np.int64], n_points: int, here: tuple[int, int, int], case: int) -> int:
    """Add the mesh points on the three edges that meet in corner 7, so that each is stored once."""
    seventh = case >> 7 & 1
    z, y, x = 2 * here[0], 2 * here[1], 2 * here[2]
    if (case >> 6 & 1) != seventh:
        points[n_points, 0], points[n_points, 1], points[n_points, 2] = z + 2, y + 2, x + 1
        n_points += 1
    if (case >> 4 & 1) != seventh:
        points[n_points, 0], points[n_points, 1], points[n_points, 2] = z + 2, y + 1, x
        n_points += 1
    if (case >> 3 & 1) != seventh:
        points[n_points, 0], points[n_points, 1], points[n_points, 2] = z + 1, y + 2, x
        n_points += 1
    return n_points
