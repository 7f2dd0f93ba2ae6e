"""The sixteen features that run lengths and size zones share: a matrix of grey level by size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.neighbours import EPSILON

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def matrix_features(
    matrix: NDArray[np.float64], levels: NDArray[np.float64], sizes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the features of one matrix.

    Parameters
    ----------
    matrix : ndarray, shape (levels, sizes)
        How many runs (or zones) there are of each level and size.
    levels : ndarray, shape (levels,)
        Grey levels.
    sizes : ndarray, shape (sizes,)
        Lengths of run or sizes of zone.

    Returns
    -------
    ndarray, shape (16,)
        Small and large size emphasis, grey level non-uniformity and normalised, size non-uniformity and
        normalised, percentage, grey level variance, size variance, entropy, low and high grey level
        emphasis, small-low, small-high, large-low, large-high emphasis.
    """
    n_levels, n_sizes = matrix.shape
    by_level, by_size = np.zeros(n_levels), np.zeros(n_sizes)
    entropy = small_low = small_high = large_low = large_high = 0.0
    total = 0.0
    for i in range(n_levels):
        for j in range(n_sizes):
            total += matrix[i, j]
            by_level[i] += matrix[i, j]
            by_size[j] += matrix[i, j]
    for i in range(n_levels):
        level2 = levels[i] * levels[i]
        for j in range(n_sizes):
            count = matrix[i, j]
            if count > 0.0:
                size2 = sizes[j] * sizes[j]
                share = count / total
                entropy -= share * np.log2(share + EPSILON)
                small_low += count / (level2 * size2)
                small_high += count * level2 / size2
                large_low += count * size2 / level2
                large_high += count * (size2 * level2)
    small, large, size_squares, size_variance, voxels = _marginal(by_size, sizes, total)
    low, high, level_squares, level_variance, _ = _marginal(by_level, levels, total)
    features = np.empty(16)
    features[0], features[1] = small / total, large / total
    features[2], features[3] = level_squares / total, level_squares / total**2
    features[4], features[5] = size_squares / total, size_squares / total**2
    features[6] = total / voxels
    features[7], features[8], features[9] = level_variance, size_variance, entropy
    features[10], features[11] = low / total, high / total
    features[12], features[13] = small_low / total, small_high / total
    features[14], features[15] = large_low / total, large_high / total
    return features


@compiled
def _marginal(
    counts: NDArray[np.float64], values: NDArray[np.float64], total: float
) -> tuple[float, float, float, float, float]:
    """Sum count / value^2, count * value^2 and count^2; the variance of the value; and count * value."""
    small = large = squares = weighted = mean = variance = 0.0
    for k in range(len(counts)):
        if counts[k] > 0.0:
            small += counts[k] / (values[k] * values[k])
            large += counts[k] * (values[k] * values[k])
            squares += counts[k] * counts[k]
            weighted += counts[k] * values[k]
            mean += counts[k] / total * values[k]
    for k in range(len(counts)):
        variance += counts[k] / total * (values[k] - mean) * (values[k] - mean)
    return small, large, squares, variance, weighted
