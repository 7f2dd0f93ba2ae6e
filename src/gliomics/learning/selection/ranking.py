"""Ranking of many correlated features, learned once and cut at any length."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class FeatureRanking(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What every ranking selector shares: constants and near-copies are passed over, the k best stay.

    A subclass says how relevant each column is (`relevance`). Going down from the most relevant one, a column
    whose absolute correlation with one already taken exceeds `max_correlation` is passed over. A constant
    column is never taken, nor one in which one value fills more than `max_constant_share` of the training
    rows: on scaled columns this is the variance filter, whose threshold would mean nothing there. The first
    k of a longer ranking are the ranking of length k, so one fit serves every k.

    Subclasses have the parameters ``k``, ``max_correlation`` and ``max_constant_share``.

    References
    ----------
    Near-zero variance: Kuhn and Johnson, Applied Predictive Modeling, 2013, section 3.5.
    """

    k: int
    max_correlation: float
    max_constant_share: float

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Rank the columns.

        Parameters
        ----------
        X : array of float, shape (n, p)
            No missing values.
        y : array of int, shape (n,)
            Two classes, 0 and 1.

        Returns
        -------
        FeatureRanking
            Itself.
        """
        checked, labels = validate_data(self, X, y, dtype=np.float64)
        unit, varies = unit_columns(checked)
        eligible = varies & (_commonest_share(checked, self.max_constant_share) <= self.max_constant_share)
        self.order_ = self.ranked(checked, labels, unit, eligible)
        return self

    def ranked(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int64],
        unit: NDArray[np.float64],
        eligible: NDArray[np.bool_],
    ) -> NDArray[np.intp]:
        """Go down the columns by relevance and pass over near-copies.

        Parameters
        ----------
        X, unit : array of float, shape (n, p)
            The columns as given, and centred to length 1 (products are correlations).
        y : array of int, shape (n,)
            Two classes, 0 and 1.
        eligible : array of bool, shape (p,)
            Columns that may be taken.

        Returns
        -------
        array of int, shape (<= k,)
            Columns, best first.
        """
        score = np.full(X.shape[1], -np.inf)
        score[eligible] = self.relevance(X[:, eligible], y, unit[:, eligible])
        taken: list[int] = []
        while len(taken) < self.k and score.max(initial=-np.inf) > -np.inf:
            best = int(score.argmax())
            taken.append(best)
            score[np.abs(unit[:, best] @ unit) > self.max_correlation] = -np.inf
            score[best] = -np.inf
        return np.asarray(taken, dtype=np.intp)

    @abstractmethod
    def relevance(
        self, X: NDArray[np.float64], y: NDArray[np.int64], unit: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Say how relevant each column is: finite, larger is better, whatever `k`; shape (p,)."""

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Keep the ranked columns, best first: shape (n, <= k)."""
        check_is_fitted(self)
        checked: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        return checked[:, self.order_]


class RankedSelector(FeatureRanking):
    """Keep the k features with the largest ANOVA F that are not near-copies of a better one.

    With two classes the ANOVA F grows with the absolute correlation to the label, so that is ranked.

    Parameters
    ----------
    k : int
        Number of features to keep; fewer when fewer qualify.
    max_correlation : float
        Largest absolute correlation between two kept features.
    max_constant_share : float
        Largest share of training rows that may hold one value; 1 leaves out constants only.

    Attributes
    ----------
    order_ : array of int, shape (<= k,)
        Kept columns, best first.
    n_features_in_ : int
        Number of columns seen in `fit`.
    """

    def __init__(self, k: int = 10, max_correlation: float = 0.9, max_constant_share: float = 1.0) -> None:
        self.k = k
        self.max_correlation = max_correlation
        self.max_constant_share = max_constant_share

    def relevance(
        self,
        X: NDArray[np.float64],  # noqa: ARG002
        y: NDArray[np.int64],
        unit: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Give the absolute correlation with the label, times a constant."""
        return label_correlation(unit, y)


def label_correlation(unit: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute |correlation| of unit columns (n, p) with a label, times the label's length; shape (p,)."""
    return np.asarray(np.abs((y - y.mean()) @ unit), dtype=np.float64)


def unit_columns(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Centre the columns and scale them to length 1, so that products are correlations; constants are 0."""
    varies = X.max(axis=0) > X.min(axis=0)
    centred = X - X.mean(axis=0)
    length = np.where(varies, np.linalg.norm(centred, axis=0), 1.0)
    return np.where(varies, centred / length, 0.0), varies


def _commonest_share(X: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Share of rows that hold the commonest value of each column, as far as it matters for a limit.

    Sorted, a value that fills more than `limit` of n rows stands in two places that far apart.
    """
    n = len(X)
    if limit >= 1.0:
        return np.zeros(X.shape[1])
    apart = int(np.floor(limit * n + 1e-9))
    ordered = np.sort(X, axis=0)
    return np.where((ordered[apart:] == ordered[: n - apart]).any(axis=0), 1.0, 0.0)


class BlockwiseSelector(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Rank the columns of each block by itself and keep the k best of each.

    So every block is represented however many columns another has. The kept columns are in turns: the best of
    each block, the second best of each, ...; a block with few columns is soon used up. What a longer ranking
    has in its first k turns is the ranking to k, so one fit serves every k.

    Parameters
    ----------
    k : int
        Number of features to keep of each block; fewer when fewer qualify.
    sizes : tuple of int
        Number of columns of each block, in their order; empty = all columns are one block.
    max_correlation : float
        Largest absolute correlation between two kept features of a block, for the ANOVA ranking.
    ranking : FeatureRanking or None
        Unfitted selector that each block is ranked by; None = `RankedSelector` with `max_correlation`.

    Attributes
    ----------
    order_ : array of int, shape (q,)
        Kept columns, in turns.
    block_, turn_ : array of int, shape (q,)
        Block of each kept column, and its rank within the block, from 0.
    n_features_in_ : int
        Number of columns seen in `fit`.
    """

    def __init__(
        self,
        k: int = 10,
        sizes: tuple[int, ...] = (),
        max_correlation: float = 0.9,
        ranking: Any = None,
    ) -> None:
        self.k = k
        self.sizes = sizes
        self.max_correlation = max_correlation
        self.ranking = ranking

    def fit(self, X: ArrayLike, y: ArrayLike) -> BlockwiseSelector:
        """Rank the columns; see `FeatureRanking.fit`."""
        checked, labels = validate_data(self, X, y, dtype=np.float64)
        ends = np.cumsum(self.sizes or (checked.shape[1],))
        ranked = []
        for start, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
            selector = self._ranking_of_a_block()
            ranked.append(start + selector.fit(checked[:, start:end], labels).order_)
        block = np.repeat(np.arange(len(ranked)), [len(one) for one in ranked])
        turn = np.concatenate([np.arange(len(one)) for one in ranked])
        in_turns = np.argsort(turn, kind="stable")
        self.order_ = np.concatenate(ranked)[in_turns].astype(np.intp)
        self.block_, self.turn_ = block[in_turns], turn[in_turns]
        return self

    def _ranking_of_a_block(self) -> Any:
        if self.ranking is None:
            return RankedSelector(k=self.k, max_correlation=self.max_correlation)
        return clone(self.ranking).set_params(k=self.k)

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Keep the ranked columns, in turns: shape (n, q)."""
        check_is_fitted(self)
        checked: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        return checked[:, self.order_]
