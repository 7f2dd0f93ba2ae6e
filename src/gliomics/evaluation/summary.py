"""The figures of one population, ready for a JSON file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.evaluation.blocks import TRAINED_IN_FOLD, UNTRAINED
from gliomics.evaluation.controls.dataset2 import Dataset2Skipped
from gliomics.evaluation.controls.permutation import NotCovered, PermutationControl
from gliomics.evaluation.results import HONEST, honest_rows
from gliomics.evaluation.statistics.calibration import MIN_MINORITY, calibrate, decision_curve
from gliomics.evaluation.statistics.censoring import censoring_sensitivity
from gliomics.evaluation.statistics.comparisons import compare_family
from gliomics.evaluation.statistics.intervals import INTERVAL_NOTE, Estimate, estimate, resample_patients
from gliomics.evaluation.statistics.metrics import METRICS, ScoredPatients, average_precision
from gliomics.evaluation.statistics.site_figures import site_figures
from gliomics.evaluation.statistics.survival import cox_baseline_figures, survival_figures, survival_resamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.cohort.outcome import Task
    from gliomics.evaluation.controls.audit import AuditFigures
    from gliomics.evaluation.results import ArmFacts, PopulationEvaluation
    from gliomics.evaluation.settings import ModellingSettings

IN_SAMPLE_NOTE = (
    "The networks of a fold have seen its training images: training vectors are in-sample and no inner "
    "cross-fitting was done. train_auc against auc shows the gap."
)
DATASET2_NOTE = (
    "Synthetic rows are in the training folds only; real patients alone are scored. In the poorest fold the "
    "smaller class of the sampler was fitted on {k} patients."
)
AUDIT_NOTE = (
    "This is a mistake made on purpose, not a result: synthetic rows were made from all patients before the "
    "split, so test rows have shaped training rows. all_rows is the figure that such a study publishes; that "
    "it is high for permuted labels too shows that it measures the leak. It can not be registered."
)
COMPARISON_NOTE = (
    "Differences of within-fold AUC, first minus second, on the patients and repeats that both arms have. "
    "p_value: paired permutation test, each patient's ranks swapped in all repeats at once; "
    "p_holm: corrected over these comparisons. DeLong on one mean score a patient is secondary. "
    "detectable is the difference that this many patients could have shown with 80 % power."
)
CENSORING_NOTE = (
    "Patients censored before the cut-off have no label. ipcw_auc weights the deaths before it by "
    "the inverse probability of having stayed under observation (Kaplan-Meier on the training patients "
    "of each fold); naive_auc is the same without weights."
)
AP_NOTE = (
    "Of finding {events}, within folds. No interval: a resample that draws one of the {cases} twice raises "
    "it, so that its percentiles do not cover it. Chance is about the share of {events}; a fold of few "
    "{cases} has a higher one."
)


def summarise(
    evaluation: PopulationEvaluation, settings: ModellingSettings, seed: int, task: Task
) -> dict[str, Any]:
    """Condense an evaluation into figures with intervals.

    Parameters
    ----------
    evaluation : PopulationEvaluation
        From `gliomics.evaluation.population.evaluate_population`.
    settings : ModellingSettings
        The bootstrap.
    seed : int
        The run's seed.
    task : Task
        What is predicted.

    Returns
    -------
    dict
        JSON-ready, keys sorted at every level, numbers finite (null where a figure cannot be computed).
        ``status`` is ``evaluated`` or ``refused`` (with ``reason``); ``arms`` holds for each arm either
        ``status: evaluated`` with its figures or ``status: skipped`` with the reason.

    References
    ----------
    PROTOCOL 3 and 4.
    """
    y = evaluation.labels.to_numpy(dtype=np.int64)
    facts: dict[str, Any] = {
        "outcome": task.outcome,
        "population": evaluation.population,
        "n_eligible": evaluation.n_eligible,
        "n_censored": evaluation.n_censored,
        **_class_counts(y),
        "n_folds": evaluation.n_folds,
        "repeats": evaluation.repeats,
        "validation": evaluation.validation,
    }
    if evaluation.refused is not None:
        return _sorted({**facts, "status": "refused", "reason": evaluation.refused.reason, "arms": {}})
    weights = resample_patients(y, settings.bootstrap.n, seed)
    arms: dict[str, Any] = {
        arm: _arm_figures(evaluation, arm, weights, settings.bootstrap.confidence, task)
        for arm in evaluation.arms
    }
    for arm, figures in _survival(evaluation, settings, seed).items():
        arms[arm]["survival"] = figures
    comparisons = _comparisons(evaluation, weights, settings, seed)
    arms |= {skipped.arm: {"status": "skipped", "reason": skipped.reason} for skipped in evaluation.skipped}
    return _sorted(
        {
            **facts,
            "status": "evaluated",
            "arms": arms,
            "comparisons": comparisons,
            "comparison_note": COMPARISON_NOTE,
            "positive_class": task.positive_class,
            "interval_note": INTERVAL_NOTE,
            "bootstrap": settings.bootstrap.model_dump(),
        }
    )


def _arm_figures(
    evaluation: PopulationEvaluation, arm: str, weights: NDArray[np.float64], confidence: float, task: Task
) -> dict[str, Any]:
    observed = honest_rows(evaluation.predictions, arm, protocol=evaluation.protocol)
    return {
        "status": "evaluated",
        "protocol": evaluation.protocol,
        **_figures_of(observed, evaluation, weights, confidence, task),
        **_facts(evaluation.arms[arm]),
        "censoring": _censoring(observed, evaluation),
        **_sites(observed, evaluation, weights, confidence),
        **_dataset2_figures(evaluation, arm, weights, confidence, task),
    }


def _figures_of(
    observed: pd.DataFrame,
    evaluation: PopulationEvaluation,
    weights: NDArray[np.float64],
    confidence: float,
    task: Task,
) -> dict[str, Any]:
    patients = ScoredPatients.from_predictions(observed)
    columns = evaluation.labels.index.get_indexer(pd.Index(patients.ids))
    used, skipped = patients.folds_used()
    figures = {
        name: _finite(estimate(metric, patients, weights[:, columns], confidence))
        for name, metric in METRICS.items()
    }
    return {
        **_class_counts(patients.y),
        **figures,
        "average_precision": {
            "value": _number(float(average_precision(patients, patients.once, task.event)[0])),
            "chance": float((patients.y == task.event).mean()),
            "note": AP_NOTE.format(events=task.events, cases=task.cases),
        },
        "folds_used": used,
        "folds_skipped": skipped,
        "candidates": _candidates(observed),
        "calibration": _calibration(patients, weights[:, columns], confidence),
        "decision_curve": asdict(decision_curve(patients, weights[:, columns], confidence)),
    }


def _sites(
    observed: pd.DataFrame,
    evaluation: PopulationEvaluation,
    weights: NDArray[np.float64],
    confidence: float,
) -> dict[str, Any]:
    if evaluation.sites is None:
        return {}
    patients = ScoredPatients.from_predictions(observed)
    columns = evaluation.labels.index.get_indexer(pd.Index(patients.ids))
    return {"left_out_sites": site_figures(patients, evaluation.sites, weights[:, columns], confidence)}


def _calibration(patients: ScoredPatients, weights: NDArray[np.float64], confidence: float) -> dict[str, Any]:
    found = calibrate(patients, weights, confidence)
    curve = [{"mean_score": score, "share_long": share, "n": n} for score, share, n in found.curve]
    if found.slope is None or found.intercept is None:
        reason = f"not estimable: fewer than {MIN_MINORITY} patients in the smaller class"
        return {"status": reason, "curve": curve}
    return {
        "status": "estimated",
        "slope": _finite(found.slope),
        "intercept": _finite(found.intercept),
        "curve": curve,
    }


def _censoring(observed: pd.DataFrame, evaluation: PopulationEvaluation) -> dict[str, Any]:
    follow_up = evaluation.follow_up
    if follow_up is None or not set(observed["subject_id"]) <= set(follow_up.ids):
        return {"status": "not computed", "reason": "survival is not known of every scored patient"}
    found = censoring_sensitivity(ScoredPatients.from_predictions(observed), follow_up)
    return {
        "status": "computed",
        "note": CENSORING_NOTE,
        "n_censored_before": int((~follow_up.died & (follow_up.days < follow_up.horizon_days)).sum()),
        "ipcw_auc": _number(found.auc),
        "naive_auc": _number(found.naive),
        "largest_weight": _number(found.largest_weight),
        "truncated_weights": found.truncated,
    }


def _survival(
    evaluation: PopulationEvaluation, settings: ModellingSettings, seed: int
) -> dict[str, dict[str, Any]]:
    """Compute the figures that the censored take part in, arm by arm, on the same resamples."""
    follow_up, found = evaluation.follow_up, {}
    weights = np.empty((0, 0))
    if follow_up is not None:
        weights = survival_resamples(follow_up, evaluation.labels, settings.bootstrap, seed)
    for arm, facts in evaluation.arms.items():
        censored = evaluation.censored[evaluation.censored["arm"] == arm]
        observed = honest_rows(evaluation.predictions, arm, protocol=evaluation.protocol)
        scores = pd.concat([observed, censored], join="inner") if len(censored) else observed
        found[arm] = survival_figures(scores, follow_up, weights, settings)
        if facts.cox_baseline is not None and found[arm]["status"] == "computed":
            found[arm]["cox_baseline"] = cox_baseline_figures(facts.cox_baseline, weights, settings)
    return found


def _comparisons(
    evaluation: PopulationEvaluation, weights: NDArray[np.float64], settings: ModellingSettings, seed: int
) -> dict[str, Any]:
    scored = {
        arm: ScoredPatients.from_predictions(
            honest_rows(evaluation.predictions, arm, protocol=evaluation.protocol)
        )
        for arm in evaluation.arms
    }
    restricted = {
        arm: weights[:, evaluation.labels.index.get_indexer(pd.Index(patients.ids))]
        for arm, patients in scored.items()
    }
    made = compare_family(
        scored,
        restricted,
        confidence=settings.bootstrap.confidence,
        permutations=settings.comparisons.permutations,
        seed=seed,
    )
    return {
        f"{one.first}_vs_{one.second}": {
            key: _number(value) if isinstance(value, float) else value
            for key, value in asdict(one).items()
            if key not in {"first", "second"}
        }
        for one in made
    }


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _dataset2_figures(
    evaluation: PopulationEvaluation, arm: str, weights: NDArray[np.float64], confidence: float, task: Task
) -> dict[str, Any]:
    found = evaluation.arms[arm].dataset2
    if found is None:
        return {}
    if isinstance(found, Dataset2Skipped):
        skipped = {"status": "skipped", "reason": found.reason}
        return {"dataset2": skipped, "audit_augment_before_split": skipped}
    observed = honest_rows(evaluation.predictions, arm, "dataset2")
    second = {
        "status": "evaluated",
        "protocol": HONEST,
        "note": DATASET2_NOTE.format(k=found.minority_fitted_on),
        **_figures_of(observed, evaluation, weights, confidence, task),
        "permutation_control": _control(found.control),
        "inner_parts": found.inner_parts,
        "inner_parts_without_synthetic_rows": found.inner_parts_bare,
    }
    if found.no_audit is not None:
        return {"dataset2": second, "audit_augment_before_split": _skipped(found.no_audit)}
    audit = {
        "status": "audited",
        "note": AUDIT_NOTE,
        "estimators": {figures.estimator: _audit(figures) for figures in found.audits},
    }
    return {"dataset2": second, "audit_augment_before_split": audit}


def _skipped(reason: str) -> dict[str, str]:
    return {"status": "skipped", "reason": reason}


def _audit(figures: AuditFigures) -> dict[str, Any]:
    numbers = {key: value for key, value in asdict(figures).items() if key != "estimator"}
    numbers |= {
        "optimism_leak": figures.optimism_leak,
        "optimism_scored_synthetic": figures.optimism_scored_synthetic,
    }
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in numbers.items()
    }


def _facts(facts: ArmFacts) -> dict[str, Any]:
    return {
        "n_columns": facts.columns,
        "columns_left_out": list(facts.columns_left_out),
        "columns_empty_in_a_fold": facts.columns_empty_in_a_fold,
        "patients_without_row": facts.patients_without_row,
        "repeats": facts.repeats,
        "train_auc": facts.train_auc,
        "selection": facts.selection,
        **facts.preparation,
        **_networks(facts),
        "permutation_control": _control(facts.control),
    }


def _networks(facts: ArmFacts) -> dict[str, Any]:
    """Say which networks the arm rests on; untrained ones are called untrained."""
    if not facts.origins:
        return {}
    untrained = sorted({origin.network for origin in facts.origins if origin.weights == UNTRAINED})
    note = IN_SAMPLE_NOTE if any(origin.weights == TRAINED_IN_FOLD for origin in facts.origins) else None
    return {
        "networks": [asdict(origin) for origin in facts.origins],
        "untrained": untrained,
        "train_test_note": note,
    }


def _control(control: PermutationControl | NotCovered) -> dict[str, Any]:
    if isinstance(control, NotCovered):
        empty = dict.fromkeys(("mean", "sd", "bound", "passed", "power", "p_value", "sd_source"))
        return {
            "status": "not covered",
            "reason": control.reason,
            "n": 0,
            "observed_auc": control.observed,
            **empty,
        }
    return {
        "status": control.status,
        "sd_source": control.sd_source,
        "n": control.n,
        "mean": control.mean,
        "sd": control.sd,
        "bound": control.bound,
        "passed": control.passed,
        "power": control.power,
        "observed_auc": control.observed,
        "p_value": control.p_value,
    }


def _candidates(observed: pd.DataFrame) -> dict[str, int]:
    """Count in how many (repeat, fold) each candidate was chosen."""
    chosen = observed.groupby(["repeat", "fold"])["candidate"].first().value_counts()
    return {str(candidate): int(times) for candidate, times in chosen.items()}


def _class_counts(y: NDArray[np.int64]) -> dict[str, int]:
    n_long = int(np.count_nonzero(y == 1))
    return {"n": len(y), "n_long": n_long, "n_short": len(y) - n_long}


def _finite(found: Estimate) -> dict[str, float | None]:
    values = {"value": found.value, "low": found.low, "high": found.high}
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def _sorted(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: _sorted_value(value) for key, value in sorted(facts.items())}


def _sorted_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _sorted(value)
    return [_sorted_value(one) for one in value] if isinstance(value, list) else value
