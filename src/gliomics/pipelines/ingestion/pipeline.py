"""Ingestion: who is in the cohort, which scans they have, which label, why anybody is excluded."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.ingestion.nodes import (
    build_cohort_table,
    clean_published_features,
    inspect_case_scans,
    read_clinical_sources,
    split_folds,
)


def create_pipeline() -> Pipeline:
    """Build the stage: raw data in; cohort, manifest, panel, outcomes and folds out."""
    return Pipeline(
        [
            Node(
                read_clinical_sources,
                name="read_clinical_sources",
                inputs=["raw_folder", "params:cohort_settings"],
                outputs=["clinical_records", "clinical_findings"],
            ),
            Node(
                inspect_case_scans,
                name="inspect_case_scans",
                inputs=["raw_folder", "params:cohort_settings", "params:ingestion.images", "params:compute"],
                outputs=["scan_manifest", "case_outcomes_ingestion"],
            ),
            Node(
                clean_published_features,
                name="clean_published_features",
                inputs=["raw_folder", "params:cohort_settings"],
                outputs=["published_features", "published_features_findings"],
            ),
            Node(
                build_cohort_table,
                name="build_cohort_table",
                inputs=[
                    "clinical_records",
                    "case_outcomes_ingestion",
                    "published_features",
                    "params:cohort_settings",
                ],
                outputs=["cohort", "cohort_flow"],
            ),
            Node(
                split_folds,
                name="split_folds",
                inputs=[
                    "cohort",
                    "raw_folder",
                    "params:cohort_settings",
                    "params:validation",
                    "params:ingestion.folds",
                    "params:seed",
                ],
                outputs="folds",
            ),
        ],
        tags="ingestion",
    )
