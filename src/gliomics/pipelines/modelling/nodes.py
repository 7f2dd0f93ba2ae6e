"""Nodes of modelling: every arm of both populations, the metrics file and the final models."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from gliomics.cohort.populations import POPULATIONS, labelled, population
from gliomics.cohort.published_panel import region_presence as published_presence
from gliomics.cohort.settings import CohortSettings, Population
from gliomics.compute import ComputeSettings
from gliomics.prediction.arms import ArmSkipped, assemble_arm
from gliomics.prediction.evaluation import PopulationEvaluation, evaluate_population
from gliomics.prediction.final_model import FinalModel, fit_final_model
from gliomics.prediction.settings import ModellingSettings
from gliomics.prediction.summary import summarise
from gliomics.progress import progress

logger = logging.getLogger(__name__)


def evaluate_arms(
    *,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    cohort_flow: pd.DataFrame,
    cohort_name: str,
    cohort_settings: CohortSettings,
    settings: ModellingSettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """cohort, folds, features, cohort_flow -> cv_predictions(_sensitivity), metrics."""
    primary = cohort_settings.primary_population
    sensitivity = next(name for name in POPULATIONS if name != primary)
    blocks = _blocks(cohort_settings, radiomic_features, region_presence, published_features)

    def evaluate(name: Population) -> PopulationEvaluation:
        with progress("fit") as show:
            return evaluate_population(
                cohort, folds, blocks, arms=cohort_settings.arms, population=name, settings=settings,
                seed=seed, compute=compute,
                on_progress=lambda arm, done, total: show(f"{name}, {arm}", done, total),
            )  # fmt: skip

    evaluations = {name: evaluate(name) for name in (primary, sensitivity)}
    metrics = {
        "cohort": cohort_name,
        "title": cohort_settings.title,
        "synthetic": cohort_settings.synthetic,
        "seed": seed,
        "label": cohort_settings.label.model_dump(),
        "primary_population": primary,
        "feature_source": cohort_settings.feature_source,
        "flow": cohort_flow.to_dict(orient="records"),
        "populations": {
            name: summarise(evaluation, settings, seed) for name, evaluation in evaluations.items()
        },
    }
    logger.info(
        "evaluate_arms: %s",
        "; ".join(f"{name} {_verdict(evaluation)}" for name, evaluation in evaluations.items()),
    )
    return evaluations[primary].predictions, evaluations[sensitivity].predictions, metrics


def fit_final_models(
    *,
    cohort: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    metrics: dict[str, Any],
    cohort_settings: CohortSettings,
    settings: ModellingSettings,
    seed: int,
) -> dict[str, FinalModel]:
    """cohort, features, metrics -> final_models: each evaluated arm on all labelled patients."""
    primary = cohort_settings.primary_population
    patients = labelled(population(cohort, primary))
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    blocks = _blocks(cohort_settings, radiomic_features, region_presence, published_features)
    models = {}
    for arm, figures in metrics["populations"][primary]["arms"].items():
        table = assemble_arm(arm, patients, blocks)
        if figures["status"] == "evaluated" and not isinstance(table, ArmSkipped):
            models[arm] = fit_final_model(table, labels, settings, seed, population=primary)
    logger.info("fit_final_models: %s on %d patients", ", ".join(models) or "no arm", len(patients))
    return models


def _blocks(
    cohort_settings: CohortSettings,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Choose where the radiomics arm's features come from; an empty table is no block."""
    published = cohort_settings.feature_source == "published"
    blocks = {
        "radiomics": published_features if published else radiomic_features,
        "region_presence": published_presence(published_features) if published else region_presence,
    }
    return {} if blocks["radiomics"].empty else blocks


def _verdict(evaluation: PopulationEvaluation) -> str:
    if evaluation.refused is not None:
        return f"refused ({evaluation.refused.reason})"
    skipped = [skip.arm for skip in evaluation.skipped]
    return f"{len(evaluation.labels)} patients, {len(evaluation.arms)} arms" + (
        f" ({', '.join(skipped)} skipped)" if skipped else ""
    )
