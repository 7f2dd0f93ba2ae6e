"""Grey level run length features, equal to ``radiomics.glrlm`` (mean over angles)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.angle_means import mean_over_angles
from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.level_size_matrix import matrix_features
from gliomics.radiomics.native.neighbours import ANGLES, flat_offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.native.discretisation import GreyLevels


def glrlm_features(grey: GreyLevels) -> NDArray[np.float64]:
    """Compute the 16 GLRLM features.

    Parameters
    ----------
    grey : GreyLevels
        A region's grey levels.

    Returns
    -------
    ndarray, shape (16,)
        In the order of the class's ``features``; NaN where no line holds two voxels.
    """
    return mean_over_angles(_angle_features(grey.ranks, grey.positions, grey.levels))


@compiled
def _angle_features(
    ranks: NDArray[np.int32], positions: NDArray[np.int64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    features = np.full((len(ANGLES), 16), np.nan)
    longest = max(ranks.shape) - 2
    sizes = np.arange(1, longest + 1).astype(np.float64)
    for angle in range(len(ANGLES)):
        matrix, neighbouring = _count_runs(ranks, positions, len(levels), longest, angle)
        if neighbouring or _some_line_holds_two(ranks, positions, angle):
            features[angle] = matrix_features(matrix, levels, sizes)
    return features


@compiled
def _count_runs(
    ranks: NDArray[np.int32], positions: NDArray[np.int64], n_levels: int, longest: int, angle: int
) -> tuple[NDArray[np.float64], bool]:
    """Count runs of equal level by level and length; tell whether any two voxels are neighbours."""
    flat = ranks.ravel()
    offset = flat_offset(ranks.shape, angle)
    matrix = np.zeros((n_levels, longest))
    neighbouring = False
    for position in positions:
        rank = flat[position]
        before = flat[position - offset]
        neighbouring = neighbouring or before > 0
        if before == rank:
            continue
        length = 0
        ahead = position + offset
        while flat[ahead] == rank:
            length += 1
            ahead += offset
        matrix[rank - 1, length] += 1.0
    return matrix, neighbouring


@compiled
def _some_line_holds_two(ranks: NDArray[np.int32], positions: NDArray[np.int64], angle: int) -> bool:
    """Tell whether a line along the angle holds two voxels of the region, however far apart."""
    dz, dy, dx = ANGLES[angle]
    depth, height, width = ranks.shape
    for position in positions:
        z = position // (height * width) + dz
        y = position // width % height + dy
        x = position % width + dx
        while 0 <= z < depth and 0 <= y < height and 0 <= x < width:
            if ranks[z, y, x] > 0:
                return True
            z, y, x = z + dz, y + dy, x + dx
    return False
