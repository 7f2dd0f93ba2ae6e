"""Late fusion: how much the model of each block counts, and the classifier that it makes."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from gliomics.learning.estimators.logistic import penalised_loss, ridge_logistic

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

META_C = 1.0
"""Inverse strength of the meta-model's penalty, on log-odds scaled to SD 1."""


def block_weights(odds: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Fit the meta-model: a logistic regression on the block models' log-odds, ridge, no weight below 0.

    A negative weight would turn a block's verdict round, which out-of-fold scores of a few patients often
    suggest and fresh patients do not bear out. The constrained optimum is the unconstrained one on the
    blocks that it uses, so all subsets of blocks are fitted in one batch and the best that has no negative
    weight is taken: exact, for the two or three blocks of an arm.

    Parameters
    ----------
    odds : array of float, shape (m, b, n)
        Out-of-fold log-odds of n patients by b block models, for m candidates.
    y : array of int, shape (n,)
        0 or 1.

    Returns
    -------
    array of float, shape (m, b + 1)
        Intercept first, then the weights of the log-odds, all at least 0.

    References
    ----------
    Wolpert, Stacked generalization, Neural Networks 5, 1992; Breiman, Stacked regressions, Machine Learning
    24, 1996 (weights that are not negative).
    """
    m, b, n = odds.shape
    spread = odds.std(axis=2)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12)
    scaled = np.swapaxes(odds * scale[:, :, None], 1, 2)
    subsets = np.array(list(product((0.0, 1.0), repeat=b)))
    designs = (scaled[:, None] * subsets[None, :, None, :]).reshape(m * len(subsets), n, b)
    C = np.full(len(designs), META_C)
    beta = ridge_logistic(designs, y, C)
    loss = np.where((beta[:, 1:] >= 0.0).all(axis=1), penalised_loss(designs, y, C, beta), np.inf)
    best = loss.reshape(m, -1).argmin(axis=1)
    chosen: NDArray[np.float64] = beta.reshape(m, len(subsets), b + 1)[np.arange(m), best]
    chosen[:, 1:] *= scale
    return chosen


class StackedLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One ridge logistic regression a block; their log-odds are added up with given weights.

    A weighted sum of linear log-odds is linear, so the whole is one linear classifier with `coef_` and
    `intercept_`, and is explained like one.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty of every block model.
    blocks : tuple of int
        To which block each column belongs, 0 .. b - 1.
    weights : tuple of float or None
        Weight of each block; None = all alike, 1 / b.
    intercept : float
        Added to the weighted log-odds.

    Attributes
    ----------
    coef_ : array of float, shape (1, p)
        Of the fused log-odds.
    intercept_ : array of float, shape (1,)
        Of the fused log-odds.
    block_coef_ : array of float, shape (b, p + 1)
        Of the block models: intercept first, zeros for columns of other blocks.
    classes_ : array of int, shape (2,)
        0 and 1.
    n_features_in_ : int
        Number of columns seen in `fit`.
    """

    def __init__(
        self,
        C: float = 1.0,
        blocks: tuple[int, ...] = (),
        weights: tuple[float, ...] | None = None,
        intercept: float = 0.0,
    ) -> None:
        self.C = C
        self.blocks = blocks
        self.weights = weights
        self.intercept = intercept

    def fit(self, X: ArrayLike, y: ArrayLike) -> StackedLogistic:
        """Fit the block models.

        Parameters
        ----------
        X : array of float, shape (n, p)
            No missing values.
        y : array of int, shape (n,)
            Two classes, 0 and 1.

        Returns
        -------
        StackedLogistic
            Itself.
        """
        checked, labels = validate_data(self, X, y, dtype=np.float64)
        self.classes_ = np.array([0, 1])
        blocks = np.asarray(self.blocks or (0,) * checked.shape[1])
        number = len(self.weights) if self.weights is not None else int(blocks.max()) + 1
        own = blocks[None, :] == np.arange(number)[:, None]
        C = np.full(number, self.C)
        self.block_coef_ = ridge_logistic(checked[None] * own[:, None, :], labels, C)
        weights = np.full(number, 1.0 / number) if self.weights is None else np.asarray(self.weights)
        fused = weights @ self.block_coef_
        self.coef_, self.intercept_ = fused[None, 1:], fused[:1] + self.intercept
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the fused log-odds of class 1, shape (n,)."""
        check_is_fitted(self)
        checked: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, reset=False)
        odds: NDArray[np.float64] = checked @ self.coef_[0] + self.intercept_[0]
        return odds

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Give the probability of both classes, shape (n, 2)."""
        score = expit(self.decision_function(X))
        return np.column_stack([1.0 - score, score])

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Give the likelier class of each row, shape (n,)."""
        return np.asarray(self.decision_function(X) > 0.0, dtype=np.int64)
