"""Registration: the final model, checked by loading it, becomes the registry's candidate."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from gliomics.pipelines.registration.nodes import register_candidate


def create_pipeline() -> Pipeline:
    """Build the stage: final models and metrics in; the registered version's name out."""
    return Pipeline(
        [
            Node(
                register_candidate,
                inputs={
                    "final_models": "final_models",
                    "metrics": "metrics",
                    "cohort_name": "params:cohort",
                    "cohort_settings": "params:cohort_settings",
                    "settings": "params:registration",
                },
                outputs="registered_model",
            )
        ],
        tags="registration",
    )
