"""Neighbouring grey tone difference features, equal to ``radiomics.ngtdm``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.neighbours import ANGLES, flat_offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.native.discretisation import GreyLevels

FLAT_COARSENESS = 1e6
"""What pyradiomics gives for a region without differences."""


def ngtdm_features(grey: GreyLevels) -> NDArray[np.float64]:
    """Compute the 5 NGTDM features.

    Parameters
    ----------
    grey : GreyLevels
        A region's grey levels.

    Returns
    -------
    ndarray, shape (5,)
        In the order of the class's ``features``.
    """
    differences = _differences(grey.ranks, grey.positions, grey.levels)
    voxels = float(grey.counts.sum())
    share = grey.counts / voxels
    coarse = float(np.sum(share * differences))
    contrast, absolute, complexity, strength = _pair_sums(share, differences, grey.levels)
    pairs = len(share) * (len(share) - 1)
    total = float(np.sum(differences))
    return np.array(
        [
            1.0 / coarse if coarse != 0 else FLAT_COARSENESS,
            contrast * total / voxels / pairs if pairs else 0.0,
            coarse / absolute if absolute != 0 else 0.0,
            complexity / voxels,
            strength / total if total != 0 else 0.0,
        ]
    )


@compiled
def _differences(
    ranks: NDArray[np.int32], positions: NDArray[np.int64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum, for each level, the absolute differences between voxels and the mean of their neighbours."""
    flat = ranks.ravel()
    steps = np.empty(2 * len(ANGLES), dtype=np.int64)
    for angle in range(len(ANGLES)):
        steps[2 * angle] = flat_offset(ranks.shape, angle)
        steps[2 * angle + 1] = -steps[2 * angle]
    differences = np.zeros(len(levels))
    for position in positions:
        count, total = 0, 0.0
        for step in steps:
            other = flat[position + step]
            if other > 0:
                count += 1
                total += levels[other - 1]
        if count > 0:
            rank = flat[position]
            differences[rank - 1] += abs(levels[rank - 1] - total / count)
    return differences


@compiled
def _pair_sums(
    share: NDArray[np.float64], differences: NDArray[np.float64], levels: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Sum over pairs of levels for contrast, busyness, complexity and strength."""
    contrast = absolute = complexity = strength = 0.0
    for i in range(len(share)):
        for j in range(len(share)):
            apart = levels[i] - levels[j]
            both = share[i] + share[j]
            contrast += share[i] * share[j] * apart * apart
            absolute += abs(levels[i] * share[i] - levels[j] * share[j])
            complexity += abs(apart) * (share[i] * differences[i] + share[j] * differences[j]) / both
            strength += both * apart * apart
    return contrast, absolute, complexity, strength
