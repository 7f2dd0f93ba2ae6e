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
                inputs={
                    "cohort": "cohort",
                    "folds": "folds",
                    "radiomic_features": "radiomic_features",
                    "region_presence": "region_presence",
                    "published_features": "published_features",
                    "embeddings": "embeddings",
                    "cohort_flow": "cohort_flow",
                    "cohort_name": "params:cohort",
                    "cohort_settings": "params:cohort_settings",
                    "settings": "params:modelling",
                    "augmentation": "params:augmentation",
                    "compute": "params:compute",
                    "seed": "params:seed",
                },
                outputs=["cv_predictions", "cv_predictions_sensitivity", "metrics"],
            ),
            Node(
                fit_final_models,
                inputs={
                    "cohort": "cohort",
                    "radiomic_features": "radiomic_features",
                    "region_presence": "region_presence",
                    "published_features": "published_features",
                    "embeddings": "embeddings",
                    "final_embeddings": "final_embeddings",
                    "metrics": "metrics",
                    "cohort_settings": "params:cohort_settings",
                    "settings": "params:modelling",
                    "seed": "params:seed",
                },
                outputs="final_models",
            ),
        ],
        tags="modelling",
    )
