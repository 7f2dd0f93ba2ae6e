"""``gliomics dvc``: dvc.yaml from the pipelines, and the record of a run."""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING

import click

from gliomics.cli.project import Project, open_project, stage_pipelines
from gliomics.lineage.durable_files import write_whole
from gliomics.versioning.dvc_file import PLACEHOLDER, dvc_yaml
from gliomics.versioning.stages import describe_stages, find_cohorts

if TYPE_CHECKING:
    from pathlib import Path

FILE = "dvc.yaml"


@click.group()
def dvc() -> None:
    """Keep DVC in step with Kedro."""


@dvc.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when the file would change.")
def sync(*, check: bool) -> None:
    """Write dvc.yaml from the pipelines, the catalog and the imports of the code."""
    project = open_project("base", {})
    wanted = wanted_dvc_yaml(project)
    file = project.folder / FILE
    found = file.read_text(encoding="utf-8") if file.is_file() else ""
    if found == wanted:
        click.echo(f"{FILE} is as the project")
    elif check:
        lines = difflib.unified_diff(
            found.splitlines(), wanted.splitlines(), FILE, "the project", lineterm="", n=2
        )
        click.echo("\n".join(lines))
        click.secho(f"{FILE} differs from the project: run `gliomics dvc sync`.", fg="red", err=True)
        sys.exit(1)
    else:
        write_whole(file, wanted.encode())
        click.echo(f"{FILE} written")


def wanted_dvc_yaml(project: Project) -> str:
    """Give the text that dvc.yaml must have in a project."""
    folder: Path = project.folder
    template = open_project("base", {"cohort": PLACEHOLDER}, parameters=False)
    stages = describe_stages(folder, stage_pipelines(), template.catalog)
    return dvc_yaml(folder, stages, find_cohorts(folder))
