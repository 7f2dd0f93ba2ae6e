"""Augmentation: the synthetic rows of Dataset 2, each with its parent fold, and their acceptance."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.augmentation.nodes import augment_training_rows


def create_pipeline() -> Pipeline:
    """Build the stage: cohort, folds and radiomics in; synthetic rows and their acceptance out."""
    return Pipeline(
        [
            Node(
                augment_training_rows,
                name="augment_training_rows",
                inputs={
                    "cohort": "cohort",
                    "folds": "folds",
                    "radiomic_features": "radiomic_features",
                    "region_presence": "region_presence",
                    "published_features": "published_features",
                    "perturbed_features": "perturbed_features",
                    "cohort_settings": "params:cohort_settings",
                    "settings": "params:augmentation",
                    "modelling": "params:modelling",
                    "stability": "params:feature_engineering.stability",
                    "seed": "params:seed",
                },
                outputs=["augmented_features", "synthesis_acceptance"],
            )
        ],
        tags="augmentation",
    )
