"""Reporting: what drives the scores, and how features vary."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from gliomics.pipelines.reporting.shap_nodes import shap_node
from gliomics.pipelines.reporting.variance_nodes import variance_node


def create_pipeline() -> Pipeline:
    """Build the stage."""
    return Pipeline([shap_node(), variance_node()], tags="reporting")
