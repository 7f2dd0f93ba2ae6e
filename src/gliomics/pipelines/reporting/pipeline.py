"""Reporting: what the models look at."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from gliomics.pipelines.reporting.grad_cam_pipeline import grad_cam_node


def create_pipeline() -> Pipeline:
    """Build the stage: networks, folds and scans in; heatmaps and their figures out."""
    return Pipeline([grad_cam_node()], tags="reporting")
