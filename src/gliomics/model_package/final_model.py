"""The model of an arm on all labelled patients, and the card that travels with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from gliomics.errors import LeakageError, ValidationDesignError
from gliomics.evaluation.arms import recipe_of
from gliomics.evaluation.blocks import TRAINED_ON_ALL, UNTRAINED
from gliomics.evaluation.cross_validation.preparation import preparation_of
from gliomics.evaluation.cross_validation.resampling import is_synthetic
from gliomics.evaluation.cross_validation.tuning import FittedArm, tune_and_fit
from gliomics.evaluation.results import HONEST
from gliomics.learning.estimators.encoding import LEVELS, TableEncoder
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.harmonisation.batches import BATCH_COLUMN
from gliomics.learning.sample import Sample
from gliomics.learning.selection.selectors import selection_figures
from gliomics.lineage.fingerprints import fingerprint_json, fingerprint_table
from gliomics.model_package.refits import refit_on_resamples
from gliomics.model_package.training_profile import TrainingProfile, profile_training
from gliomics.seeding import generator

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.cohort.outcome import Task
    from gliomics.evaluation.arms import ArmTable
    from gliomics.evaluation.cross_validation.preparation import Preparation
    from gliomics.evaluation.settings import ModellingSettings

CARD_FORMAT = 2
"""Of a saved model. Cards without a number are of format 1: their classes lie in modules that are gone."""


@dataclass(frozen=True)
class FinalModel:
    """A fitted arm.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        From a table with the card's columns to the probability of label 1 (``card["probability"]``).
    card : dict
        JSON-ready facts: what it is, what it was fitted on and how to call it. It holds no patient's id and
        no patient's row.
    refits : tuple of sklearn.pipeline.Pipeline
        The same steps but the first, ``encode``, on resamples of the patients
        (`gliomics.model_package.refits`); none when not wanted.
    profile : TrainingProfile or None
        What its training patients looked like, to compare new cases with; older models have none.
    """

    pipeline: Pipeline
    card: dict[str, Any]
    refits: tuple[Pipeline, ...] = ()
    profile: TrainingProfile | None = None


def fit_final_model(
    arm_table: ArmTable,
    y: pd.Series,
    settings: ModellingSettings,
    seed: int,
    *,
    task: Task,
    population: str = "treated",
    recipe: str | None = None,
    refits: int = 0,
) -> FinalModel:
    """Tune and fit an arm on all labelled patients of a population.

    The figures of this model are those of the cross-validation of its settings; it is in-sample on every
    patient here.

    Parameters
    ----------
    arm_table : ArmTable
        Predictors of labelled patients only.
    y : Series
        1 long, 0 short survival, indexed by subject_id; holds every patient of the table.
    settings : ModellingSettings
        The tuning.
    seed : int
        The run's seed.
    task : Task
        What is predicted; its words are written on the card.
    population : str
        Written on the card.
    recipe : str, optional
        Name of the estimator recipe; None takes that of the settings, or else the arm's own.
    refits : int
        On how many resamples of the patients to fit it again, for the interval of a prediction.

    Returns
    -------
    FinalModel
        Saved by skops with `gliomics.learning.registry.TRUSTED_TYPES`.

    Raises
    ------
    ValidationDesignError
        If a patient of the table has no label, one class is empty, or the arm's features depend on the fold.
    LeakageError
        If a row is synthetic.
    """
    if arm_table.depends_on_fold:
        raise ValidationDesignError(
            where=f"final model of the {arm_table.arm} arm",
            expected="its features must be the same in every fold",
            got="vectors of networks that were trained inside the folds",
            fix="Use frozen networks in this arm, or register another arm.",
        )
    if is_synthetic(arm_table.X.index).any():
        raise LeakageError(
            where=f"final model of the {arm_table.arm} arm",
            expected="it may be fitted on rows of real patients only",
            got="synthetic rows",
            fix="Fit it on Dataset 1; what an audit has made can not become a model.",
        )
    labels = _labels(arm_table, y)
    columns = [str(column) for column in arm_table.X.columns]
    encoder = TableEncoder(columns, arm_table.batches)
    train = Sample(
        arm_table.X.index.to_numpy(dtype=object),
        encoder.transform(arm_table.X),
        labels.to_numpy(dtype=np.int64),
    )
    chosen = recipe_of(arm_table, settings, seed, recipe)
    preparation = preparation_of(arm_table, settings)
    with threadpool_limits(1):
        fitted = tune_and_fit(
            chosen,
            train,
            settings.tuning,
            generator(seed, "final model"),
            LeakageGuard(()),
            preparation=preparation,
        )
        again = refit_on_resamples(
            chosen, fitted, train, settings.tuning, preparation=preparation, n=refits, seed=seed
        )
    card = {
        "format": CARD_FORMAT,
        "arm": arm_table.arm,
        "protocol": HONEST,
        "outcome": task.outcome,
        "probability": task.probability,
        "population": population,
        "recipe": chosen.name,
        **_how_fitted(fitted),
        "selection": selection_figures(chosen),
        **_how_prepared(fitted, preparation, arm_table),
        "columns": columns,
        "columns_left_out": list(arm_table.columns_left_out),
        "columns_empty_in_training": int(np.isnan(train.X).all(axis=0).sum()),
        "example": _typical_patient(arm_table.X, train),
        "ranges": _ranges(columns, train),
        **_networks(arm_table),
        **_fitted_on(arm_table.X, labels),
        "interval_confidence": settings.final_model.confidence,
        "seed": seed,
    }
    pipeline = Pipeline([("encode", encoder), *fitted.pipeline.steps])
    scores = fitted.pipeline.predict_proba(train.X)[:, 1]
    return FinalModel(pipeline, card, tuple(again), profile_training(columns, train.X, scores))


def _labels(arm_table: ArmTable, y: pd.Series) -> pd.Series:
    labels = y.reindex(arm_table.X.index)
    if labels.isna().any() or labels.nunique() < 2:
        raise ValidationDesignError(
            where=f"final model of the {arm_table.arm} arm",
            expected="every patient must be labelled, and both classes be there",
            got=f"{int(labels.isna().sum())} patients without a label, {labels.nunique()} classes",
            fix="Give the labelled patients of a population with short and long survivors.",
        )
    return labels.astype("int64")


def _how_fitted(fitted: FittedArm) -> dict[str, Any]:
    return {
        "candidate": fitted.candidate.label,
        "threshold": fitted.threshold,
        "inner_folds": fitted.inner_folds,
    }


def _how_prepared(fitted: FittedArm, preparation: Preparation | None, arm_table: ArmTable) -> dict[str, Any]:
    """Say what was left out and harmonised, and what a served row needs for it."""
    if preparation is None or fitted.prepared is None:
        return {}
    facts: dict[str, Any] = {
        name: None if np.isnan(value) else int(value) for name, value in fitted.prepared.facts.items()
    }
    if preparation.batch_column is not None:
        combat = dict(fitted.prepared.steps)["harmonise"]
        facts["harmonised_batches"] = [arm_table.batches[int(place)] for place in combat.batches_]
        facts["batch"] = f"{preparation.batch}, in the column {BATCH_COLUMN}; others pass unharmonised"
    return {"preparation": facts}


def _networks(arm_table: ArmTable) -> dict[str, Any]:
    """Name the networks whose vectors the arm uses; untrained ones are called untrained."""
    origins = arm_table.embeddings.origins if arm_table.embeddings is not None else ()
    return {
        "networks": [asdict(origin) for origin in origins],
        "untrained": sorted({origin.network for origin in origins if origin.weights == UNTRAINED}),
        "in_sample_vectors": any(origin.weights == TRAINED_ON_ALL for origin in origins),
    }


def _ranges(columns: list[str], train: Sample) -> dict[str, list[float]]:
    """Smallest and largest value of each column in training; none for one that was empty there."""
    known = {c: train.X[:, j][~np.isnan(train.X[:, j])] for j, c in enumerate(columns)}
    return {c: [float(v.min()), float(v.max())] for c, v in known.items() if len(v)}


def _fitted_on(X: pd.DataFrame, labels: pd.Series) -> dict[str, Any]:
    """Describe the training set without naming anybody: counts and fingerprints."""
    return {
        "n_train": len(labels),
        "n_long": int((labels == 1).sum()),
        "n_short": int((labels == 0).sum()),
        "training_subjects_sha256": fingerprint_json(
            {"subjects": [str(subject) for subject in labels.index]}
        ),
        "training_rows_sha256": fingerprint_table(X.assign(benefit=labels)),
    }


def _typical_patient(X: pd.DataFrame, train: Sample) -> dict[str, float | str]:
    """Make an input example of nobody: medians, and for text the commonest level; 0 for an empty column."""
    example: dict[str, float | str] = {}
    for position, column in enumerate(map(str, X.columns)):
        if column == BATCH_COLUMN:
            names = X[column].dropna().map(str).mode()
            example[column] = "" if names.empty else str(names.iloc[0])
            continue
        known = train.X[:, position][~np.isnan(train.X[:, position])]
        middle = float(np.median(known)) if len(known) else 0.0
        levels = {number: text for text, number in LEVELS.get(column, {}).items()}
        example[column] = levels[float(np.round(middle + 1e-9))] if levels else middle
    return example
