"""How much the figures owe to leaving the censored out: weighting by the probability of being uncensored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gliomics.evaluation.folds import folds_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.evaluation.statistics.metrics import ScoredPatients

LARGEST_WEIGHT = 10.0
"""Weights are truncated here; how many were is reported."""


@dataclass(frozen=True)
class FollowUp:
    """Survival of all eligible patients of a population, the censored included.

    Attributes
    ----------
    ids : array of str, shape (n,)
        Sorted.
    days : array of float, shape (n,)
        From diagnosis to death or last contact.
    died : array of bool, shape (n,)
        Whether `days` ends with death.
    fold : mapping of int to array of int, shape (n,)
        For each repeat the fold of every patient.
    horizon_days : float
        The label's cut-off.
    """

    ids: NDArray[np.object_]
    days: NDArray[np.float64]
    died: NDArray[np.bool_]
    fold: dict[int, NDArray[np.int64]]
    horizon_days: float

    def training(self, repeat: int, number: int) -> NDArray[np.bool_]:
        """Tell whom G of a fold is learned from: those outside it, or everybody when there is one fold only.

        There is one fold when a frozen model is applied: nothing was trained on these patients.
        """
        fold = self.fold[repeat]
        outside = fold != number
        return outside if outside.any() else np.ones_like(outside)


def gather_follow_up(
    eligible: pd.DataFrame, folds: pd.DataFrame, horizon_days: float | None
) -> FollowUp | None:
    """Gather the survival of the eligible who have one, censored included.

    Parameters
    ----------
    eligible : DataFrame
        Patients of a population, sorted by ``subject_id``.
    folds : DataFrame
        The table of folds; who is not in it is left out.
    horizon_days : float or None
        The label's cut-off.

    Returns
    -------
    FollowUp or None
        None without a cut-off, or without ``os_days`` and ``death_observed``.
    """
    if horizon_days is None or not {"os_days", "death_observed"} <= set(eligible.columns):
        return None
    known = eligible[eligible["os_days"].notna() & eligible["death_observed"].notna()]
    known = known[known["subject_id"].isin(folds["subject_id"])]
    ids = known["subject_id"].to_numpy(dtype=object)
    return FollowUp(
        ids=ids,
        days=known["os_days"].to_numpy(dtype=np.float64),
        died=known["death_observed"].to_numpy(dtype=bool),
        fold=folds_of(folds, ids),
        horizon_days=horizon_days,
    )


@dataclass(frozen=True)
class CensoringSensitivity:
    """The AUC at the horizon when the uncensored stand for the censored.

    Attributes
    ----------
    auc : float
        Cumulative/dynamic AUC: deaths before the horizon against survivors of it, deaths weighted by 1 / G,
        within folds, averaged over folds and repeats.
    naive : float
        The same without weights, on the same pairs: the within-fold AUC.
    largest_weight : float
        Before truncation.
    truncated : int
        Patients (over repeats and folds) whose weight was truncated.
    """

    auc: float
    naive: float
    largest_weight: float
    truncated: int


def censoring_survival(
    days: NDArray[np.float64], died: NDArray[np.bool_], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Estimate G(t-), the probability of being uncensored just before t, by Kaplan-Meier.

    Parameters
    ----------
    days, died : array, shape (n,)
        Follow-up of the patients that G is learned from.
    at : array of float, shape (m,)
        Times at which it is wanted.

    Returns
    -------
    array of float, shape (m,)
        Censoring is the event; at equal times deaths come before censorings.

    Examples
    --------
    >>> days, died = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, True])
    >>> censoring_survival(days, died, np.array([2.0, 3.0])).round(3).tolist()
    [1.0, 0.667]
    """
    once = resampled_censoring_survival(days, died, at, np.ones((1, len(days))))
    return np.asarray(once[0], dtype=np.float64)


