"""The pipeline as Kubeflow's SDK compiles it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gliomics.lineage.durable_files import write_whole
from gliomics.operations.kubeflow.components import import_kfp, make_component
from gliomics.operations.kubeflow.stage_run import PROJECT_VARIABLE

if TYPE_CHECKING:
    from gliomics.operations.kubeflow.plan import PipelinePlan, StageTask
    from gliomics.operations.kubeflow.settings import KubeflowSettings


def pipeline_name(plan: PipelinePlan) -> str:
    """Name the pipeline after its cohort and environment, in Kubeflow's letters."""
    return f"gliomics-{plan.cohort}-{plan.environment}".replace("_", "-").lower()


def write_pipeline(plan: PipelinePlan, settings: KubeflowSettings, output: Path) -> None:
    """Compile the pipeline for a cluster.

    Parameters
    ----------
    plan : PipelinePlan
        Its tasks.
    settings : KubeflowSettings
        Image, volume, secret and resources.
    output : Path
        The file, KFP's intermediate representation in YAML; replaced as a whole.
    """
    with tempfile.TemporaryDirectory() as scratch:
        pipeline = build_pipeline(
            plan, settings.image, settings.volume.mount_path, Path(scratch), cluster=settings
        )
        compiled = Path(scratch) / "pipeline.yaml"
        import_kfp().compiler.Compiler().compile(pipeline, str(compiled))
        write_whole(output, compiled.read_bytes())


def build_pipeline(
    plan: PipelinePlan, image: str, project: str, scratch: Path, *, cluster: KubeflowSettings | None = None
) -> Any:
    """Build the pipeline; compiling or calling it is up to the caller.

    Parameters
    ----------
    plan : PipelinePlan
        Its tasks.
    image : str
        Of every stage.
    project : str
        Where stages find the project folder.
    scratch : Path
        A folder for the source of the components, kept until the pipeline has been compiled or run.
    cluster : KubeflowSettings or None
        Volume, secret and resources, which are nothing to a local run.
    """
    dsl = import_kfp().dsl
    components = {task.name: make_component(task, image, scratch) for task in plan.tasks}

    def add_tasks(data_version: Any, parameters: Any) -> None:
        made: dict[str, Any] = {}
        for task in plan.tasks:
            given: dict[str, Any] = {
                "cohort": plan.cohort,
                "environment": plan.environment,
                "parameters": parameters,
                "data_version": data_version,
                "code": task.code,
                "settings": task.settings,
                "settings_of": plan.parameters,
            }
            for name in task.upstream:
                given |= {
                    name: made[name].outputs["results"],
                    f"{name}_hash": made[name].outputs["results_hash"],
                }
            made[task.name] = components[task.name](**given)
            made[task.name].set_caching_options(task.cached)
            made[task.name].set_env_variable(PROJECT_VARIABLE, project)
            if cluster is not None:
                _ask_for(made[task.name], task, cluster)

    if plan.data_version:

        def stages(data_version: str = plan.data_version, parameters: Any = plan.parameters) -> None:
            add_tasks(data_version, parameters)

    else:

        def stages(data_version: str, parameters: Any = plan.parameters) -> None:  # type: ignore[misc]
            add_tasks(data_version, parameters)

    # Kubeflow reads the hints as objects; here they are text.
    stages.__annotations__ = {"data_version": str, "parameters": dict}
    return dsl.pipeline(
        name=pipeline_name(plan),
        description=f"Every stage of gliomics on cohort {plan.cohort}, environment {plan.environment}.",
    )(stages)


def _ask_for(made: Any, task: StageTask, settings: KubeflowSettings) -> None:
    """Give a task its name, resources, volume and secret."""
    made.set_display_name(task.name)
    needs = task.resources
    made.set_cpu_request(needs.cpu).set_cpu_limit(needs.cpu)
    made.set_memory_request(needs.memory).set_memory_limit(needs.memory)
    if needs.gpus:
        made.set_accelerator_type(settings.gpu_type).set_accelerator_limit(needs.gpus)
    # What kfp-kubernetes' mount_pvc and use_secret_as_env write, without the package.
    made.platform_config["kubernetes"] = {
        "pvcMount": [
            {
                "mountPath": settings.volume.mount_path,
                "constant": settings.volume.claim,
                "pvcNameParameter": {"runtimeValue": {"constant": settings.volume.claim}},
            }
        ],
        "secretAsEnv": [
            {
                "secretName": secret.name,
                "secretNameParameter": {"runtimeValue": {"constant": secret.name}},
                "keyToEnv": [{"secretKey": name, "envVar": name} for name in secret.variables],
                "optional": False,
            }
            for secret in [settings.secret]
            if secret is not None
        ],
    }
