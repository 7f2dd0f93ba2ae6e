"""Which pipelines exist and the order in which a plain ``kedro run`` takes them."""

from __future__ import annotations

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

STAGES = (
    "ingestion",
    "feature_engineering",
    "embedding",
    "augmentation",
    "modelling",
    "reporting",
    "registration",
)


def register_pipelines() -> dict[str, Pipeline]:
    """Find the pipelines of the project.

    Returns
    -------
    dict of str to Pipeline
        One pipeline a stage, and ``__default__``, which is all of them.
    """
    pipelines = find_pipelines(raise_errors=True)
    # Under `kedro run --pipelines` Kedro imports, and finds, only those that were asked for.
    found = (pipelines[stage] for stage in STAGES if stage in pipelines)
    pipelines["__default__"] = sum(found, start=Pipeline([]))
    return pipelines
