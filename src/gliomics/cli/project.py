"""The project that a command is called in: its folder and its configuration, as ``kedro run`` sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kedro.framework.project import pipelines, settings
from kedro.framework.startup import bootstrap_project
from kedro.utils import find_kedro_project
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from gliomics.errors import GliomicsError, SettingsError
from gliomics.hooks.environment import read_config
from gliomics.operations.environment.readiness import Servers, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kedro.pipeline import Pipeline

Settings = TypeVar("Settings", bound=BaseModel)


@dataclass(frozen=True)
class Project:
    """A project's folder and its resolved configuration.

    Attributes
    ----------
    folder : Path
        The folder that holds pyproject.toml and conf/.
    parameters, catalog : dict
        As Kedro resolves them for one environment and one cohort.
    """

    folder: Path
    parameters: dict[str, Any]
    catalog: dict[str, Any]


def project_folder() -> Path:
    """Find the Kedro project that the current folder is in.

    Raises
    ------
    SettingsError
        If there is none.
    """
    found = find_kedro_project(Path.cwd())
    if found is None:
        raise SettingsError(
            where="current folder",
            expected="it must be inside a gliomics project",
            got="no pyproject.toml with [tool.kedro] here or above",
            fix="Change to the folder where you cloned gliomics.",
        )
    return Path(found)


def stage_pipelines() -> dict[str, Pipeline]:
    """Give the pipelines of the project that was opened: one a stage."""
    return {name: pipeline for name, pipeline in pipelines.items() if not name.startswith("__")}


def open_project(env: str, runtime_params: dict[str, str], *, parameters: bool = True) -> Project:
    """Read a project's configuration.

    Parameters
    ----------
    env : str
        The environment, such as ``base``.
    runtime_params : dict of str to str
        What ``kedro run --params`` would be given.
    parameters : bool
        Whether to resolve them too; without, the catalog of a cohort that nothing describes can be had.

    Returns
    -------
    Project
        The resolved configuration.

    Raises
    ------
    SettingsError
        If the cohort or the environment is unknown.
    """
    folder = project_folder()
    bootstrap_project(folder)
    known = sorted(place.name for place in (folder / "conf").iterdir() if place.is_dir())
    if env not in known:
        raise SettingsError(
            where="--env",
            expected=f"environment must be one of {', '.join(known)}",
            got=repr(env),
            fix="Choose one of these or add a folder conf/<name>.",
        )
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(folder / "conf"),
        env=env,
        runtime_params=runtime_params,
        **settings.CONFIG_LOADER_ARGS,
    )
    prepare(folder, env, partial(read_config, loader))
    try:
        return Project(folder, loader["parameters"] if parameters else {}, loader["catalog"])
    except OmegaConfBaseException as error:
        raise _reason(error) from error


def section(parameters: Mapping[str, Any], where: str, model: type[Settings]) -> Settings:
    """Read a section of the parameters.

    Parameters
    ----------
    parameters : mapping of str to Any
        Of a project.
    where : str
        Keys with dots between them, such as ``ingestion.images``.
    model : type of Settings
        What the section must be.

    Returns
    -------
    Settings
        The section.

    Raises
    ------
    SettingsError
        If a key is unknown or a value out of its bounds; the first of them is named.
    """
    values: Any = parameters
    for key in where.split("."):
        values = values[key]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(
            where=f"parameters {'.'.join([where, *map(str, first['loc'])])}",
            expected="the key must be known and within its bounds",
            got=f"{first['input']!r} ({first['msg']})",
            fix="Correct it below conf/.",
        ) from error


def environment_servers(env: str, runtime_params: dict[str, str]) -> Servers:
    """Describe the servers of an environment, its tracking store among them, a file by its whole path.

    Parameters
    ----------
    env : str
        The environment, such as ``base``.
    runtime_params : dict of str to str
        What ``kedro run --params`` would be given.
    """
    project = open_project(env, runtime_params)
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(project.folder / "conf"),
        env=env,
        runtime_params=runtime_params,
        **settings.CONFIG_LOADER_ARGS,
    )
    found = read_config(loader, "mlflow")
    uri = str(found["server"]["mlflow_tracking_uri"])
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(f"{prefix}/"):
        uri = f"{prefix}{project.folder / uri.removeprefix(prefix)}"
    return Servers(project.folder, project.parameters, uri, str(found["tracking"]["experiment"]["name"]))


def _reason(error: BaseException) -> BaseException:
    """Find our own error behind one of OmegaConf, which wraps what a resolver raises."""
    inner: BaseException | None = error
    while inner is not None and not isinstance(inner, GliomicsError):
        inner = inner.__cause__ or inner.__context__
    return inner or error
