"""Grey level co-occurrence features, equal to ``radiomics.glcm`` (symmetrical, mean over angles)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.radiomics.native.angle_means import mean_over_angles
from gliomics.radiomics.native.compilation import compiled
from gliomics.radiomics.native.neighbours import ANGLES, EPSILON, flat_offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.radiomics.native.discretisation import GreyLevels

N_FEATURES = 23
IMC2, MCC = 13, 22
DEPENDENCE, SECOND_EIGENVALUE = 23, 24
ROUNDING_LIMIT = 1e-7
"""Below this, rounding decides the roots in Imc2 and MCC, so pyradiomics' order of operations is kept."""
SHIFT_LIMIT = 1e-7
"""How far pyradiomics' epsilon may move an eigenvalue before it is corrected for."""


def glcm_features(grey: GreyLevels) -> NDArray[np.float64]:
    """Compute 23 GLCM features (all but SumAverage).

    Parameters
    ----------
    grey : GreyLevels
        A region's grey levels.

    Returns
    -------
    ndarray, shape (23,)
        In the order of the class's ``features``; NaN where no voxel has a neighbour.
    """
    per_angle = _angle_features(grey.ranks, grey.positions, grey.levels)
    means = mean_over_angles(per_angle[:, :N_FEATURES])
    sensitive = np.nanmin(per_angle[:, DEPENDENCE:], initial=1.0) < ROUNDING_LIMIT
    if sensitive or np.isinf(per_angle[:, MCC]).any():
        matrices = _matrices(grey.ranks, grey.positions, len(grey.levels))
        means[IMC2] = _imc2_as_pyradiomics(matrices)
        means[MCC] = _mcc_as_pyradiomics(matrices)
    if len(grey.levels) == 1:
        means[MCC] = 1.0
    return means


def _matrices(ranks: NDArray[np.int32], positions: NDArray[np.int64], n_levels: int) -> NDArray[np.float64]:
    """Give the normalised symmetrical matrices in pyradiomics' layout (1, levels, levels, angles)."""
    counts = np.zeros((1, n_levels, n_levels, len(ANGLES)))
    for angle in range(len(ANGLES)):
        counts[0, :, :, angle] = _count_pairs(ranks, positions, n_levels, angle)
    counts += np.transpose(counts, (0, 2, 1, 3)).copy()
    totals = counts.sum(axis=(1, 2))
    filled = totals[0] > 0
    matrices: NDArray[np.float64] = np.ascontiguousarray(counts[..., filled])
    matrices /= totals[:, None, None, filled]
    return matrices


def _imc2_as_pyradiomics(p: NDArray[np.float64]) -> float:
    product = p.sum(2, keepdims=True) * p.sum(1, keepdims=True)
    joint = (-1) * np.sum(p * np.log2(p + EPSILON), (1, 2))
    independent = (-1) * np.sum(product * np.log2(product + EPSILON), (1, 2))
    with np.errstate(invalid="ignore"):
        values = (1 - np.e ** (-2 * (independent - joint))) ** 0.5
    values[independent == joint] = 0
    return float(mean_over_angles(values.T)[0])


def _mcc_as_pyradiomics(p: NDArray[np.float64]) -> float:
    if p.shape[1] < 2:
        return 1.0
    px, py = p.sum(2, keepdims=True), p.sum(1, keepdims=True)
    q = np.zeros_like(p)
    for k in range(p.shape[1]):
        q += (p[:, :, None, k, :] * p[:, None, :, k, :]) / (
            px[:, :, None, 0, :] * py[:, None, :, k, :] + EPSILON
        )
    eigenvalues = np.linalg.eigvals(q.transpose((0, 3, 1, 2)))
    eigenvalues.sort()
    with np.errstate(invalid="ignore"):
        roots = np.sqrt(eigenvalues[0, :, -2])
    return float(mean_over_angles(roots[:, None])[0].real)


