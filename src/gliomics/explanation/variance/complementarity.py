"""How much two blocks of features of the same patients have in common, against permuted rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class AgainstPermutations:
    """A figure and what it is worth when the rows of one block are permuted.

    Attributes
    ----------
    value : float
        Observed.
    limit : float
        Quantile of the permuted figures: what a value must exceed to be more than chance.
    permuted_mean : float
        Mean of the permuted figures.
    p_value : float
        (permuted figures at least as large + 1) / (permutations + 1).
    """

    value: float
    limit: float
    permuted_mean: float
    p_value: float


def standardised(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill gaps with the column's median, scale to mean 0 and SD 1, and leave out what does not vary.

    Parameters
    ----------
    X : array of float, shape (n, p)
        Missing as NaN.

    Returns
    -------
    array of float, shape (n, <= p)
    """
    known = X[:, np.isfinite(X).any(axis=0)]
    complete = np.where(
        np.isfinite(known), known, np.nanmedian(np.where(np.isfinite(known), known, np.nan), axis=0)
    )
    centred = complete - complete.mean(axis=0)
    sd = centred.std(axis=0)
    varies = sd > 1e-12 * np.maximum(1.0, np.abs(complete).max(axis=0, initial=0.0))
    return np.asarray(centred[:, varies] / sd[varies])


def principal_components(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Decompose standardised columns.

    Parameters
    ----------
    X : array of float, shape (n, p)
        Mean 0 in each column.

    Returns
    -------
    scores : array of float, shape (n, r)
        Of each row on the components of non-zero variance, of unit length and zero mean each.
    shares : array of float, shape (r,)
        Of the variance, falling; they add up to 1.
    """
    left, singular, _ = np.linalg.svd(X, full_matrices=False)
    kept = singular > 1e-9 * max(singular.max(initial=0.0), 1e-300)
    squares = singular[kept] ** 2
    return left[:, kept], squares / squares.sum() if len(squares) else squares


def linear_cka(X: NDArray[np.float64], Y: NDArray[np.float64]) -> float:
    """Centred kernel alignment, linear and debiased: about 0 for independent blocks, 1 for equal ones.

    It does not change when a block is rotated or multiplied by a number. The plain figure grows with the
    number of columns; the debiased one may fall a little below 0.

    Parameters
    ----------
    X, Y : array of float, shape (n, p) and (n, q)
        The same n >= 4 patients.

    Returns
    -------
    float
        NaN where a block's own term is not positive.

    References
    ----------
    Kornblith et al., Similarity of neural network representations revisited, ICML 2019; the unbiased
    estimator of HSIC: Song et al., Feature selection via dependence maximization, JMLR 13, 2012.
    """
    return _cka(_gram(X), _gram(Y))


def canonical_correlation(X: NDArray[np.float64], Y: NDArray[np.float64]) -> float:
    """First canonical correlation of two sets of orthonormal scores (`principal_components`)."""
    if not X.shape[1] or not Y.shape[1]:
        return float("nan")
    return float(np.linalg.svd(X.T @ Y, compute_uv=False)[0])


def cross_correlations(X: NDArray[np.float64], Y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate every column of X with every column of Y: shape (p, q)."""
    return np.asarray(_unit(X).T @ _unit(Y))


def cka_against_permutations(
    X: NDArray[np.float64], Ys: Sequence[NDArray[np.float64]], orders: NDArray[np.intp], confidence: float
) -> AgainstPermutations:
    """Compute `linear_cka` observed and for permuted rows, as the mean over several networks' vectors.

    Parameters
    ----------
    X : array of float, shape (n, p)
        One block.
    Ys : sequence of array of float, shape (n, q)
        The other block by each network, of the same patients.
    orders : array of int, shape (B, n)
        Permutations of the rows, the same for every network.
    confidence : float
        Quantile of the limit.

    Returns
    -------
    AgainstPermutations
    """
    K, Ls = _gram(X), [_gram(Y) for Y in Ys]

    def figure(order: NDArray[np.intp]) -> float:
        return float(np.mean([_cka(K, L[np.ix_(order, order)]) for L in Ls]))

    return _against(figure, orders, confidence)


def cca_against_permutations(
    x: NDArray[np.float64], ys: Sequence[NDArray[np.float64]], orders: NDArray[np.intp], confidence: float
) -> AgainstPermutations:
    """Compute `canonical_correlation` of orthonormal scores likewise."""

    def figure(order: NDArray[np.intp]) -> float:
        return float(np.mean([canonical_correlation(x, y[order]) for y in ys]))

    return _against(figure, orders, confidence)


def map_against_permutations(
    X: NDArray[np.float64], Y: NDArray[np.float64], orders: NDArray[np.intp], confidence: float
) -> AgainstPermutations:
    """Judge the largest |correlation| of the map, so that its limit holds for all cells together."""
    return _against(lambda order: float(np.abs(cross_correlations(X, Y[order])).max()), orders, confidence)


def permuted_rows(n: int, permutations: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw permutations of rows, shape (permutations, n)."""
    return np.stack([rng.permutation(n) for _ in range(permutations)])


def _against(
    figure: Callable[[NDArray[np.intp]], float], orders: NDArray[np.intp], confidence: float
) -> AgainstPermutations:
    value = figure(np.arange(orders.shape[1]))
    permuted = np.array([figure(order) for order in orders])
    return AgainstPermutations(
        value=value,
        limit=float(np.quantile(permuted, confidence)),
        permuted_mean=float(permuted.mean()),
        p_value=float((1 + np.count_nonzero(permuted >= value - 1e-12)) / (len(permuted) + 1)),
    )


def _gram(X: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = X @ X.T
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _cka(K: NDArray[np.float64], L: NDArray[np.float64]) -> float:
    own = _hsic(K, K) * _hsic(L, L)
    return _hsic(K, L) / float(np.sqrt(own)) if own > 0 else float("nan")


def _hsic(K: NDArray[np.float64], L: NDArray[np.float64]) -> float:
    """Estimate HSIC without bias from kernels whose diagonal is 0; a common factor is left out."""
    n = len(K)
    rows_k, rows_l = K.sum(axis=0), L.sum(axis=0)
    return float(
        (K * L).sum() + rows_k.sum() * rows_l.sum() / ((n - 1) * (n - 2)) - 2.0 * (rows_k @ rows_l) / (n - 2)
    )


def _unit(X: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = X - X.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return np.asarray(np.divide(centred, length, out=np.zeros_like(centred), where=length > 0))
