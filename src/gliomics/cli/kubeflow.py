"""``gliomics kubeflow``: the stages as a Kubeflow pipeline, compiled for a cluster or run here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from omegaconf import OmegaConf

from gliomics.cli.options import cohort_option, env_option
from gliomics.cli.project import open_project, section, stage_pipelines
from gliomics.errors import SettingsError
from gliomics.operations.kubeflow.plan import PipelinePlan, plan_tasks
from gliomics.operations.kubeflow.settings import KubeflowSettings
from gliomics.versioning.data_versions import get_version, list_versions
from gliomics.versioning.project import sha256_memory
from gliomics.versioning.stages import describe_stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from gliomics.cli.project import Project


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both commands take."""
    for option in (
        click.option(
            "--params", default="", help="As for `kedro run --params`: default of the input parameters."
        ),
        click.option("--data-version", help="Such as v2; when left out, the raw data that is there."),
        cohort_option,
        env_option,
    ):
        command = option(command)
    return command


@click.group()
def kubeflow() -> None:
    """Run the stages as a Kubeflow pipeline (KFP v2), one component a stage."""


@kubeflow.command("compile")
@_options
@click.option("--image", help="Image of every stage instead of kubeflow.image.")
@click.option(
    "--output",
    default="pipeline.yaml",
    show_default=True,
    help="File to write.",
    type=click.Path(dir_okay=False, path_type=Path),
)
def compile_(
    *, env: str, cohort: str | None, data_version: str | None, params: str, image: str | None, output: Path
) -> None:
    """Write the pipeline as a file that Kubeflow Pipelines takes."""
    from gliomics.operations.kubeflow.pipeline import write_pipeline

    _, plan, settings = _plan(env, cohort, data_version, params, image)
    write_pipeline(plan, settings, output)
    click.echo(f"{output}: {len(plan.tasks)} stages of cohort {plan.cohort}, environment {plan.environment}")
    for task in plan.tasks:
        after = ", ".join(task.upstream)
        click.echo(f"  {task.name}{f' after {after}' if after else ''}")
    click.echo(f"data version: {plan.data_version or 'to be given with the run (there is no raw data here)'}")


@kubeflow.command()
@_options
@click.option("--cache", is_flag=True, help="Take stages with equal inputs from earlier runs with --cache.")
def run(*, env: str, cohort: str | None, data_version: str | None, params: str, cache: bool) -> None:
    """Run the same pipeline here, each stage in a process of its own, with KFP's local runner."""
    from gliomics.operations.kubeflow.local_run import run_pipeline

    project, plan, _ = _plan(env, cohort, data_version, params, None)
    if not plan.data_version:
        raise SettingsError(
            where=f"cohort {plan.cohort}",
            expected="its raw data folder must exist",
            got=f"no folder {project.catalog['raw_folder']['path']}",
            fix="For the demo cohort run `gliomics demo`; your own data goes to data/01_raw/<cohort>.",
        )
    run_pipeline(plan, project.folder, cache=cache)


def _plan(
    env: str, cohort: str | None, data_version: str | None, params: str, image: str | None
) -> tuple[Project, PipelinePlan, KubeflowSettings]:
    given = _parameters(params)
    # As Kedro reads the text, so that a value is here what it will be in the run.
    typed: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"{k}={v}" for k, v in given.items()]))
    project = open_project(env, {**typed, **({"cohort": cohort} if cohort else {})})
    name = str(project.parameters["cohort"])
    settings = section(
        {"kubeflow": {**project.parameters["kubeflow"], **({"image": image} if image else {})}},
        "kubeflow",
        KubeflowSettings,
    )
    stages = describe_stages(project.folder, stage_pipelines(), project.catalog)
    return (
        project,
        PipelinePlan(
            cohort=name,
            environment=env,
            tasks=plan_tasks(project.folder, stages, project.parameters, settings),
            data_version=_data_version(project, name, data_version),
            parameters=given,
        ),
        settings,
    )


def _parameters(text: str) -> dict[str, str]:
    """Read ``name=value,name=value``."""
    parts = [part.partition("=") for part in text.split(",") if part]
    wrong = next((name for name, sign, _ in parts if not sign or name in {"cohort", "raw_dir"}), None)
    if wrong is not None:
        raise SettingsError(
            where="--params",
            expected="it must be name=value,name=value without cohort and raw_dir",
            got=wrong,
            fix="Give the cohort as --cohort. The pipeline reads raw data below data/01_raw only.",
        )
    return {name: value for name, _, value in parts}


def _data_version(project: Project, cohort: str, asked: str | None) -> str:
    """Name the raw data by its version, if one holds it, and its hash."""
    if asked is not None:
        version = get_version(project.folder, cohort, asked)
        return f"v{version.number}:{version.raw_hash}"
    raw = project.folder / project.catalog["raw_folder"]["path"]
    if not raw.is_dir():
        return ""
    memory = sha256_memory(project.folder)
    found = memory.of_path(raw)
    memory.keep()
    saved = [version for version in list_versions(project.folder, cohort) if version.raw_hash == found]
    return f"v{saved[-1].number}:{found}" if saved else found
