"""Grey level dependence features, equal to ``radiomics.gldm`` (alpha 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.level_size_matrix import matrix_features
from gliomics.radiomics.native.neighbours import ANGLES, flat_offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.native.discretisation import GreyLevels

ORDER = (0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15)
"""Where the features lie among those of a matrix of level by size."""


def gldm_features(grey: GreyLevels) -> NDArray[np.float64]:
    """Compute the 14 GLDM features.

    Parameters
    ----------
    grey : GreyLevels
        A region's grey levels.

    Returns
    -------
    ndarray, shape (14,)
        In the order of the class's ``features``.
    """
    matrix = _dependences(grey.ranks, grey.positions, len(grey.levels))
    sizes = np.arange(1, matrix.shape[1] + 1, dtype=np.float64)
    return matrix_features(matrix, grey.levels, sizes)[list(ORDER)]


@compiled
def _dependences(
    ranks: NDArray[np.int32], positions: NDArray[np.int64], n_levels: int
) -> NDArray[np.float64]:
    """Count voxels by level and by how many of the 26 neighbours have the same level."""
    flat = ranks.ravel()
    steps = np.empty(len(ANGLES), dtype=np.int64)
    for angle in range(len(ANGLES)):
        steps[angle] = flat_offset(ranks.shape, angle)
    matrix = np.zeros((n_levels, 2 * len(ANGLES) + 1))
    for position in positions:
        rank = flat[position]
        alike = 0
        for step in steps:
            alike += (flat[position + step] == rank) + (flat[position - step] == rank)
        matrix[rank - 1, alike] += 1.0
    return matrix
