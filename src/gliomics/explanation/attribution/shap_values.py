"""SHAP values of the out-of-fold models: who is explained by which model, against whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from gliomics.compute import is_needed, map_cases
from gliomics.errors import AttributionError
from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, fold_model
from gliomics.explanation.attribution.attributions import explain_rows
from gliomics.learning.guard import LeakageGuard
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.blocks import FoldVectors
    from gliomics.explanation.attribution.shap_settings import ShapSettings

VALUE_COLUMNS = {
    "arm": "object",
    "repeat": "int64",
    "fold": "int64",
    "subject_id": "object",
    "feature": "object",
    "value": "float64",
    "imputed": "bool",
    "shap": "float64",
}
MODEL_COLUMNS = {
    "arm": "object",
    "repeat": "int64",
    "fold": "int64",
    "subject_id": "object",
    "y_true": "int64",
    "y_score": "float64",
    "threshold": "float64",
    "base": "float64",
    "log_odds": "float64",
    "explainer": "object",
    "evaluations": "int64",
    "background": "int64",
    "used_columns": "int64",
}
KEYS = ["arm", "repeat", "fold", "subject_id"]


@dataclass(frozen=True)
class ExplainedDesign:
    """An arm whose out-of-fold models are explained.

    Attributes
    ----------
    design : CrossValidation
        As the arm was evaluated (`gliomics.evaluation.cases.arm_design`).
    columns : sequence of str
        Names of its columns, in their order.
    networks : tuple of str
        Networks behind columns that were trained inside the folds.
    """

    design: CrossValidation
    columns: Sequence[str]
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShapValues:
    """Attributions of several arms.

    Attributes
    ----------
    contributions : DataFrame
        Columns as in `VALUE_COLUMNS`: one row a held-out patient, fit and feature that has a share in some
        row of the fit; a feature without a row has the value 0. ``value`` is what the model saw, in the
        feature's units; ``imputed`` marks the imputer's values. ``shap`` in log-odds of long survival.
    fits : DataFrame
        Columns as in `MODEL_COLUMNS`: one row a held-out patient and fit.
    """

    contributions: pd.DataFrame
    fits: pd.DataFrame


def explain_arms(
    arms: Mapping[str, ExplainedDesign],
    predictions: pd.DataFrame,
    settings: ShapSettings,
    *,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> ShapValues:
    """Explain every held-out patient by the models that scored them out of fold.

    The model of each (repeat, fold) is fitted again, to the last bit, and explains the patients of that fold
    against its own training rows.

    Parameters
    ----------
    arms : mapping of str to ExplainedDesign
        By the arm's name.
    predictions : DataFrame
        Leakage-free scores of the observed labels on Dataset 1: ``arm``, ``repeat``, ``subject_id``,
        ``y_score``.
    settings : ShapSettings
        How many repeats, and the budget of permutations.
    compute : ComputeSettings
        How fits are spread; the result is the same for any number of workers.
    on_progress : callable, optional
        Called with the number of repeats of arms that are done, and of all.

    Returns
    -------
    ShapValues
        Sorted by arm, repeat, fold, subject and feature.

    Raises
    ------
    AttributionError
        If attributions do not add up, or a model does not give the score that is in `predictions`.
    LeakageError
        If a background row belongs to an explained patient.

    References
    ----------
    PROTOCOL 8.
    """
    work = [
        (name, _vectors_of(arm, repeat), repeat)
        for name, arm in sorted(arms.items())
        for repeat in arm.design.repeats[: settings.repeats]
    ]
    common = {name: replace(arm, design=replace(arm.design, vectors=None)) for name, arm in arms.items()}
    explain = partial(_explain_repeat, common, settings.evaluations)
    parts = []
    for done, part in enumerate(map_cases(explain, work, compute, on_lost=is_needed(_name)), start=1):
        parts.append(part)
        if on_progress is not None:
            on_progress(done, len(work))
    values = _stacked([part.contributions for part in parts], VALUE_COLUMNS)
    fits = _stacked([part.fits for part in parts], MODEL_COLUMNS)
    check_scores(fits, predictions)
    return ShapValues(
        values.sort_values([*KEYS, "feature"], ignore_index=True), fits.sort_values(KEYS, ignore_index=True)
    )


def explain_fold(name: str, arm: ExplainedDesign, repeat: int, fold: int, evaluations: int) -> ShapValues:
    """Explain the held-out patients of one fold.

    Parameters
    ----------
    name : str
        The arm.
    arm : ExplainedDesign
        Its design.
    repeat, fold : int
        Which model.
    evaluations : int
        Budget of permutations.

    Returns
    -------
    ShapValues
        Of this fold.
    """
    model = fold_model(arm.design, repeat, fold)
    LeakageGuard(model.test.ids).check("SHAP background", model.train.ids)
    seed = int(generator(arm.design.seed, "SHAP permutations", repeat, fold).integers(2**31))
    made = explain_rows(model.arm, model.train.X, model.test.X, evaluations=evaluations, seed=seed)
    used = np.flatnonzero((made.contributions != 0.0).any(axis=0))
    n, place = len(model.test.ids), {"arm": name, "repeat": repeat, "fold": fold}
    fits = pd.DataFrame(
        {
            **place,
            "subject_id": model.test.ids,
            "y_true": model.test.y,
            "y_score": model.arm.score(model.test.X),
            "threshold": model.arm.threshold,
            "base": made.base,
            "log_odds": made.log_odds,
            "explainer": made.explainer,
            "evaluations": made.evaluations,
            "background": len(model.train.ids),
            "used_columns": len(used),
        }
    )
    values = pd.DataFrame(
        {
            **place,
            "subject_id": np.repeat(model.test.ids, len(used)),
            "feature": np.tile(np.asarray(arm.columns, dtype=object)[used], n),
            "value": made.inputs[:, used].ravel(),
            "imputed": np.isnan(model.test.X[:, used]).ravel(),
            "shap": made.contributions[:, used].ravel(),
        }
    )
    return ShapValues(values, fits)


def check_scores(fits: pd.DataFrame, predictions: pd.DataFrame) -> None:
    """Make sure that the explained models are those that the evaluation scored with.

    Raises
    ------
    AttributionError
        If a score is absent from the predictions or differs from it.
    """
    keys = ["arm", "repeat", "subject_id"]
    both = fits[[*keys, "y_score"]].merge(
        predictions[[*keys, "y_score"]], on=keys, how="left", suffixes=("", "_then")
    )
    gap = (both["y_score"] - both["y_score_then"]).abs()
    wrong = both[~(gap <= 1e-9)]
    if len(wrong):
        first = wrong.iloc[0]
        raise AttributionError(
            where=f"{first['subject_id']} [{first['arm']}, repeat {first['repeat']}]",
            expected=f"the explained model must give the evaluated score {first['y_score_then']:.6f}",
            got=f"{first['y_score']:.6f} ({len(wrong)} of {len(both)} differ)",
            fix="Run modelling again: its predictions are of other data, settings or code.",
        )


def _name(work: tuple[str, FoldVectors | None, int]) -> str:
    return f"explanation of arm {work[0]}, repeat {work[2]}"


def _explain_repeat(
    arms: Mapping[str, ExplainedDesign], evaluations: int, work: tuple[str, FoldVectors | None, int]
) -> ShapValues:
    """Explain all folds of a repeat on one BLAS thread, so that no result depends on the worker."""
    name, vectors, repeat = work
    arm = replace(arms[name], design=replace(arms[name].design, vectors=vectors))
    folds = [int(fold) for fold in np.unique(arm.design.folds[repeat])]
    with threadpool_limits(1):
        parts = [explain_fold(name, arm, repeat, fold, evaluations) for fold in folds]
    return ShapValues(pd.concat([p.contributions for p in parts]), pd.concat([p.fits for p in parts]))


def _vectors_of(arm: ExplainedDesign, repeat: int) -> FoldVectors | None:
    """Give the networks' vectors that a repeat needs: what is sent with it."""
    vectors = arm.design.vectors
    if vectors is None:
        return None
    return vectors.only({(0, repeat, int(fold)) for fold in np.unique(arm.design.folds[repeat])})


def _stacked(tables: list[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    return pd.concat(tables, ignore_index=True)[list(columns)].astype(columns) if tables else empty
