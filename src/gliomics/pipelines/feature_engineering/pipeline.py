"""Feature engineering: the radiomic features of every case, and how far each follows the segmentation."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.feature_engineering.nodes import (
    estimate_feature_stability,
    extract_radiomic_features,
    measure_other_segmentations,
    perturb_segmentations,
)

WORK = {
    "raw_folder": "raw_folder",
    "scan_manifest": "scan_manifest",
    "radiomics_store": "radiomics_store",
    "settings": "params:feature_engineering.radiomics",
    "compute": "params:compute",
}


def create_pipeline() -> Pipeline:
    """Build the stage: manifest in; features, presence of regions, gaps, outcomes and stability out."""
    return Pipeline(
        [
            Node(
                extract_radiomic_features,
                name="extract_radiomic_features",
                inputs={
                    **WORK,
                    "case_outcomes_ingestion": "case_outcomes_ingestion",
                    "max_failed_fraction": "params:feature_engineering.max_failed_fraction",
                },
                outputs=[
                    "radiomic_features",
                    "region_presence",
                    "radiomic_missing_values",
                    "grey_levels",
                    "case_outcomes_feature_engineering",
                ],
            ),
            Node(
                perturb_segmentations,
                name="perturb_segmentations",
                inputs={
                    **WORK,
                    "case_outcomes_feature_engineering": "case_outcomes_feature_engineering",
                    "radiomic_features": "radiomic_features",
                    "stability": "params:feature_engineering.stability",
                    "seed": "params:seed",
                },
                outputs=["perturbed_features", "boundary_changes"],
            ),
            Node(
                measure_other_segmentations,
                name="measure_other_segmentations",
                inputs={
                    **WORK,
                    "case_outcomes_feature_engineering": "case_outcomes_feature_engineering",
                    "cohort_settings": "params:cohort_settings",
                },
                outputs="variant_features",
            ),
            Node(
                estimate_feature_stability,
                name="estimate_feature_stability",
                inputs=["perturbed_features", "variant_features", "params:feature_engineering.stability"],
                outputs="feature_stability",
            ),
        ],
        tags="feature_engineering",
    )