@compiled
def _count_pairs(
    ranks: NDArray[np.int32], positions: NDArray[np.int64], n_levels: int, angle: int
) -> NDArray[np.float64]:
    flat = ranks.ravel()
    offset = flat_offset(ranks.shape, angle)
    counts = np.zeros((n_levels, n_levels))
    for position in positions:
        other = flat[position + offset]
        if other > 0:
            counts[flat[position] - 1, other - 1] += 1.0
    return counts


@compiled
def _angle_features(
    ranks: NDArray[np.int32], positions: NDArray[np.int64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute each angle's features, and the two figures that tell whether rounding matters."""
    n = len(levels)
    features = np.full((len(ANGLES), N_FEATURES + 2), np.nan)
    for angle in range(len(ANGLES)):
        counts = _count_pairs(ranks, positions, n, angle)
        total = 2.0 * counts.sum()
        if total == 0.0:
            continue
        p = (counts + counts.T) / total
        row = features[angle]
        px = _row_sums(p)
        _sums_and_differences(p, levels, row)
        _moments(p, px, levels, row)
        _information(p, px, row)
        _maximal_correlation(p, px, row)
    return features


@compiled
def _row_sums(p: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.zeros(len(p))
    for i in range(len(p)):
        for j in range(len(p)):
            sums[i] += p[i, j]
    return sums


@compiled
def _sums_and_differences(
    p: NDArray[np.float64], levels: NDArray[np.float64], row: NDArray[np.float64]
) -> None:
    """Fill the features of p(x+y) and p(x-y), which do not need the matrix itself."""
    highest = int(levels[-1])
    plus, minus = np.zeros(2 * highest + 1), np.zeros(highest)
    for i in range(len(p)):
        for j in range(i, len(p)):
            if p[i, j] > 0.0:
                share = p[i, j] if i == j else 2.0 * p[i, j]
                plus[int(levels[i] + levels[j])] += share
                minus[int(levels[j] - levels[i])] += share
    average = entropy = contrast = inverse_moment = inverse_moment_n = 0.0
    inverse = inverse_n = inverse_variance = sum_entropy = variance = 0.0
    for k in range(highest):
        if minus[k] > 0.0:
            average += k * minus[k]
            contrast += float(k) * k * minus[k]
            entropy -= minus[k] * np.log2(minus[k] + EPSILON)
            inverse_moment += minus[k] / (1.0 + float(k) * k)
            inverse_moment_n += minus[k] / (1.0 + float(k) * k / (float(highest) * highest))
            inverse += minus[k] / (1.0 + k)
            inverse_n += minus[k] / (1.0 + k / float(highest))
            if k > 0:
                inverse_variance += minus[k] / (float(k) * k)
    for k in range(highest):
        variance += minus[k] * (k - average) * (k - average)
    for share in plus:
        if share > 0.0:
            sum_entropy -= share * np.log2(share + EPSILON)
    row[5], row[7], row[8], row[9] = contrast, average, entropy, variance
    row[14], row[15], row[16], row[17] = inverse_moment, inverse_moment_n, inverse, inverse_n
    row[18], row[20] = inverse_variance, sum_entropy


@compiled
def _moments(
    p: NDArray[np.float64], px: NDArray[np.float64], levels: NDArray[np.float64], row: NDArray[np.float64]
) -> None:
    """Fill the features of levels weighted by the matrix."""
    mean = variance = 0.0
    for i in range(len(p)):
        mean += px[i] * levels[i]
    for i in range(len(p)):
        variance += px[i] * (levels[i] - mean) * (levels[i] - mean)
    product = covariance = second = third = fourth = squared = largest = 0.0
    for i in range(len(p)):
        for j in range(i, len(p)):
            if p[i, j] > 0.0:
                share = p[i, j] if i == j else 2.0 * p[i, j]
                centred = levels[i] + levels[j] - 2.0 * mean
                product += share * levels[i] * levels[j]
                covariance += share * (levels[i] - mean) * (levels[j] - mean)
                second += share * centred**2
                third += share * centred**3
                fourth += share * centred**4
                squared += share * p[i, j]
                largest = max(largest, p[i, j])
    row[0], row[1], row[2], row[3], row[4] = product, mean, fourth, third, second
    row[6] = covariance / (variance + EPSILON) if variance != 0.0 else 1.0
    row[10], row[19], row[21] = squared, largest, variance


@compiled
def _information(p: NDArray[np.float64], px: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Fill the joint entropy and the two informational measures of correlation."""
    marginal = joint = crossed = independent = 0.0
    for i in range(len(p)):
        if px[i] == 0.0:
            continue
        marginal -= px[i] * np.log2(px[i] + EPSILON)
        for j in range(i, len(p)):
            product = px[i] * px[j]
            if product == 0.0:
                continue
            twice = 1.0 if i == j else 2.0
            logarithm = np.log2(product + EPSILON)
            independent -= twice * product * logarithm
            if p[i, j] > 0.0:
                crossed -= twice * p[i, j] * logarithm
                joint -= twice * p[i, j] * np.log2(p[i, j] + EPSILON)
    row[11] = joint
    row[12] = (joint - crossed) / marginal if marginal != 0.0 else 0.0
    row[DEPENDENCE] = independent - joint
    row[IMC2] = np.sqrt(1.0 - np.exp(-2.0 * (independent - joint)))


@compiled
def _maximal_correlation(p: NDArray[np.float64], px: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Fill the maximal correlation coefficient.

    pyradiomics takes the second eigenvalue of Q = sum_k p(i,k) p(j,k) / (px(i) py(k) + epsilon). Without
    epsilon Q is similar to the square of the symmetric matrix p(i,j) / sqrt(px(i) px(j)), whose eigenvalues
    cost a tenth. Where levels are so rare that epsilon moves the eigenvalue, first-order perturbation
    theory adds the shift; infinity asks for pyradiomics' own way.
    """
    n = len(p)
    used = np.flatnonzero(px > 0.0)
    if n < 2 or len(used) < 2:
        row[MCC], row[SECOND_EIGENVALUE] = np.inf, 1.0
        return
    m = len(used)
    root = np.sqrt(px[used])
    symmetric = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            symmetric[i, j] = p[used[i], used[j]] / (root[i] * root[j])
    eigenvalues = np.linalg.eigvalsh(symmetric)
    order = np.argsort(np.abs(eigenvalues))
    second = eigenvalues[order[-2]]
    row[SECOND_EIGENVALUE] = second * second
    bound = EPSILON / root.min() ** 4
    if bound < SHIFT_LIMIT:
        row[MCC] = abs(second)
        return
    third = eigenvalues[order[-3]] ** 2 if m > 2 else 0.0
    gap = min(1.0 - second * second, second * second - third)
    if gap < 1e-4 or bound * bound > 1e-9 * gap:
        row[MCC] = np.inf
        return
    row[MCC] = np.sqrt(second * second + _epsilon_shift(symmetric, root, second))


@compiled
def _epsilon_shift(symmetric: NDArray[np.float64], root: NDArray[np.float64], eigenvalue: float) -> float:
    """Give the first-order change of the eigenvalue of Q that epsilon makes."""
    m = len(root)
    shifted = symmetric.copy()
    for i in range(m):
        shifted[i, i] -= eigenvalue + 1e-11
    vector = np.cos(np.arange(m) * 1.7) + 0.1
    for _ in range(3):
        vector = np.linalg.solve(shifted, vector)
        vector /= np.sqrt(np.sum(vector * vector))
    image = np.dot(symmetric, vector)
    change = 0.0
    for i in range(m):
        for k in range(m):
            product = root[i] * root[i] * root[k] * root[k]
            change -= vector[i] * symmetric[i, k] * (EPSILON / (product + EPSILON)) * image[k]
    return change
