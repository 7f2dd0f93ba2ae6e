"""Embedding: crops of every case, a network for every fold, vectors of everybody."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.embedding.nodes import encode_cases, sample_crops, train_fold_networks


def create_pipeline() -> Pipeline:
    """Build the stage: checked scans, cohort and folds in; embeddings out."""
    return Pipeline(
        [
            Node(
                sample_crops,
                name="sample_crops",
                inputs={
                    "raw_folder": "raw_folder",
                    "scan_manifest": "scan_manifest",
                    "case_outcomes_ingestion": "case_outcomes_ingestion",
                    "embedding_store": "embedding_store",
                    "settings": "params:embedding.sampling",
                    "compute": "params:compute",
                    "seed": "params:seed",
                },
                outputs=["crop_index", "patch_centres", "case_outcomes_crops"],
            ),
            Node(
                train_fold_networks,
                name="train_fold_networks",
                inputs={
                    "cohort": "cohort",
                    "folds": "folds",
                    "crop_index": "crop_index",
                    "embedding_store": "embedding_store",
                    "cohort_settings": "params:cohort_settings",
                    "settings": "params:embedding.cnn3d",
                    "compute": "params:compute",
                    "seed": "params:seed",
                },
                outputs=["fold_networks", "training_curves"],
            ),
            Node(
                encode_cases,
                name="encode_cases",
                inputs={
                    "crop_index": "crop_index",
                    "case_outcomes_crops": "case_outcomes_crops",
                    "fold_networks": "fold_networks",
                    "folds": "folds",
                    "embedding_store": "embedding_store",
                    "cnn3d": "params:embedding.cnn3d",
                    "medicalnet": "params:embedding.medicalnet",
                    "inference": "params:embedding.inference",
                    "sampling": "params:embedding.sampling",
                    "compute": "params:compute",
                    "seed": "params:seed",
                },
                outputs=[
                    "embeddings",
                    "final_embeddings",
                    "patch_variance",
                    "embedding_summary",
                    "case_outcomes_embedding",
                ],
            ),
        ],
        tags="embedding",
    )
