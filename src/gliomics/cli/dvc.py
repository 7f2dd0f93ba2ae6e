"""``gliomics dvc``: dvc.yaml from the pipelines, and the record of a run."""

from __future__ import annotations

import difflib
import sys

import click

from gliomics.cli.cohort_project import open_cohort, wanted_dvc_yaml
from gliomics.cli.options import cohort_option
from gliomics.cli.project import open_project
from gliomics.lineage.durable_files import write_whole
from gliomics.versioning.project import exclusive
from gliomics.versioning.recording import record as record_stages

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


@dvc.command()
@cohort_option
def record(cohort: str | None) -> None:
    """Record in dvc.lock what a plain `kedro run` has made, without running it again.

    Only stages whose run matches code, settings, inputs and outputs as they are now. Exit code 1 when one
    does not.
    """
    project = open_cohort(cohort)
    with exclusive(project.folder, project.cohort):
        done = record_stages(project)
    for name in done.stages:
        click.echo(f"recorded      {name}")
    for name, reason in done.refused.items():
        click.echo(f"not recorded  {name}: {reason}")
    if done.refused:
        sys.exit(1)
