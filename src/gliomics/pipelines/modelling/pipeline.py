"""Modelling: every arm on the same folds, scored honestly, and the final models."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.modelling.nodes import evaluate_arms, fit_final_models


def create_pipeline() -> Pipeline:
    """Build the stage: cohort, folds and features in; predictions, metrics and final models out."""
    return Pipeline(
        [
            Node(
                evaluate_arms,
                name="evaluate_arms",
                inputs={
                    "cohort": "cohort",
                    "folds": "folds",
                    "radiomic_features": "radiomic_features",
                    "region_presence": "region_presence",
                    "published_features": "published_features",
                    "embeddings": "embeddings",
                    "embedding_summary": "embedding_summary",
                    "perturbed_features": "perturbed_features",
                    "cohort_flow": "cohort_flow",
                    "external_champion": "external_champion",
                    "validation": "params:validation",
                    "cohort_name": "params:cohort",
                    "cohort_settings": "params:cohort_settings",
                    "settings": "params:modelling",
                    "stability": "params:feature_engineering.stability",
                    "augmentation": "params:augmentation",
                    "compute": "params:compute",
                    "seed": "params:seed",
                },
                outputs=["cv_predictions", "cv_predictions_sensitivity", "censored_scores", "metrics"],
            ),
            Node(
                fit_final_models,
                name="fit_final_models",
                inputs={
                    "cohort": "cohort",
                    "radiomic_features": "radiomic_features",
                    "region_presence": "region_presence",
                    "published_features": "published_features",
                    "embeddings": "embeddings",
                    "perturbed_features": "perturbed_features",
                    "final_embeddings": "final_embeddings",
                    "metrics": "metrics",
                    "cohort_settings": "params:cohort_settings",
                    "settings": "params:modelling",
                    "stability": "params:feature_engineering.stability",
                    "seed": "params:seed",
                },
                outputs="final_models",
            ),
        ],
        tags="modelling",
    )
