"""Node of reporting: what drives the scores."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pandas as pd
from kedro.pipeline import Node

from gliomics.cohort.settings import CohortSettings
from gliomics.cohort.validation import EXTERNAL, parse_validation
from gliomics.compute import ComputeSettings
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.cohort_blocks import FeatureTables, cohort_blocks
from gliomics.evaluation.results import observed_rows
from gliomics.evaluation.settings import ModellingSettings
from gliomics.explanation.attribution.explained_arms import explained_designs
from gliomics.explanation.attribution.shap_settings import ShapSettings
from gliomics.explanation.attribution.shap_summary import summarise_shap
from gliomics.explanation.attribution.shap_values import explain_arms
from gliomics.progress import progress
from gliomics.radiomics.stability import StabilitySettings

logger = logging.getLogger(__name__)


def explain_scores(
    *,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    embeddings: pd.DataFrame,
    perturbed_features: pd.DataFrame,
    cv_predictions: pd.DataFrame,
    metrics: dict[str, Any],
    cohort_settings: CohortSettings,
    settings: ShapSettings,
    modelling: ModellingSettings,
    stability: StabilitySettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Cohort, folds, features, embeddings, cv_predictions, metrics -> shap_values and the other shap_*."""
    primary = cohort_settings.primary_population
    external = (
        parse_validation(metrics["validation"]).mode == EXTERNAL
    )  # nothing was fitted on these patients
    figures = {} if external else metrics["populations"][primary].get("arms", {})
    tables = FeatureTables(
        radiomic_features,
        region_presence,
        perturbed_features,
        published_features,
        embedding_block(embeddings),
    )
    blocks = cohort_blocks(cohort, tables, cohort_settings.feature_source, modelling, stability)
    arms = explained_designs(cohort, folds, blocks, figures, primary=primary, settings=modelling, seed=seed)
    with progress("repeat") as show:
        shap = explain_arms(
            arms,
            observed_rows(cv_predictions),
            settings,
            compute=compute,
            on_progress=partial(show, "SHAP"),
        )
    summary, facts = summarise_shap(shap, arms, figures, settings)
    for arm, found in facts.items():
        logger.info(
            "explain_scores: %s, %d fits of %d patients, %s%s",
            arm,
            found["fits"],
            found["patients"],
            found["explainer"],
            f"; {found['warning']}" if found["warning"] else "",
        )
    return shap.contributions, shap.fits, summary, facts


def shap_node() -> Node:
    """Wire the attributions."""
    return Node(
        explain_scores,
        name="explain_scores",
        inputs={
            "cohort": "cohort",
            "folds": "folds",
            "radiomic_features": "radiomic_features",
            "region_presence": "region_presence",
            "published_features": "published_features",
            "embeddings": "embeddings",
            "perturbed_features": "perturbed_features",
            "cv_predictions": "cv_predictions",
            "metrics": "metrics",
            "cohort_settings": "params:cohort_settings",
            "settings": "params:reporting.shap",
            "modelling": "params:modelling",
            "stability": "params:feature_engineering.stability",
            "compute": "params:compute",
            "seed": "params:seed",
        },
        outputs=["shap_values", "shap_fits", "shap_summary", "shap_facts"],
    )
