"""Reporting: what went wrong, for whom the arms work, the figures and the page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.reporting.grad_cam_pipeline import grad_cam_node
from gliomics.pipelines.reporting.nodes import (
    describe_subgroups,
    join_case_outcomes,
    record_lineage,
    render_report,
)
from gliomics.pipelines.reporting.shap_nodes import shap_node
from gliomics.pipelines.reporting.variance_nodes import variance_node


def create_pipeline() -> Pipeline:
    """Build the stage: results and settings in; explanations, checklists, figures, page out."""
    nodes = [_outcomes(), _subgroups(), _lineage(), shap_node(), variance_node(), grad_cam_node(), _report()]
    return Pipeline(nodes, tags="reporting")


def _outcomes() -> Node:
    return Node(
        join_case_outcomes,
        name="join_case_outcomes",
        inputs=["case_outcomes_ingestion", "case_outcomes_feature_engineering", "case_outcomes_embedding"],
        outputs="case_outcomes",
    )


def _subgroups() -> Node:
    return Node(
        describe_subgroups,
        name="describe_subgroups",
        inputs={
            "cv_predictions": "cv_predictions",
            "cohort": "cohort",
            "radiomic_features": "radiomic_features",
            "region_presence": "region_presence",
            "published_features": "published_features",
            "cohort_settings": "params:cohort_settings",
            "settings": "params:reporting.equity",
            "modelling": "params:modelling",
            "seed": "params:seed",
        },
        outputs=["subgroup_performance", "worst_errors"],
    )


def _lineage() -> Node:
    tables = (
        "clinical_records",
        "scan_manifest",
        "published_features",
        "radiomic_features",
        "embeddings",
        "folds",
        "cv_predictions",
    )
    return Node(
        record_lineage,
        name="record_lineage",
        inputs={
            **{name: name for name in tables},
            "cohort_name": "params:cohort",
            "cohort_settings": "params:cohort_settings",
            "images": "params:ingestion.images",
            "fold_settings": "params:ingestion.folds",
            "radiomics": "params:feature_engineering.radiomics",
            "stability": "params:feature_engineering.stability",
            "sampling": "params:embedding.sampling",
            "cnn3d": "params:embedding.cnn3d",
            "medicalnet": "params:embedding.medicalnet",
            "augmentation": "params:augmentation",
            "modelling": "params:modelling",
            "equity": "params:reporting.equity",
            "grad_cam": "params:reporting.grad_cam",
            "shap": "params:reporting.shap",
            "variance": "params:reporting.variance",
            "seed": "params:seed",
        },
        outputs="lineage",
    )


def _report() -> Node:
    return Node(
        render_report,
        name="render_report",
        inputs={
            **{
                name: name
                for name in (
                    "metrics",
                    "cv_predictions",
                    "cohort",
                    "clinical_findings",
                    "case_outcomes",
                    "subgroup_performance",
                    "worst_errors",
                    "feature_stability",
                    "synthesis_acceptance",
                    "lineage",
                    "embedding_summary",
                    "shap_values",
                    "shap_fits",
                    "shap_summary",
                    "shap_facts",
                    "feature_variance",
                    "component_spectra",
                    "patch_variation",
                    "cross_correlations",
                    "complementarity",
                    "grad_cam_maps",
                    "grad_cam_enrichment_summary",
                    "heatmap_overlays",
                    "grad_cam_facts",
                )
            },
            "shap_settings": "params:reporting.shap",
            "variance_settings": "params:reporting.variance",
        },
        outputs=["methods", "checklist", "figures", "report"],
    )
