"""Ranking of many correlated features, learned once and cut at any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class RankedSelector(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the k features with the largest ANOVA F that are not near-copies of a better one.

    With two classes the ANOVA F grows with the absolute correlation to the label, so that is ranked. Going
    down the ranking, a feature whose absolute correlation with one already taken exceeds `max_correlation`
    is passed over. Features that are constant in training are never taken. The first k of a longer
    ranking are the ranking of length k, so one fit serves every k.

    Parameters
    ----------
    k : int
        Number of features to keep; fewer when fewer qualify.
    max_correlation : float
        Largest absolute correlation between two kept features.

    Attributes
    ----------
    order_ : array of int, shape (<= k,)
        Kept columns, best first.
    n_features_in_ : int
        Number of columns seen in `fit`.
    """

    def __init__(self, k: int = 10, max_correlation: float = 0.9) -> None:
        self.k = k
        self.max_correlation = max_correlation

    def fit(self, X: ArrayLike, y: ArrayLike) -> RankedSelector:
        """Rank the columns.

        Parameters
        ----------
        X : array of float, shape (n, p)
            No missing values.
        y : array of int, shape (n,)
            Two classes, 0 and 1.

        Returns
        -------
        RankedSelector
            Itself.
        """
        checked, labels = validate_data(self, X, y, dtype=np.float64)
        unit, varies = _unit_columns(checked)
        relevance = np.where(varies, np.abs((labels - labels.mean()) @ unit), -1.0)
        taken: list[int] = []
        while len(taken) < self.k and relevance.max() >= 0.0:
            best = int(relevance.argmax())
            taken.append(best)
            relevance[np.abs(unit[:, best] @ unit) > self.max_correlation] = -1.0
            relevance[best] = -1.0
        self.order_ = np.asarray(taken, dtype=np.intp)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Keep the ranked columns, best first: shape (n, <= k)."""
        check_is_fitted(self)
        checked: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        return checked[:, self.order_]


def _unit_columns(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Centre the columns and scale them to length 1, so that products are correlations; constants are 0."""
    varies = X.max(axis=0) > X.min(axis=0)
    centred = X - X.mean(axis=0)
    length = np.where(varies, np.linalg.norm(centred, axis=0), 1.0)
    return np.where(varies, centred / length, 0.0), varies


class BlockwiseSelector(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Rank the columns of each block by itself and keep the k best of each.

    So every block is represented however many columns another has. Each block is ranked as by
    `RankedSelector`. The kept columns are in turns: the best of each block, the second best of each, ...;
    a block with few columns is soon used up. What a longer ranking has in its first k turns is the ranking
    to k, so one fit serves every k.

    Parameters
    ----------
    k : int
        Number of features to keep of each block; fewer when fewer qualify.
    sizes : tuple of int
        Number of columns of each block, in their order; empty = all columns are one block.
    max_correlation : float
        Largest absolute correlation between two kept features of a block.

    Attributes
    ----------
    order_ : array of int, shape (q,)
        Kept columns, in turns.
    block_, turn_ : array of int, shape (q,)
        Block of each kept column, and its rank within the block, from 0.
    n_features_in_ : int
        Number of columns seen in `fit`.
    """

    def __init__(self, k: int = 10, sizes: tuple[int, ...] = (), max_correlation: float = 0.9) -> None:
        self.k = k
        self.sizes = sizes
        self.max_correlation = max_correlation

    def fit(self, X: ArrayLike, y: ArrayLike) -> BlockwiseSelector:
        """Rank the columns; see `RankedSelector.fit`."""
        checked, labels = validate_data(self, X, y, dtype=np.float64)
        ends = np.cumsum(self.sizes or (checked.shape[1],))
        ranked = []
        for start, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
            selector = RankedSelector(k=self.k, max_correlation=self.max_correlation)
            ranked.append(start + selector.fit(checked[:, start:end], labels).order_)
        block = np.repeat(np.arange(len(ranked)), [len(one) for one in ranked])
        turn = np.concatenate([np.arange(len(one)) for one in ranked])
        in_turns = np.argsort(turn, kind="stable")
        self.order_ = np.concatenate(ranked)[in_turns].astype(np.intp)
        self.block_, self.turn_ = block[in_turns], turn[in_turns]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Keep the ranked columns, in turns: shape (n, q)."""
        check_is_fitted(self)
        checked: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        return checked[:, self.order_]
