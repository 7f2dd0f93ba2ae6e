"""Principal components of each block of columns by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ROWS_PER_COMPONENT = 4
NARROW_BLOCK = 10


class BlockwisePCA(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Reduce each block to its first principal components, divided by the SD of the block's first.

    So no block outweighs another by having more columns (the weighting of multiple factor analysis), and
    within a block directions of little variance stay small, which a ridge penalty then shrinks most. A block
    has at most n // 4 components (PROTOCOL 7 limits the PCA of the sampler alike) and never more than its
    rank. A block of at most 10 columns (clinical) is passed through as it is. Components are in turns: the
    first of each block, the second of each block; columns of a narrow block come first. The first k
    components of a longer reduction are those of the reduction to k, so one fit serves every k.

    Parameters
    ----------
    k : int
        Components of each block.
    sizes : tuple of int
        Number of columns of each block, in their order; empty = all columns are one block.

    Attributes
    ----------
    mean_ : array of float, shape (p,)
        Subtracted from the columns.
    loadings_ : array of float, shape (p, q)
        What the columns are multiplied by; zero outside a component's own block.
    block_, turn_ : array of int, shape (q,)
        Block of each component, and its number within the block (0 for columns of a narrow block).
    n_features_in_ : int
        Number of columns seen in `fit`.

    References
    ----------
    Escofier, Pages, Multiple factor analysis, Computational Statistics & Data Analysis 18, 1994.
    """

    def __init__(self, k: int = 10, sizes: tuple[int, ...] = ()) -> None:
        self.k = k
        self.sizes = sizes

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> BlockwisePCA:  # noqa: ARG002
        """Find the components.

        Parameters
        ----------
        X : array of float, shape (n, p)
            No missing values; columns scaled alike.
        y : ignored
            PCA does not look at labels.

        Returns
        -------
        BlockwisePCA
            Itself.
        """
        checked = validate_data(self, X, dtype=np.float64)
        n, p = checked.shape
        self.mean_ = checked.mean(axis=0)
        centred = checked - self.mean_
        ends = np.cumsum(self.sizes or (p,))
        columns, block, turn = [], [], []
        for number, (start, end) in enumerate(zip(np.r_[0, ends[:-1]], ends, strict=True)):
            narrow = end - start <= NARROW_BLOCK
            axes = np.eye(end - start) if narrow else _axes(centred[:, start:end], self._size(n))
            loadings = np.zeros((p, axes.shape[1]))
            loadings[start:end] = axes
            columns.append(loadings)
            block += [number] * axes.shape[1]
            turn += [0] * axes.shape[1] if narrow else list(range(axes.shape[1]))
        order = np.argsort(turn, kind="stable")
        self.loadings_ = np.ascontiguousarray(np.hstack(columns)[:, order])
        self.block_, self.turn_ = np.asarray(block)[order], np.asarray(turn)[order]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the components, in turns between the blocks: shape (n, q)."""
        check_is_fitted(self)
        checked: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray((checked - self.mean_) @ self.loadings_)

    def _size(self, n: int) -> int:
        return max(1, min(self.k, n // ROWS_PER_COMPONENT))


def _axes(centred: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Find the first directions of a block over the SD of its first component, shape (p, <= size).

    The smaller of the two cross-product matrices is decomposed; a direction's largest loading is positive.
    """
    n, p = centred.shape
    wide = p > n
    values, vectors = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
    values, vectors = values[::-1][:size], vectors[:, ::-1][:, :size]
    kept = values > max(values[0], 1e-300) * 1e-10
    if not kept.any() or values[0] <= 1e-12 * n:
        return np.zeros((p, 0))
    values, vectors = values[kept], vectors[:, kept]
    axes: NDArray[np.float64] = centred.T @ vectors / np.sqrt(values) if wide else vectors
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    axes *= np.where(largest < 0, -1.0, 1.0) * np.sqrt(n / values[0])
    return axes
