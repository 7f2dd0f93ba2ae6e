"""Figures of merit of out-of-fold scores, for the patients as they are and for any resample of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredPatients:
    """Every patient once, with the scores of all repeats.

    Attributes
    ----------
    ids : array of str, shape (n,)
        Sorted.
    y : array of int, shape (n,)
        1 long, 0 short survival.
    score, threshold : array of float, shape (r, n)
        Out-of-fold score and the threshold of the model that gave it, per repeat.
    fold : array of int, shape (r, n)
        Fold in which the patient was scored.
    repeat : tuple of int, length r
        Numbers of the repeats.
    """

    ids: NDArray[np.object_]
    y: NDArray[np.int64]
    score: NDArray[np.float64]
    threshold: NDArray[np.float64]
    fold: NDArray[np.int64]
    repeat: tuple[int, ...] = ()

    @classmethod
    def from_predictions(cls, predictions: pd.DataFrame) -> ScoredPatients:
        """Arrange the predictions of one arm and one permutation.

        Parameters
        ----------
        predictions : DataFrame
            ``subject_id``, ``repeat``, ``fold``, ``y_true``, ``y_score``, ``threshold``; every patient once
            a repeat.

        Returns
        -------
        ScoredPatients
            Sorted by subject_id.
        """
        rows = predictions.sort_values(["repeat", "subject_id"])
        shape = (rows["repeat"].nunique(), -1)
        n = len(rows) // shape[0]
        return cls(
            ids=rows["subject_id"].to_numpy(dtype=object)[:n],
            y=rows["y_true"].to_numpy(dtype=np.int64)[:n],
            score=rows["y_score"].to_numpy(dtype=np.float64).reshape(shape),
            threshold=rows["threshold"].to_numpy(dtype=np.float64).reshape(shape),
            fold=rows["fold"].to_numpy(dtype=np.int64).reshape(shape),
            repeat=tuple(int(repeat) for repeat in rows["repeat"].unique()),
        )

    @property
    def once(self) -> NDArray[np.float64]:
        """Weights that count every patient once, shape (1, n)."""
        return np.ones((1, len(self.y)))

    def folds_used(self) -> tuple[int, int]:
        """Count the (repeat, fold) pairs with patients of both classes, and those without."""
        both = [
            len(np.unique(self.y[members])) == 2
            for fold in self.fold
            for members in (fold == number for number in np.unique(fold))
        ]
        return sum(both), len(both) - sum(both)


def concordance(y: NDArray[np.int64], score: NDArray[np.float64]) -> float:
    """Compute the share of (long, short) pairs in which the long survivor scores higher; ties count half.

    Examples
    --------
    >>> concordance(np.array([1, 0, 0]), np.array([0.5, 0.5, 0.1]))
    0.75
    """
    difference = score[y == 1][:, None] - score[y == 0][None, :]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def within_fold_auc(patients: ScoredPatients, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the concordance within each (repeat, fold) over folds and repeats: the primary AUC.

    Only a long and a short survivor of the same fold and repeat are compared, ties count one half. Folds
    without weight in both classes are passed over.

    Parameters
    ----------
    patients : ScoredPatients
        Scores of n patients.
    weights : array of float, shape (b, n)
        How often each resample counts each patient; ones give the point estimate.

    Returns
    -------
    array of float, shape (b,)
        NaN for a resample that has no usable fold.

    References
    ----------
    PROTOCOL 3: scores of different folds are never compared.
    """
    total = np.zeros(len(weights))
    used = np.zeros(len(weights))
    for score, fold in zip(patients.score, patients.fold, strict=True):
        for number in np.unique(fold):
            long = np.flatnonzero((fold == number) & (patients.y == 1))
            short = np.flatnonzero((fold == number) & (patients.y == 0))
            difference = score[long][:, None] - score[short][None, :]
            wins = (difference > 0) + 0.5 * (difference == 0)
            pairs = weights[:, long].sum(axis=1) * weights[:, short].sum(axis=1)
            won = ((weights[:, long] @ wins) * weights[:, short]).sum(axis=1)
            total += np.divide(won, pairs, out=np.zeros_like(won), where=pairs > 0)
            used += pairs > 0
    return np.divide(total, used, out=np.full_like(total, np.nan), where=used > 0)


def sensitivity(patients: ScoredPatients, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of long survivors at or above the threshold of their fold; see `within_fold_auc` for shapes."""
    called = (patients.score >= patients.threshold).mean(axis=0)
    return _weighted_mean(called, weights * (patients.y == 1))


def specificity(patients: ScoredPatients, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of short survivors below the threshold of their fold; see `within_fold_auc` for shapes."""
    called = (patients.score < patients.threshold).mean(axis=0)
    return _weighted_mean(called, weights * (patients.y == 0))


def balanced_accuracy(patients: ScoredPatients, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of sensitivity and specificity; see `within_fold_auc` for shapes."""
    both = np.stack([sensitivity(patients, weights), specificity(patients, weights)])
    return np.asarray(both.mean(axis=0), dtype=np.float64)


def average_precision(
    patients: ScoredPatients, weights: NDArray[np.float64], event: int
) -> NDArray[np.float64]:
    """Average precision of finding one class, over folds and repeats; see `within_fold_auc` for shapes.

    Parameters
    ----------
    patients : ScoredPatients
        Scores are probabilities of label 1.
    weights : array of float, shape (b, n)
        How often each patient is drawn.
    event : int
        The label to be found: 0 ranks from the lowest score up, 1 from the highest score down; patients of
        equal score stand together. Chance is that label's share, not one half.

    Returns
    -------
    array of float, shape (b,)
        NaN where no fold has both classes.
    """
    total, used = np.zeros(len(weights)), np.zeros(len(weights))
    for score, fold in zip(patients.score, patients.fold, strict=True):
        for number in np.unique(fold):
            members = np.flatnonzero(fold == number)
            weight = weights[:, members]
            events = weight * (patients.y[members] == event)
            rank = score[members] if event == 0 else -score[members]
            at_most = (rank[None, :] <= rank[:, None]).astype(np.float64)
            found, called = events @ at_most.T, weight @ at_most.T
            precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
            n_events = events.sum(axis=1)
            both = (n_events > 0) & (weight.sum(axis=1) > n_events)
            mean = np.divide(
                (events * precision).sum(axis=1), n_events, out=np.zeros_like(n_events), where=both
            )
            total += np.where(both, mean, 0.0)
            used += both
    return np.divide(total, used, out=np.full_like(total, np.nan), where=used > 0)


def brier(patients: ScoredPatients, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean squared distance of score and label; see `within_fold_auc` for shapes."""
    return _weighted_mean(((patients.score - patients.y) ** 2).mean(axis=0), weights)


def _weighted_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over patients of a value that was averaged over their repeats; NaN where no patient counts."""
    weight = weights.sum(axis=1)
    mean: NDArray[np.float64] = np.divide(
        weights @ values, weight, out=np.full_like(weight, np.nan), where=weight > 0
    )
    return mean


METRICS: Mapping[str, Callable[[ScoredPatients, NDArray[np.float64]], NDArray[np.float64]]] = {
    "auc": within_fold_auc,
    "balanced_accuracy": balanced_accuracy,
    "brier": brier,
    "sensitivity": sensitivity,
    "specificity": specificity,
}
"""What every arm is judged by; the point estimate and each resample are the same function."""
