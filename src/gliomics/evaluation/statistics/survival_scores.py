"""Concordance of out-of-fold scores with survival times, the censored included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import logit

from gliomics.evaluation.statistics.censoring import LARGEST_WEIGHT, resampled_censoring_survival

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.evaluation.statistics.censoring import FollowUp

Kind = Literal["harrell_c", "uno_c", "cumulative_dynamic_auc"]
POWER_OF_WEIGHT: Mapping[Kind, int] = {"harrell_c": 0, "uno_c": 2, "cumulative_dynamic_auc": 1}
"""Each figure, and the power of 1 / G that the earlier patient of a pair is weighted with."""


@dataclass(frozen=True)
class SurvivalScores:
    """Every scored patient whose survival is known, labelled or censored, with the risks of all repeats.

    Attributes
    ----------
    rows : array of int, shape (n,)
        Places of the patients in the follow-up.
    risk : array of float, shape (r, n)
        Out-of-fold risk of death, per repeat; its scale is that of the model.
    called_long : array of bool, shape (r, n)
        Whether the model called the patient a long survivor, by the threshold chosen in its training fold.
    repeat : tuple of int, length r
        Numbers of the repeats.
    follow_up : FollowUp
        Survival and folds of all eligible patients of the population.
    """

    rows: NDArray[np.intp]
    risk: NDArray[np.float64]
    called_long: NDArray[np.bool_]
    repeat: tuple[int, ...]
    follow_up: FollowUp

    @classmethod
    def from_predictions(cls, predictions: pd.DataFrame, follow_up: FollowUp) -> SurvivalScores:
        """Arrange the scores of one arm.

        Parameters
        ----------
        predictions : DataFrame
            ``subject_id``, ``repeat``, ``y_score`` (probability of long survival), ``threshold``; of
            labelled and censored patients, each once a repeat. Patients without follow-up are left out.
        follow_up : FollowUp
            Of the population.

        Returns
        -------
        SurvivalScores
            Sorted by id. The risk is minus the log-odds of long survival.
        """
        place = {subject: row for row, subject in enumerate(follow_up.ids)}
        known = predictions[predictions["subject_id"].isin(place)].sort_values(["repeat", "subject_id"])
        repeats = tuple(int(repeat) for repeat in known["repeat"].unique())
        shape = (len(repeats), -1) if repeats else (0, 0)
        score = known["y_score"].to_numpy(dtype=np.float64)
        called = score >= known["threshold"].to_numpy(dtype=np.float64)
        ids = known["subject_id"].to_numpy(dtype=object)[: len(known) // max(len(repeats), 1)]
        return cls(
            rows=np.array([place[subject] for subject in ids], dtype=np.intp),
            risk=-logit(np.clip(score, 1e-12, 1.0 - 1e-12)).reshape(shape),
            called_long=called.reshape(shape),
            repeat=repeats,
            follow_up=follow_up,
        )

    @property
    def days(self) -> NDArray[np.float64]:
        """Follow-up of the patients, shape (n,)."""
        return self.follow_up.days[self.rows]

    @property
    def died(self) -> NDArray[np.bool_]:
        """Whether their follow-up ends with death, shape (n,)."""
        return self.follow_up.died[self.rows]


def comparable_pairs(
    kind: Kind, days: NDArray[np.float64], died: NDArray[np.bool_], horizon_days: float
) -> NDArray[np.bool_]:
    """Tell of which pairs it is known who died first.

    Parameters
    ----------
    kind : str
        ``harrell_c``: all such pairs; ``uno_c``: those with a death before the horizon;
        ``cumulative_dynamic_auc``: a death before the horizon against a survivor of it.
    days, died : array, shape (n,)
        Follow-up.
    horizon_days : float
        The label's cut-off.

    Returns
    -------
    array of bool, shape (n, n)
        Whether patient i died before patient j. A death comes before a censoring at the same time; two deaths
        at the same time are no pair.
    """
    later = (days[:, None] < days[None, :]) | ((days[:, None] == days[None, :]) & ~died[None, :])
    pairs: NDArray[np.bool_] = died[:, None] & later
    if kind != "harrell_c":
        pairs &= (days < horizon_days)[:, None]
    if kind == "cumulative_dynamic_auc":
        pairs &= (days >= horizon_days)[None, :]
    return pairs


def within_fold_concordance(
    scores: SurvivalScores, kind: Kind, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average over folds and repeats the share of comparable pairs whose order the risk has right.

    As for the primary AUC, pairs are compared within one fold and repeat only and folds without a pair are
    passed over; ties count one half. Where weights by 1 / G are used, G is the Kaplan-Meier of the censoring
    of the eligible patients outside the fold, estimated anew in every resample, and 1 / G is truncated at
    `LARGEST_WEIGHT`.

    Parameters
    ----------
    scores : SurvivalScores
        Of n patients.
    kind : str
        A key of `POWER_OF_WEIGHT`.
    weights : array of float, shape (b, N)
        How often each resample counts each of the N patients of the follow-up.

    Returns
    -------
    array of float, shape (b,)
        NaN for a resample without a comparable pair.

    References
    ----------
    Harrell et al., JAMA 247:2543, 1982; Uno et al., Stat Med 30:1105, 2011 (truncated at the horizon);
    Hung and Chiang, Can J Stat 38:8, 2010; PROTOCOL 1 and 3.
    """
    follow_up, total, used = scores.follow_up, np.zeros(len(weights)), np.zeros(len(weights))
    for repeat, risk in zip(scores.repeat, scores.risk, strict=True):
        fold = follow_up.fold[repeat][scores.rows]
        for number in np.unique(fold):
            members = np.flatnonzero(fold == number)
            rows = scores.rows[members]
            pairs = comparable_pairs(kind, follow_up.days[rows], follow_up.died[rows], follow_up.horizon_days)
            first = np.flatnonzero(pairs.any(axis=1))
            if not len(first):
                continue
            gap = risk[members][first][:, None] - risk[members][None, :]
            right = ((gap > 0) + 0.5 * (gap == 0)) * pairs[first]
            drawn = weights[:, rows]
            earlier = drawn[:, first]
            if POWER_OF_WEIGHT[kind]:
                training = follow_up.training(repeat, int(number))
                known = resampled_censoring_survival(
                    follow_up.days[training],
                    follow_up.died[training],
                    follow_up.days[rows[first]],
                    weights[:, training],
                )
                inverse = np.minimum(1.0 / np.maximum(known, 1e-9), LARGEST_WEIGHT)
                earlier = earlier * inverse ** POWER_OF_WEIGHT[kind]
            won = (earlier * (drawn @ right.T)).sum(axis=1)
            of = (earlier * (drawn @ pairs[first].T.astype(np.float64))).sum(axis=1)
            total += np.divide(won, of, out=np.zeros_like(won), where=of > 0)
            used += of > 0
    return np.divide(total, used, out=np.full_like(total, np.nan), where=used > 0)
