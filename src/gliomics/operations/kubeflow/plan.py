"""What the compiled pipeline will hold: one task a stage, what it follows from, whom it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gliomics.errors import SettingsError, unknown_name
from gliomics.lineage.run_facts import parameters_hash
from gliomics.versioning.recording import stage_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gliomics.operations.kubeflow.settings import KubeflowSettings, StageResources
    from gliomics.versioning.stages import Stage

RAW = "raw_folder"
SIDE_EFFECT = "registered_model"
"""Output of the stage that moves an alias in the registry: it is never taken from the cache."""


@dataclass(frozen=True)
class StageTask:
    """One stage in the pipeline.

    Attributes
    ----------
    name : str
        Of the stage.
    upstream : tuple of str
        Stages that write what it reads.
    raw : str
        Its raw folder relative to the project; empty when it reads none.
    code, settings : str
        Hashes of the source that it runs and of the parameters that it reads: parts of the cache key.
    resources : StageResources
        What it asks the cluster for.
    cached : bool
        Whether equal inputs may stand for its run.
    report, metrics : str
        Outputs that Kubeflow shows: a page, and a file of figures; empty when it has none.
    """

    name: str
    upstream: tuple[str, ...]
    raw: str
    code: str
    settings: str
    resources: StageResources
    cached: bool
    report: str = ""
    metrics: str = ""


@dataclass(frozen=True)
class PipelinePlan:
    """A cohort's pipeline in an environment.

    Attributes
    ----------
    cohort, environment : str
        Names.
    tasks : tuple of StageTask
        Each after those that it waits for.
    data_version : str
        Default of the input of that name; empty when there is no raw data here, so that it must be given.
    parameters : dict of str to str
        Default of the input: what ``kedro run --params`` is given beside the cohort.
    """

    cohort: str
    environment: str
    tasks: tuple[StageTask, ...]
    data_version: str
    parameters: dict[str, str]


def plan_tasks(
    project: Path, stages: Sequence[Stage], parameters: Mapping[str, Any], settings: KubeflowSettings
) -> tuple[StageTask, ...]:
    """Derive the tasks from the stages.

    Parameters
    ----------
    project : Path
        Its folder.
    stages : sequence of Stage
        As `gliomics.versioning.stages.describe_stages` gives them: in an order that can run.
    parameters : mapping of str
        As a run in the environment resolves them.
    settings : KubeflowSettings
        With the resources of every stage.

    Raises
    ------
    SettingsError
        If resources name a stage that does not exist, or leave one out.
    """
    names = [stage.name for stage in stages]
    for name in settings.resources:
        if name not in names:
            raise unknown_name(name, names, where="parameters kubeflow.resources", what="stage")
    absent = [name for name in names if name not in settings.resources]
    if absent:
        raise SettingsError(
            where="parameters kubeflow.resources",
            expected="every stage must have its resources",
            got=f"none for {', '.join(absent)}",
            fix="Add them in conf/base/kubeflow/parameters.yml.",
        )
    return tuple(
        StageTask(
            name=stage.name,
            upstream=tuple(
                other.name
                for other in stages
                if other is not stage and set(other.outputs) & set(stage.inputs)
            ),
            raw=stage.inputs.get(RAW, ""),
            code=stage_code(project, stage),
            settings=parameters_hash(parameters, stage.parameters),
            resources=settings.resources[stage.name],
            cached=SIDE_EFFECT not in stage.outputs,
            report=stage.outputs.get("report", ""),
            metrics=stage.outputs.get("metrics", ""),
        )
        for stage in stages
    )
