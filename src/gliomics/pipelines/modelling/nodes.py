"""Nodes of modelling: every arm of both populations, the metrics file and the final models."""

from __future__ import annotations

import logging
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd

from gliomics.cohort.outcome import survival_task
from gliomics.cohort.populations import POPULATIONS, labelled, population
from gliomics.cohort.settings import CohortSettings, Population
from gliomics.cohort.validation import EXTERNAL, parse_validation
from gliomics.compute import ComputeSettings
from gliomics.evaluation.arms import ArmSkipped, Block, assemble_arm
from gliomics.evaluation.blocks import UNTRAINED, AbsentBlock, EmbeddingBlock, embedding_block, final_block
from gliomics.evaluation.cohort_blocks import FeatureTables, cohort_blocks
from gliomics.evaluation.external import evaluate_external, refuse_training_patients
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.results import PopulationEvaluation
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.summary import summarise
from gliomics.model_package.final_model import FinalModel, fit_final_model
from gliomics.model_package.frozen_model import Champion
from gliomics.model_package.scoring import score_rows
from gliomics.progress import progress
from gliomics.radiomics.stability import StabilitySettings
from gliomics.synthesis.registry import make_sampler
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
    embedding_summary: dict[str, Any],
    perturbed_features: pd.DataFrame,
    cohort_flow: pd.DataFrame,
    external_champion: Champion | None,
    validation: str,
    cohort_name: str,
    cohort_settings: CohortSettings,
    settings: ModellingSettings,
    augmentation: AugmentationSettings,
    stability: StabilitySettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """cohort, folds, features, embeddings, flow -> cv_predictions(_sensitivity), censored_scores, metrics."""
    primary = cohort_settings.primary_population
    sensitivity = next(name for name in POPULATIONS if name != primary)
    tables = FeatureTables(
        radiomic_features,
        region_presence,
        perturbed_features,
        published_features,
        embedding_block(embeddings) or _why_absent(embedding_summary),
    )
    blocks = cohort_blocks(cohort, tables, cohort_settings.feature_source, settings, stability)
    _warn_of_untrained(blocks)

    mode, horizon = parse_validation(validation), cohort_settings.label.cutoff_days
    task = survival_task(cohort_settings.label)
    if external_champion is not None:
        refuse_training_patients(cohort_name, cohort, blocks, external_champion.model.card, mode)

    def evaluate(name: Population) -> PopulationEvaluation:
        if external_champion is not None:
            return evaluate_external(
                cohort,
                blocks,
                external_champion.model.card,
                partial(score_rows, external_champion.model),
                population=name,
                settings=settings,
                validation=mode,
                horizon_days=horizon,
            )
        with progress("fit") as show:
            return evaluate_population(
                cohort,
                folds,
                blocks,
                arms=cohort_settings.arms,
                population=name,
                settings=settings,
                seed=seed,
                compute=compute,
                networks_permuted=name == primary,
                sampler=make_sampler(augmentation),
                horizon_days=horizon,
                validation=mode,
                on_progress=lambda arm, done, total: show(f"{name}, {arm}", done, total),
            )

    evaluations = {name: evaluate(name) for name in (primary, sensitivity)}
    metrics: dict[str, Any] = {
        "cohort": cohort_name,
        "title": cohort_settings.title,
        "synthetic": cohort_settings.synthetic,
        "seed": seed,
        "validation": mode.text,
        "champion": None if external_champion is None else external_champion.facts,
        "label": cohort_settings.label.model_dump(),
        "task": asdict(task),
        "disease": cohort_settings.disease,
        "primary_population": primary,
        "feature_source": cohort_settings.feature_source,
        "flow": cohort_flow.to_dict(orient="records"),
        "populations": {
            name: summarise(evaluation, settings, seed, task) for name, evaluation in evaluations.items()
        },
    }
    _warn_of_unharmonised(metrics["populations"])
    logger.info(
        "evaluate_arms: %s",
        "; ".join(f"{name} {_verdict(evaluation)}" for name, evaluation in evaluations.items()),
    )
    first, second = evaluations[primary], evaluations[sensitivity]
    censored = [one.censored for one in (first, second) if len(one.censored)] or [first.censored]
    return first.predictions, second.predictions, pd.concat(censored, ignore_index=True), metrics


def fit_final_models(
    *,
    cohort: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    embeddings: pd.DataFrame,
    perturbed_features: pd.DataFrame,
    final_embeddings: pd.DataFrame,
    metrics: dict[str, Any],
    cohort_settings: CohortSettings,
    settings: ModellingSettings,
    stability: StabilitySettings,
    seed: int,
) -> dict[str, FinalModel]:
    """cohort, features, final_embeddings, perturbed_features, metrics -> final_models: one an arm.

    On all labelled patients. External validation fits none.
    """
    if parse_validation(metrics["validation"]).mode == EXTERNAL:
        logger.info("fit_final_models: none, validation %s fits nothing", metrics["validation"])
        return {}
    primary = cohort_settings.primary_population
    patients = labelled(population(cohort, primary))
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    deep = final_block(embeddings, final_embeddings)
    tables = FeatureTables(radiomic_features, region_presence, perturbed_features, published_features, deep)
    blocks = cohort_blocks(cohort, tables, cohort_settings.feature_source, settings, stability)
    models = {}
    for arm, figures in metrics["populations"][primary]["arms"].items():
        table = assemble_arm(arm, patients, blocks)
        if figures["status"] != "evaluated" or isinstance(table, ArmSkipped):
            continue
        models[arm] = fit_final_model(
            table,
            labels,
            settings,
            seed,
            task=survival_task(cohort_settings.label),
            population=primary,
            refits=settings.final_model.refits,
        )
    logger.info("fit_final_models: %s on %d patients", ", ".join(models) or "no arm", len(patients))
    return models


def _warn_of_unharmonised(populations: dict[str, Any]) -> None:
    for name, population_figures in populations.items():
        for arm, figures in population_figures["arms"].items():
            warning = figures.get("harmonisation", {}).get("warning")
            if warning:
                logger.warning("evaluate_arms: %s, %s: %s", name, arm, warning)


def _why_absent(embedding_summary: dict[str, Any]) -> AbsentBlock | None:
    reason = embedding_summary["cnn3d"]["reason"]
    return None if reason is None else AbsentBlock(f"cnn3d: {reason}")


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