def resampled_censoring_survival(
    days: NDArray[np.float64],
    died: NDArray[np.bool_],
    at: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Estimate G(t-) in resamples of the patients.

    Parameters
    ----------
    days, died : array, shape (n,)
        Follow-up of the patients that G is learned from.
    at : array of float, shape (m,)
        Times at which it is wanted.
    weights : array of float, shape (b, n)
        How often each resample counts each patient.

    Returns
    -------
    array of float, shape (b, m)
        See `censoring_survival`.
    """
    order = np.argsort(days, kind="stable")
    days, died, weights = days[order], died[order], weights[:, order]
    times = np.unique(days[~died])
    first, last = (np.searchsorted(days, times, side=side) for side in ("left", "right"))
    nobody = np.zeros((len(weights), 1))
    all_before = np.hstack([nobody, np.cumsum(weights, axis=1)])
    dead_before = np.hstack([nobody, np.cumsum(weights * died, axis=1)])
    deaths = dead_before[:, last] - dead_before[:, first]
    at_risk = all_before[:, -1:] - all_before[:, first] - deaths
    censored = all_before[:, last] - all_before[:, first] - deaths
    hazard = np.divide(censored, at_risk, out=np.zeros_like(censored), where=at_risk > 0)
    steps = np.hstack([nobody + 1.0, np.cumprod(1.0 - hazard, axis=1)])
    found: NDArray[np.float64] = steps[:, np.searchsorted(times, at, side="left")]
    return found


def weighted_auc(
    score: NDArray[np.float64], y: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[float, float]:
    """Compute the share of weighted (long, short) pairs in the right order, and their weight in all.

    Survivors of the horizon all have the same weight, which cancels.
    """
    gap = score[y == 1][:, None] - score[y == 0][None, :]
    right = (gap > 0) + 0.5 * (gap == 0)
    pairs = np.broadcast_to(weight[y == 0][None, :], right.shape)
    total = float(pairs.sum())
    return (float((right * pairs).sum() / total) if total > 0 else float("nan")), total


def censoring_sensitivity(patients: ScoredPatients, follow_up: FollowUp) -> CensoringSensitivity:
    """Weight the deaths before the horizon by 1 / G, with G learned on each fold's training patients.

    Parameters
    ----------
    patients : ScoredPatients
        Out-of-fold scores of the labelled patients.
    follow_up : FollowUp
        Of all eligible patients, of whom G is learned on those outside the fold.

    Returns
    -------
    CensoringSensitivity
        NaN when no fold has both classes.

    References
    ----------
    Hung and Chiang, Can J Stat 38:8, 2010; Uno et al., J Am Stat Assoc 102:527, 2007; PROTOCOL 1.
    """
    place = {subject: row for row, subject in enumerate(follow_up.ids)}
    rows = np.array([place[subject] for subject in patients.ids])
    weighted, naive, largest, truncated = [], [], 0.0, 0
    for repeat, score, fold in zip(patients.repeat, patients.score, patients.fold, strict=True):
        for number in np.unique(fold):
            members = np.flatnonzero(fold == number)
            if len(np.unique(patients.y[members])) < 2:
                continue
            training = follow_up.training(repeat, int(number))
            at = np.minimum(follow_up.days[rows[members]], follow_up.horizon_days)
            known = censoring_survival(follow_up.days[training], follow_up.died[training], at)
            weight = 1.0 / np.maximum(known, 1e-9)
            largest = max(largest, float(weight.max()))
            truncated += int(np.count_nonzero(weight > LARGEST_WEIGHT))
            weight = np.minimum(weight, LARGEST_WEIGHT)
            weighted.append(weighted_auc(score[members], patients.y[members], weight)[0])
            naive.append(weighted_auc(score[members], patients.y[members], np.ones(len(members)))[0])
    if not weighted:
        return CensoringSensitivity(float("nan"), float("nan"), largest, truncated)
    return CensoringSensitivity(float(np.mean(weighted)), float(np.mean(naive)), largest, truncated)
