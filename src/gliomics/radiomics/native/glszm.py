"""Grey level size zone features, equal to ``radiomics.glszm``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.level_size_matrix import matrix_features
from gliomics.radiomics.native.neighbours import ANGLES, flat_offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.native.discretisation import GreyLevels


def glszm_features(grey: GreyLevels) -> NDArray[np.float64]:
    """Compute the 16 GLSZM features.

    Parameters
    ----------
    grey : GreyLevels
        A region's grey levels.

    Returns
    -------
    ndarray, shape (16,)
        In the order of the class's ``features``.
    """
    zone_ranks, zone_sizes = _zones(grey.ranks, grey.positions)
    sizes, size_of = np.unique(zone_sizes, return_inverse=True)
    matrix = np.zeros((len(grey.levels), len(sizes)))
    np.add.at(matrix, (zone_ranks - 1, size_of), 1.0)
    return matrix_features(matrix, grey.levels, sizes.astype(np.float64))


@compiled
def _zones(
    ranks: NDArray[np.int32], positions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give level and size of every set of equal voxels that hang together through 26 neighbours."""
    shape = ranks.shape
    flat = ranks.ravel().copy()
    waiting = np.empty(len(positions), dtype=np.int64)
    zone_ranks, zone_sizes = (
        np.empty(len(positions), dtype=np.int64),
        np.empty(len(positions), dtype=np.int64),
    )
    n_zones = 0
    for seed in positions:
        rank = flat[seed]
        if rank == 0:
            continue
        flat[seed] = 0
        waiting[0] = seed
        n_waiting, size = 1, 0
        while n_waiting > 0:
            n_waiting -= 1
            here = waiting[n_waiting]
            size += 1
            for angle in range(len(ANGLES)):
                step = flat_offset(shape, angle)
                for other in (here + step, here - step):
                    if flat[other] == rank:
                        flat[other] = 0
                        waiting[n_waiting] = other
                        n_waiting += 1
        zone_ranks[n_zones], zone_sizes[n_zones] = rank, size
        n_zones += 1
    return zone_ranks[:n_zones], zone_sizes[:n_zones]
