"""Registration: the final models, checked by loading them, become the registry's candidates."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.registration.nodes import describe_scans, register_candidates


def create_pipeline() -> Pipeline:
    """Build the stage: final models and what they follow from in; the registered versions out."""
    return Pipeline(
        [
            Node(
                describe_scans,
                name="describe_scans",
                inputs={
                    "fold_networks": "fold_networks",
                    "images": "params:ingestion.images",
                    "radiomics": "params:feature_engineering.radiomics",
                    "sampling": "params:embedding.sampling",
                    "cnn3d": "params:embedding.cnn3d",
                    "medicalnet": "params:embedding.medicalnet",
                    "seed": "params:seed",
                },
                outputs="scan_recipe",
            ),
            Node(
                register_candidates,
                name="register_candidates",
                inputs={
                    "final_models": "final_models",
                    "metrics": "metrics",
                    "scan_recipe": "scan_recipe",
                    "embedding_store": "embedding_store",
                    "cohort": "cohort",
                    "folds": "folds",
                    "radiomic_features": "radiomic_features",
                    "region_presence": "region_presence",
                    "published_features": "published_features",
                    "perturbed_features": "perturbed_features",
                    "embeddings": "embeddings",
                    "cv_predictions": "cv_predictions",
                    "shap_summary": "shap_summary",
                    "cohort_name": "params:cohort",
                    "cohort_settings": "params:cohort_settings",
                    "modelling": "params:modelling",
                    "stability": "params:feature_engineering.stability",
                    "settings": "params:registration",
                    "ledger": "params:registry.ledger",
                    "seed": "params:seed",
                },
                outputs="registered_model",
            ),
        ],
        tags="registration",
    )
