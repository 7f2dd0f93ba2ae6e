"""Which pipelines exist and the order in which a plain ``kedro run`` takes them."""

from __future__ import annotations

import re

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

from gliomics.errors import SettingsError, unknown_name

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

    Raises
    ------
    SettingsError
        If ``kedro run --pipelines`` asked for one that does not exist.
    """
    try:
        pipelines = find_pipelines(raise_errors=True)
    except ImportError as error:
        raise _unknown_stage(error) or error from error
    # Under `kedro run --pipelines` Kedro imports, and finds, only those that were asked for.
    found = (pipelines[stage] for stage in STAGES if stage in pipelines)
    pipelines["__default__"] = sum(found, start=Pipeline([]))
    return pipelines


def _unknown_stage(error: ImportError) -> SettingsError | None:
    """Tell a pipeline that was asked for and does not exist from one that cannot be imported."""
    asked = re.search(r"'gliomics\.pipelines\.(\w+)' module", str(error))
    if asked is None or asked[1] in STAGES:
        return None
    return unknown_name(asked[1], STAGES, where="--pipelines", what="pipeline")
