"""Where the networks look: the wiring of Grad-CAM."""

from __future__ import annotations

from kedro.pipeline import Node

from gliomics.pipelines.reporting.grad_cam_nodes import map_attention


def grad_cam_node() -> Node:
    """Wire Grad-CAM."""
    return Node(
        map_attention,
        name="map_attention",
        inputs={
            "raw_folder": "raw_folder",
            "scan_manifest": "scan_manifest",
            "case_outcomes_ingestion": "case_outcomes_ingestion",
            "cohort": "cohort",
            "folds": "folds",
            "crop_index": "crop_index",
            "fold_networks": "fold_networks",
            "embeddings": "embeddings",
            "metrics": "metrics",
            "embedding_store": "embedding_store",
            "cohort_settings": "params:cohort_settings",
            "settings": "params:reporting.grad_cam",
            "sampling": "params:embedding.sampling",
            "cnn3d": "params:embedding.cnn3d",
            "medicalnet": "params:embedding.medicalnet",
            "radiomics": "params:feature_engineering.radiomics",
            "modelling": "params:modelling",
            "compute": "params:compute",
            "seed": "params:seed",
        },
        outputs=[
            "grad_cam_maps",
            "grad_cam_enrichment",
            "grad_cam_enrichment_summary",
            "heatmaps",
            "heatmap_overlays",
            "grad_cam_facts",
        ],
    )
