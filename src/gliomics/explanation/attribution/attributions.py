"""Shapley values of one fitted arm, in log-odds, on the original columns."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logit
from sklearn.ensemble import HistGradientBoostingClassifier

from gliomics.errors import AttributionError
from gliomics.explanation.attribution.linear_form import filled, linear_form, original_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.evaluation.cross_validation.tuning import FittedArm

LINEAR, TREES, PERMUTATION = "linear, exact", "trees, exact", "permutation"
TOLERANCE = 1e-6
"""Largest gap between base plus attributions and the model's log-odds, relative above 1."""
SCORE_LIMIT = 1e-3
"""A classifier that only gives probabilities (a forest) may say 0 or 1; its log-odds stop here."""


@dataclass(frozen=True)
class Attribution:
    """Why a model scores some rows as it does.

    Attributes
    ----------
    base : float
        Mean log-odds of the background rows.
    contributions : array of float, shape (n, p)
        Share of each original column in a row's log-odds; 0 for columns that the model does not use.
    log_odds : array of float, shape (n,)
        What the model gives: base plus the sum of the row's contributions.
    inputs : array of float, shape (n, p)
        The rows with gaps filled by the model's imputer, in the units of the columns.
    explainer : str
        `LINEAR`, `TREES` or `PERMUTATION`.
    evaluations : int
        Coalitions of columns that were evaluated a row, each against every background row; 0 where exact.
    """

    base: float
    contributions: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    inputs: NDArray[np.float64]
    explainer: str
    evaluations: int = 0


def explain_rows(
    arm: FittedArm,
    background: NDArray[np.float64],
    rows: NDArray[np.float64],
    *,
    evaluations: int,
    seed: int,
) -> Attribution:
    """Attribute the log-odds of rows to the original columns, against background rows.

    Interventional Shapley values: a column that is taken away takes the values that it has in the
    background, whatever the others are. A missing value counts as the value that the model's imputer gives
    it. Linear pipelines and boosted trees on single columns are explained exactly; anything else by
    antithetic permutations.

    Parameters
    ----------
    arm : FittedArm
        The model.
    background : array of float, shape (m, p)
        Training rows, missing as NaN.
    rows : array of float, shape (n, p)
        What is explained.
    evaluations : int
        Coalitions a row where there is no exact way; at least two a used column and one are taken.
    seed : int
        Of the permutations.

    Returns
    -------
    Attribution
        Additive: checked.

    Raises
    ------
    AttributionError
        If base and values do not add up to the model's log-odds.

    References
    ----------
    Lundberg, Lee, A unified approach to interpreting model predictions, NeurIPS 2017; Lundberg et al., From
    local explanations to global understanding with explainable AI for trees, Nat Mach Intell 2, 2020.
    """
    pipeline = arm.pipeline
    inputs, reference = filled(pipeline, rows), filled(pipeline, background)
    linear, columns = linear_form(pipeline), original_columns(pipeline)
    boosted = isinstance(pipeline.steps[-1][1], HistGradientBoostingClassifier)
    if linear is not None:
        mean = reference.mean(axis=0)
        values = (inputs - mean) * linear.weights
        base = linear.intercept + float(mean @ linear.weights)
        explainer, evaluations = LINEAR, 0
    elif boosted and columns is not None:
        found, base = _boosted(
            pipeline.steps[-1][1], pipeline[:-1].transform(reference), pipeline[:-1].transform(inputs)
        )
        values = _spread(found, columns, rows.shape[1])
        explainer, evaluations = TREES, 0
    else:
        values, base, evaluations = _permuted(pipeline, reference, inputs, columns, (evaluations, seed))
        explainer = PERMUTATION
    log_odds = model_log_odds(arm, rows)
    check_additivity(base + arm.shift, values, log_odds, explainer)
    return Attribution(base + arm.shift, values, log_odds, inputs, explainer, evaluations)


def model_log_odds(arm: FittedArm, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give a model's log-odds as the model itself computes them, shape (n,)."""
    return _log_odds(arm.pipeline, X) + arm.shift


def check_additivity(
    base: float, values: NDArray[np.float64], log_odds: NDArray[np.float64], explainer: str
) -> None:
    """Let attributions pass that add up to the model's output, stop others.

    Parameters
    ----------
    base : float
        Mean log-odds of the background.
    values : array of float, shape (n, p)
        Attributions.
    log_odds : array of float, shape (n,)
        The model's output.
    explainer : str
        Who made them, for the message.

    Raises
    ------
    AttributionError
        If a row is off by more than `TOLERANCE`, relative above 1.
    """
    gap = np.abs(base + values.sum(axis=1) - log_odds)
    allowed = TOLERANCE * np.maximum(1.0, np.abs(log_odds))
    worst = int((gap - allowed).argmax())
    if not gap[worst] <= allowed[worst]:
        raise AttributionError(
            where=f"SHAP values ({explainer})",
            expected="base plus attributions must be the model's log-odds in every row",
            got=(
                f"{log_odds[worst] - gap[worst]:.9g} or {log_odds[worst] + gap[worst]:.9g} "
                f"instead of {log_odds[worst]:.9g}"
            ),
            fix="This is a fault of the explainer or an unknown step of the pipeline; report it.",
        )


def _log_odds(model: Any, X: NDArray[np.float64]) -> NDArray[np.float64]:
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(X), dtype=np.float64)
    return np.asarray(logit(np.clip(model.predict_proba(X)[:, 1], SCORE_LIMIT, 1.0 - SCORE_LIMIT)))


def _spread(values: NDArray[np.float64], columns: NDArray[np.intp], width: int) -> NDArray[np.float64]:
    spread = np.zeros((len(values), width))
    spread[:, columns] = values
    return spread


def _boosted(
    classifier: Any, reference: NDArray[np.float64], inputs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    shap = _import_shap()
    explainer = shap.TreeExplainer(
        classifier,
        shap.maskers.Independent(reference, max_samples=len(reference)),
        feature_perturbation="interventional",
    )
    values = np.asarray(explainer.shap_values(inputs, check_additivity=False), dtype=np.float64)
    return values, float(np.ravel(explainer.expected_value)[0])


def _permuted(
    pipeline: Any,
    reference: NDArray[np.float64],
    inputs: NDArray[np.float64],
    columns: NDArray[np.intp] | None,
    budget: tuple[int, int],
) -> tuple[NDArray[np.float64], float, int]:
    """Explain by permutations of the columns that can matter: those kept, or all when a step mixes them."""
    shap, (asked, seed) = _import_shap(), budget
    width = inputs.shape[1]
    if columns is None:
        columns, before, model = np.arange(width), reference, pipeline
    else:
        before, model = pipeline[:-1].transform(reference), pipeline.steps[-1][1]
        inputs = pipeline[:-1].transform(inputs)

    def score(X: NDArray[np.float64]) -> NDArray[np.float64]:
        return _log_odds(model, X)

    evaluations = max(asked, 2 * len(columns) + 1)
    masker = shap.maskers.Independent(before, max_samples=len(before))
    state = np.random.get_state()  # noqa: NPY002  (shap seeds numpy's global generator)
    try:
        made = shap.PermutationExplainer(score, masker, seed=seed)(inputs, max_evals=evaluations, silent=True)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    used = evaluations // (2 * len(columns) + 1) * (2 * len(columns) + 1)
    values = _spread(np.asarray(made.values, dtype=np.float64), columns, width)
    return values, float(score(before).mean()), used


def _import_shap() -> Any:
    """Import shap when it is first needed: it is slow, and it warns of matplotlib's future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap
    return shap
