"""A cohort of the project that a data command works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cli.project import open_project, stage_pipelines
from gliomics.operations.environment.readiness import remote_of
from gliomics.versioning.dvc_file import PLACEHOLDER, dvc_yaml
from gliomics.versioning.project import CohortProject
from gliomics.versioning.stages import describe_stages, find_cohorts

if TYPE_CHECKING:
    from gliomics.cli.project import Project


def open_cohort(
    cohort: str | None, env: str = "base", *, as_run: bool = False, with_stages: bool = True
) -> CohortProject:
    """Describe a cohort of the project in the current folder.

    Parameters
    ----------
    cohort : str or None
        Name; None for the default of conf/base/globals.yml.
    env : str
        Environment whose ``data_versions.remote`` counts. Stages are those of ``base``, as in dvc.yaml.
    as_run : bool
        Whether parameters and places are those of a run in `env` instead of ``base``.
    with_stages : bool
        Whether stages are described, which imports every pipeline; reading versions needs none.

    Raises
    ------
    SettingsError
        If nothing describes the cohort.
    """
    given = {"cohort": cohort} if cohort else {}
    project = open_project("base", given)
    name = str(project.parameters["cohort"])
    chosen = project if env == "base" else open_project(env, given)
    seen = chosen if as_run else project
    return CohortProject(
        folder=project.folder,
        cohort=name,
        stages=describe_stages(project.folder, stage_pipelines(), seen.catalog) if with_stages else [],
        parameters=seen.parameters,
        catalog=seen.catalog,
        remote=str(chosen.parameters["data_versions"]["remote"]),
        dvc_yaml=wanted_dvc_yaml(project) if with_stages else "",
        shared=remote_of(chosen.parameters),
    )


def wanted_dvc_yaml(project: Project) -> str:
    """Give the text that dvc.yaml must have in a project."""
    template = open_project("base", {"cohort": PLACEHOLDER}, parameters=False)
    stages = describe_stages(project.folder, stage_pipelines(), template.catalog)
    return dvc_yaml(project.folder, stages, find_cohorts(project.folder))
