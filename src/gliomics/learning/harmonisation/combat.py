"""ComBat: what sites or scanners add to features, estimated on training rows without the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

CONVERGED = 1e-4
MAX_ITERATIONS = 1000


class CombatHarmoniser(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take the batch out of some columns: empirical Bayes location and scale, parametric, no covariates.

    A column of the table holds the batch of each row, so that it travels with the row; it is gone from the
    result. Batches of fewer than `min_batch_rows` training rows, batches that training did not know and rows
    without one pass as they are. With fewer than two batches left nothing is harmonised.

    Missing values stay missing: every estimate is made from the values that are there, and harmonising comes
    before imputation, which would otherwise fill a site's gaps with other sites' values. A column with fewer
    than two values in one of the batches, or that is constant within all of them, passes as it is.

    Parameters
    ----------
    batch_column : int
        Where the batch is: a whole number, NaN when unknown.
    columns : sequence of int
        The columns that are harmonised; others, such as clinical ones, are left alone.
    min_batch_rows : int
        Training rows that a batch needs.

    Attributes
    ----------
    batches_ : array of float, shape (b,)
        The batches that are harmonised.
    columns_ : array of int, shape (f,)
        The columns that are harmonised.
    grand_mean_, pooled_variance_ : array of float, shape (f,)
        Mean of each column over batches, weighted by their rows, and variance around the batches' means.
    gamma_, delta_ : array of float, shape (b, f)
        Shift and variance of each batch in pooled SDs, drawn together over columns (gamma*, delta*).
    n_features_in_ : int
        Number of columns seen in `fit`, the batch among them.

    References
    ----------
    Johnson, Li and Rabinovic, Adjusting batch effects in microarray expression data using empirical Bayes
    methods, Biostatistics 8:118, 2007; Fortin et al., NeuroImage 167:104, 2018 (neuroCombat, which these
    estimates equal on the rows of the harmonised batches).
    """

    def __init__(self, batch_column: int, columns: Sequence[int] = (), min_batch_rows: int = 5) -> None:
        self.batch_column = batch_column
        self.columns = columns
        self.min_batch_rows = min_batch_rows

    def fit(self, X: ArrayLike, y: Any = None) -> CombatHarmoniser:  # noqa: ARG002
        """Estimate what each batch adds; labels are not looked at.

        Parameters
        ----------
        X : array of float, shape (n, p)
            Training rows, missing as NaN; one column holds the batch.
        y : ignored
            Present for scikit-learn's contract.

        Returns
        -------
        CombatHarmoniser
            Itself.
        """
        table = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        batch = table[:, self.batch_column]
        names, counts = np.unique(batch[~np.isnan(batch)], return_counts=True)
        self.batches_ = names[counts >= self.min_batch_rows]
        self.columns_ = np.asarray(self.columns, dtype=np.intp)
        if len(self.batches_) < 2:
            return self._nothing()
        rows = [table[batch == name] for name in self.batches_]
        usable = np.all([_two_values(part[:, self.columns_]) for part in rows], axis=0)
        self.columns_ = self.columns_[usable]
        found = _location_and_scale([part[:, self.columns_] for part in rows])
        kept = found.variance > 0
        if np.count_nonzero(kept) < 2:
            return self._nothing()
        self.columns_ = self.columns_[kept]
        self.grand_mean_, self.pooled_variance_ = found.mean[kept], found.variance[kept]
        standard = [self._standardised(part) for part in rows]
        adjusted = [_empirical_bayes(part) for part in standard]
        self.gamma_ = np.stack([gamma for gamma, _ in adjusted])
        self.delta_ = np.stack([delta for _, delta in adjusted])
        return self

    def _nothing(self) -> CombatHarmoniser:
        """Harmonise no batch."""
        self.batches_, self.columns_ = np.empty(0), np.empty(0, dtype=np.intp)
        self.grand_mean_ = self.pooled_variance_ = np.empty(0)
        self.gamma_ = self.delta_ = np.empty((0, 0))
        return self

    def _standardised(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        centred = rows[:, self.columns_] - self.grand_mean_
        return np.asarray(centred / np.sqrt(self.pooled_variance_), dtype=np.float64)

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Harmonise rows of known batches and take the batch column out, shape (n, p - 1)."""
        check_is_fitted(self)
        table = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        batch, harmonised = table[:, self.batch_column], table.copy()
        for name, gamma, delta in zip(self.batches_, self.gamma_, self.delta_, strict=True):
            rows = np.flatnonzero(batch == name)
            moved = (self._standardised(table[rows]) - gamma) / np.sqrt(delta)
            moved = moved * np.sqrt(self.pooled_variance_) + self.grand_mean_
            harmonised[np.ix_(rows, self.columns_)] = moved
        return np.delete(harmonised, self.batch_column, axis=1)

    def unharmonised(self, X: NDArray[np.float64]) -> int:
        """Count the rows that `transform` passes as they are."""
        check_is_fitted(self)
        return int(np.count_nonzero(~np.isin(X[:, self.batch_column], self.batches_)))


def _two_values(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which columns of a batch have the two values that a variance needs."""
    return np.asarray(np.isfinite(rows).sum(axis=0) >= 2)


@dataclass(frozen=True)
class _LocationAndScale:
    """Of each column over the batches."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


def _location_and_scale(batches: list[NDArray[np.float64]]) -> _LocationAndScale:
    """Mean of the batches' means, weighted by present values, and mean squared distance from them."""
    counts = np.stack([np.isfinite(part).sum(axis=0) for part in batches])
    means = np.stack([np.nanmean(part, axis=0) for part in batches])
    squares = [np.nansum((part - mean) ** 2, axis=0) for part, mean in zip(batches, means, strict=True)]
    total = counts.sum(axis=0)
    variance = np.sum(squares, axis=0) / total
    rounding = (np.finfo(np.float64).eps * np.abs(means).max(axis=0)) ** 2 * total
    return _LocationAndScale(
        (counts * means).sum(axis=0) / total, np.where(variance > rounding, variance, 0.0)
    )


def _empirical_bayes(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shrink the shift and the variance of a batch towards what its columns have in common.

    Parameters
    ----------
    rows : array of float, shape (n, f)
        Standardised training rows of the batch, f at least 2.

    Returns
    -------
    gamma, delta : array of float, shape (f,)
        Posterior means, by the alternation of Johnson et al. As in their program a negative shift does not
        hold up the end of the iteration.
    """
    n = np.isfinite(rows).sum(axis=0)
    gamma_hat, delta_hat = np.nanmean(rows, axis=0), np.nanvar(rows, axis=0, ddof=1)
    delta_hat = np.where(delta_hat == 0.0, 1.0, delta_hat)
    centre, spread = gamma_hat.mean(), gamma_hat.var(ddof=1)
    mean, variance = delta_hat.mean(), max(delta_hat.var(ddof=1), 1e-12 * delta_hat.mean() ** 2)
    a, b = (2.0 * variance + mean**2) / variance, (mean * variance + mean**3) / variance
    gamma, delta = gamma_hat, delta_hat
    for _ in range(MAX_ITERATIONS):
        new_gamma = (spread * n * gamma_hat + delta * centre) / (spread * n + delta)
        new_delta = (0.5 * np.nansum((rows - new_gamma) ** 2, axis=0) + b) / (n / 2.0 + a - 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.nanmax(np.r_[np.abs(new_gamma - gamma) / gamma, np.abs(new_delta - delta) / delta])
        gamma, delta = new_gamma, new_delta
        if change <= CONVERGED:
            break
    return gamma, delta
