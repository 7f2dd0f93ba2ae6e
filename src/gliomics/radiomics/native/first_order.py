"""First-order statistics, equal to ``radiomics.firstorder``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.neighbours import EPSILON

if TYPE_CHECKING:
    from numpy.typing import NDArray


def first_order_features(
    values: NDArray[np.float64], level_counts: NDArray[np.int64], shift: float, voxel_volume: float
) -> NDArray[np.float64]:
    """Compute the 18 first-order features.

    Parameters
    ----------
    values : ndarray of float64, shape (voxels,)
        Intensities of a region.
    level_counts : ndarray of int64, shape (levels that occur,)
        Voxels a grey level.
    shift : float
        ``voxelArrayShift``: added to intensities in the energies.
    voxel_volume : float
        In cubic millimetres.

    Returns
    -------
    ndarray, shape (18,)
        In the order of the class's ``features``.
    """
    mean = float(np.mean(values))
    low, q10, q25, median, q75, q90, high = _order_statistics(values)
    energy, absolute, robust, m2, m3, m4 = _moments(values, mean, shift, q10, q90)
    spread = m2 if m2 != 0 else 1.0
    share = level_counts / level_counts.sum()
    entropy = -float(np.sum(share * np.log2(share + EPSILON)))
    uniformity = float(np.sum(share**2))
    kurtosis, skewness = m4 / spread**2.0, m3 / spread**1.5
    root_mean_squared, total_energy = np.sqrt(energy / len(values)), energy * voxel_volume
    ordered = (q10, q90, energy, entropy, q75 - q25, kurtosis, high, absolute, mean, median, low)
    others = (high - low, robust, root_mean_squared, skewness, total_energy, uniformity, m2)
    return np.array((*ordered, *others))


def _order_statistics(values: NDArray[np.float64]) -> list[float]:
    ordered = np.sort(values)
    q10, q25, q75, q90 = np.percentile(ordered, (10, 25, 75, 90))
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else np.mean(ordered[middle - 1 : middle + 1])
    return [float(value) for value in (ordered[0], q10, q25, median, q75, q90, ordered[-1])]


@compiled
def _moments(
    values: NDArray[np.float64], mean: float, shift: float, q10: float, q90: float
) -> tuple[float, float, float, float, float, float]:
    energy = absolute = m2 = m3 = m4 = inner_sum = 0.0
    inner = 0
    for value in values:
        energy += (value + shift) * (value + shift)
        centred = value - mean
        squared = centred * centred
        absolute += abs(centred)
        m2 += squared
        m3 += squared * centred
        m4 += squared * squared
        if q10 <= value <= q90:
            inner += 1
            inner_sum += value
    inner_mean = inner_sum / inner
    robust = 0.0
    for value in values:
        if q10 <= value <= q90:
            robust += abs(value - inner_mean)
    n = len(values)
    return energy, absolute / n, robust / inner, m2 / n, m3 / n, m4 / n
