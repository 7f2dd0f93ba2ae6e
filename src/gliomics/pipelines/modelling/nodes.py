"""Nodes of modelling: every arm of both populations, the metrics file and the final models."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from gliomics.cohort.populations import POPULATIONS, labelled, population
from gliomics.cohort.settings import CohortSettings, Population
from gliomics.compute import ComputeSettings
from gliomics.prediction.arms import ArmSkipped, Block, assemble_arm
from gliomics.prediction.blocks import UNTRAINED, EmbeddingBlock, embedding_block, final_block
from gliomics.prediction.evaluation import PopulationEvaluation, evaluate_population
from gliomics.prediction.feature_blocks import feature_blocks
from gliomics.prediction.final_model import FinalModel, fit_final_model
from gliomics.prediction.settings import ModellingSettings
from gliomics.prediction.summary import summarise
from gliomics.progress import progress
from gliomics.synthesis.pca_gmm import pca_gmm_sampler
from gliomics.synthesis.settings import AugmentationSettings

logger = logging.getLogger(__name__)


def evaluate_arms(
    *,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    embeddings: pd.DataFrame,
    cohort_flow: pd.DataFrame,
    cohort_name: str,
    cohort_settings: CohortSettings,
    settings: ModellingSettings,
    augmentation: AugmentationSettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """cohort, folds, features, embeddings, cohort_flow -> cv_predictions(_sensitivity), metrics."""
    primary = cohort_settings.primary_population
    sensitivity = next(name for name in POPULATIONS if name != primary)
    blocks = feature_blocks(
        cohort_settings.feature_source == "published", radiomic_features, region_presence,
        published_features, embedding_block(embeddings),
    )  # fmt: skip
    _warn_of_untrained(blocks)

    def evaluate(name: Population) -> PopulationEvaluation:
        with progress("fit") as show:
            return evaluate_population(
                cohort, folds, blocks, arms=cohort_settings.arms, population=name, settings=settings,
                seed=seed, compute=compute, networks_permuted=name == primary,
                sampler=pca_gmm_sampler(augmentation.pca_gmm),
                horizon_days=cohort_settings.label.cutoff_days,
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
    embeddings: pd.DataFrame,
    final_embeddings: pd.DataFrame,
    metrics: dict[str, Any],
    cohort_settings: CohortSettings,
    settings: ModellingSettings,
    seed: int,
) -> dict[str, FinalModel]:
    """cohort, features, final_embeddings, metrics -> final_models: one an arm, on all labelled patients."""
    primary = cohort_settings.primary_population
    patients = labelled(population(cohort, primary))
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    deep = final_block(embeddings, final_embeddings)
    blocks = feature_blocks(
        cohort_settings.feature_source == "published", radiomic_features, region_presence,
        published_features, deep,
    )  # fmt: skip
    models = {}
    for arm, figures in metrics["populations"][primary]["arms"].items():
        table = assemble_arm(arm, patients, blocks)
        if figures["status"] != "evaluated" or isinstance(table, ArmSkipped):
            continue
        models[arm] = fit_final_model(
            table, labels, settings, seed, population=primary, refits=settings.final_model.refits
        )
    logger.info("fit_final_models: %s on %d patients", ", ".join(models) or "no arm", len(patients))
    return models


def _warn_of_untrained(blocks: dict[str, Block]) -> None:
    deep = blocks.get("embeddings")
    if isinstance(deep, EmbeddingBlock):
        names = sorted({origin.network for origin in deep.origins if origin.weights == UNTRAINED})
        if names:
            logger.warning("evaluate_arms: the weights of %s are UNTRAINED", ", ".join(names))


def _verdict(evaluation: PopulationEvaluation) -> str:
    if evaluation.refused is not None:
        return f"refused ({evaluation.refused.reason})"
    skipped = [skip.arm for skip in evaluation.skipped]
    return f"{len(evaluation.labels)} patients, {len(evaluation.arms)} arms" + (
        f" ({', '.join(skipped)} skipped)" if skipped else ""
    )
