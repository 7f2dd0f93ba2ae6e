"""ROC and precision-recall curves averaged within folds: scores of different folds are never compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from gliomics.evaluation.statistics.metrics import ScoredPatients

    _HeightAt = Callable[[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

CELLS = 400


@dataclass(frozen=True)
class MeanCurve:
    """A curve averaged over folds and repeats.

    Attributes
    ----------
    x, y : array of float, shape (400,)
        Centres of equal cells of the unit interval, and the mean height there; the mean of y is the area.
    folds : int
        (repeat, fold) pairs with cases of both classes.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    folds: int


def mean_roc(patients: ScoredPatients) -> MeanCurve:
    """Average the ROC curves of all folds at equal false-positive rates.

    Parameters
    ----------
    patients : ScoredPatients
        Scores of n patients over r repeats.

    Returns
    -------
    MeanCurve
        Sensitivity over false-positive rate for label 1; its area is the within-fold AUC up to the width of
        a cell.

    References
    ----------
    Fawcett, Pattern Recognit Lett 27:861, 2006 (vertical averaging); PROTOCOL 3.
    """
    return _average(patients, _roc_at)


def mean_precision_recall(patients: ScoredPatients, event: int) -> MeanCurve:
    """Average the precision of finding one label at equal recall, over folds.

    Parameters
    ----------
    patients : ScoredPatients
        Scores of n patients over r repeats.
    event : int
        The label to be found.

    Returns
    -------
    MeanCurve
        Precision over recall; its area is the within-fold average precision up to the width of a cell.
    """
    return _average(patients, partial(_precision_at, event=event))


def chance_precision(patients: ScoredPatients, event: int) -> float:
    """Mean share of the label to be found over the folds that have both classes."""
    return float(np.mean([(y == event).mean() for y, _ in _folds(patients)]))


def _average(patients: ScoredPatients, at: _HeightAt) -> MeanCurve:
    x = (np.arange(CELLS) + 0.5) / CELLS
    heights = [at(y, score, x) for y, score in _folds(patients)]
    mean = np.mean(heights, axis=0) if heights else np.full(CELLS, np.nan)
    return MeanCurve(x, mean, len(heights))


def _folds(patients: ScoredPatients) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    for score, fold in zip(patients.score, patients.fold, strict=True):
        for number in np.unique(fold):
            members = fold == number
            if len(np.unique(patients.y[members])) == 2:
                yield patients.y[members], score[members]


def _roc_at(y: NDArray[np.int64], score: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    cuts = np.unique(score)[::-1]
    called = score[None, :] >= cuts[:, None]
    rates = [np.r_[0.0, called[:, y == label].mean(axis=1)] for label in (0, 1)]
    height: NDArray[np.float64] = np.interp(x, rates[0], rates[1])
    return height


def _precision_at(
    y: NDArray[np.int64], score: NDArray[np.float64], x: NDArray[np.float64], *, event: int
) -> NDArray[np.float64]:
    rank = score if event == 0 else -score
    called = rank[None, :] <= np.unique(rank)[:, None]
    found = called[:, y == event].sum(axis=1)
    recall, precision = found / (y == event).sum(), found / called.sum(axis=1)
    height: NDArray[np.float64] = precision[np.searchsorted(recall, x, side="left")]
    return height
