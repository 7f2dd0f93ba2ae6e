"""What the censored say about an arm: concordance, hazard ratio and Kaplan-Meier of its groups."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.evaluation.statistics.intervals import percentile_interval, resample_patients
from gliomics.evaluation.statistics.survival_curves import (
    at_risk_by_year,
    hazard_ratio,
    kaplan_meier_curve,
    log_rank,
)
from gliomics.evaluation.statistics.survival_scores import (
    POWER_OF_WEIGHT,
    SurvivalScores,
    within_fold_concordance,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.evaluation.settings import BootstrapSettings, ModellingSettings, SurvivalSettings
    from gliomics.evaluation.statistics.censoring import FollowUp

SURVIVAL_NOTE = (
    "Out-of-fold scores of labelled and censored patients; the models were trained on the labelled. "
    "harrell_c and uno_c: share of pairs, within folds, in which the patient who died first has the higher "
    "risk, over all follow-up and (uno_c) over deaths before the cut-off, weighted by the inverse squared "
    "probability of being under observation. cumulative_dynamic_auc: deaths before the cut-off against "
    "survivors of it, weighted by that inverse (the ipcw_auc, with its interval). Intervals: all eligible "
    "patients are resampled, stratified by short, long and censored; the probability of being under "
    "observation (Kaplan-Meier of the patients outside the fold) is estimated anew in every resample; "
    "training is not repeated."
)
HAZARD_NOTE = (
    "Secondary: Cox model of all follow-up with one covariate, the mean over repeats of the out-of-fold "
    "log-odds of short survival, in standard deviations. It compares scores of different folds' models."
)
GROUP_RULE = (
    "called long: the score reached the threshold, chosen inside the training fold, in at least half of the "
    "repeats; else called short"
)
LOG_RANK_NOTE = "descriptive: the groups follow from models, the number of repeats and a threshold"
COX_NOTE = (
    "Ridge-penalised Cox model of the clinical predictors, imputed and scaled in the fold, fitted on all "
    "eligible patients outside the fold, the censored included."
)


def survival_resamples(
    follow_up: FollowUp, labels: pd.Series, bootstrap: BootstrapSettings, seed: int
) -> NDArray[np.float64]:
    """Draw the eligible patients, stratified by short | long | censored.

    Parameters
    ----------
    follow_up : FollowUp
        Of the population.
    labels : Series
        1 long, 0 short survival, indexed by subject_id; who is not in it counts as censored.
    bootstrap : BootstrapSettings
        Number of resamples.
    seed : int
        The run's seed; the labelled are drawn as for the primary AUC.

    Returns
    -------
    array of float, shape (b, N)
        How often each patient of the follow-up was drawn.
    """
    stratum = labels.reindex(follow_up.ids).fillna(-1).to_numpy(dtype=np.int64)
    return resample_patients(stratum, bootstrap.n, seed)


def survival_figures(
    predictions: pd.DataFrame,
    follow_up: FollowUp | None,
    weights: NDArray[np.float64],
    settings: ModellingSettings,
) -> dict[str, Any]:
    """Compute everything that an arm's scores say about survival times.

    Parameters
    ----------
    predictions : DataFrame
        Labelled and censored patients (see `SurvivalScores.from_predictions`).
    follow_up : FollowUp or None
        None when survival times are unknown.
    weights : array of float, shape (b, N)
        From `survival_resamples`.
    settings : ModellingSettings
        Confidence, and the fewest deaths of a Cox model.

    Returns
    -------
    dict
        JSON-ready. ``status`` is ``computed``, or ``not computed`` with the reason.
    """
    if follow_up is None:
        return {"status": "not computed", "reason": "survival times are not known"}
    scores = SurvivalScores.from_predictions(predictions, follow_up)
    if not len(scores.rows):
        return {"status": "not computed", "reason": "survival is known of no scored patient"}
    days, died, horizon = scores.days, scores.died, follow_up.horizon_days
    return {
        "status": "computed",
        "note": SURVIVAL_NOTE,
        "n": len(days),
        "n_deaths": int(died.sum()),
        "n_deaths_before_cutoff": int((died & (days < horizon)).sum()),
        "n_censored_before_cutoff": int((~died & (days < horizon)).sum()),
        "n_eligible_not_scored": len(follow_up.ids) - len(days),
        "cutoff_days": horizon,
        **concordance_figures(scores, weights, settings.bootstrap.confidence),
        "hazard_ratio_per_sd": _hazard(scores, settings.survival, settings.bootstrap.confidence),
        **_groups(scores, settings.bootstrap.confidence),
    }


def cox_baseline_figures(
    found: SurvivalScores | str,
    weights: NDArray[np.float64],
    settings: ModellingSettings,
) -> dict[str, Any]:
    """Put the Cox baseline into figures, or say why there is none."""
    if isinstance(found, str):
        return {"status": f"not estimable: {found}"}
    return {
        "status": "estimated",
        "note": COX_NOTE,
        "penalty": settings.survival.cox_penalty,
        "n": len(found.rows),
        "n_deaths": int(found.died.sum()),
        **concordance_figures(found, weights, settings.bootstrap.confidence),
    }


def concordance_figures(
    scores: SurvivalScores, weights: NDArray[np.float64], confidence: float
) -> dict[str, Any]:
    """Compute each concordance with its interval; null where no fold has a pair."""
    once = np.ones((1, weights.shape[1]))
    figures: dict[str, Any] = {}
    for kind in POWER_OF_WEIGHT:
        value = float(within_fold_concordance(scores, kind, once)[0])
        found = percentile_interval(value, within_fold_concordance(scores, kind, weights), confidence)
        figures[kind] = _finite(asdict(found)) | {
            "status": "estimated" if np.isfinite(value) else "not estimable: no fold has a comparable pair"
        }
    return figures


def _hazard(scores: SurvivalScores, settings: SurvivalSettings, confidence: float) -> dict[str, Any]:
    deaths, risk = int(scores.died.sum()), scores.risk.mean(axis=0)
    if deaths < settings.min_deaths:
        return {"status": f"not estimable: {deaths} deaths, {settings.min_deaths} needed"}
    if float(np.ptp(risk)) < 1e-12:
        return {"status": "not estimable: all risks are equal"}
    found = hazard_ratio(risk, scores.days, scores.died, confidence)
    if found is None:
        return {"status": "not estimable: the likelihood has no maximum"}
    return {"status": "estimated", "note": HAZARD_NOTE, **_finite(asdict(found))}


def _groups(scores: SurvivalScores, confidence: float) -> dict[str, Any]:
    """Estimate the curve of each group and compare them."""
    called = scores.called_long.mean(axis=0) >= 0.5
    groups, days, died = {}, scores.days, scores.died
    for name, members in (("called_long", called), ("called_short", ~called)):
        if not members.any():
            groups[name] = {"status": "not estimable: nobody was called so", "n": 0}
            continue
        groups[name] = {
            "status": "estimated",
            "n": int(members.sum()),
            "n_deaths": int(died[members].sum()),
            "curve": kaplan_meier_curve(days[members], died[members], confidence),
            "at_risk_by_year": at_risk_by_year(days[members], float(days.max())),
        }
    return {
        "kaplan_meier": {"group_rule": GROUP_RULE, "groups": groups},
        "log_rank": _log_rank(days, died, called),
    }


def _log_rank(
    days: NDArray[np.float64], died: NDArray[np.bool_], called: NDArray[np.bool_]
) -> dict[str, Any]:
    if called.all() or not called.any() or not died.any():
        return {"status": "not estimable: one group is empty or nobody died"}
    statistic, p_value = log_rank(days, died, called)
    return {"status": "estimated", "note": LOG_RANK_NOTE} | _finite(
        {"statistic": statistic, "p_value": p_value}
    )


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
