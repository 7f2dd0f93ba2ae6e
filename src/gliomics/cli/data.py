"""``gliomics data``: save, list, verify, compare and restore data versions; ``gliomics import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gliomics.cli.cohort_project import open_cohort
from gliomics.cli.options import cohort_option, env_option
from gliomics.versioning.comparison import compare_versions
from gliomics.versioning.data_versions import get_version, list_versions
from gliomics.versioning.data_versions import snapshot as save_version
from gliomics.versioning.data_versions import verify as verify_version
from gliomics.versioning.raw_import import import_raw
from gliomics.versioning.rollback import rollback as go_back

if TYPE_CHECKING:
    from gliomics.lineage.version_diff import DataDifference
    from gliomics.versioning.data_versions import Verification

SHOWN = 20


@click.group()
def data() -> None:
    """Versions of a cohort's data: raw data, and what stages made of it."""


@data.command()
@click.option("-m", "--message", required=True, help="Why it is saved.")
@cohort_option
@env_option
def snapshot(message: str, cohort: str | None, env: str) -> None:
    """Save raw data and recorded stages as a new version: DVC objects and a git tag, all or nothing."""
    made = save_version(open_cohort(cohort, env), message)
    version = made.version
    stages = ", ".join(version.stages) or "no stage"
    if made.is_new:
        click.echo(f"saved {version.tag}: raw data and {stages}")
    else:
        click.echo(f"nothing new: the data is that of {version.tag} ({version.message})")
    for name, reason in made.recorded.refused.items():
        click.echo(f"not in it: {name}, {reason}")
    if version.uncommitted and made.is_new:
        click.secho(
            f"code or settings were not committed: {', '.join(version.uncommitted[:SHOWN])}", fg="yellow"
        )


@data.command("list")
@cohort_option
def list_(cohort: str | None) -> None:
    """List the versions of a cohort, oldest first."""
    project = open_cohort(cohort, with_stages=False)
    versions = list_versions(project.folder, project.cohort)
    for version in versions:
        click.echo(
            f"{version.tag}  {version.made}  code {version.code_commit[:10]}"
            f"{' (changed)' if version.uncommitted else ''}  {len(version.stages)} stages  {version.message}"
        )
    if not versions:
        click.echo(f"no version of {project.cohort} yet: `gliomics data snapshot -m MESSAGE`")


@data.command()
@click.argument("version", required=False)
@cohort_option
@env_option
def verify(version: str | None, cohort: str | None, env: str) -> None:
    """Read every object of VERSION (all when left out) and compare its md5, in the cache and the remote.

    Exit code 1 when one is missing or damaged.
    """
    project = open_cohort(cohort, env, with_stages=False)
    versions = (
        [get_version(project.folder, project.cohort, version)]
        if version
        else list_versions(project.folder, project.cohort)
    )
    found = [verify_version(project, one) for one in versions]
    for one in found:
        _print_verification(one)
    if not all(one.whole for one in found):
        sys.exit(1)


@data.command()
@click.argument("before")
@click.argument("after")
@cohort_option
def diff(before: str, after: str, cohort: str | None) -> None:
    """Compare two versions: patients, files, labels."""
    project = open_cohort(cohort, with_stages=False)
    first, second = (get_version(project.folder, project.cohort, name) for name in (before, after))
    _print_difference(compare_versions(project, first, second))


@data.command()
@click.argument("version")
@click.option("--discard", is_flag=True, help="Lose changes that no version holds.")
@cohort_option
@env_option
def rollback(version: str, cohort: str | None, env: str, *, discard: bool) -> None:
    """Bring raw data, features, folds and results of one cohort back to VERSION."""
    project = open_cohort(cohort, env)
    done = go_back(project, get_version(project.folder, project.cohort, version), discard=discard)
    click.echo(f"{project.cohort} is at {done.version.tag}: {done.n_paths} paths, every md5 verified")
    for note in done.notes:
        click.secho(note, fg="yellow")


@click.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--cohort", required=True, help="Name of the cohort that the data belongs to.")
@click.option("--link", is_flag=True, help="Hard links instead of copies.")
@click.option("--replace", is_flag=True, help="Replace raw data that is there and saved in a version.")
@click.option("--discard", is_flag=True, help="With --replace: even if no version holds it.")
def import_(folder: Path, cohort: str, *, link: bool, replace: bool, discard: bool) -> None:
    """Bring raw data from FOLDER into data/01_raw/<cohort>, where it can be versioned."""
    project = open_cohort(cohort)
    n_files = import_raw(project, folder, link=link, replace=replace, discard=discard)
    click.echo(f"{n_files} files {'linked' if link else 'copied'} to {project.raw}")


def _print_verification(found: Verification) -> None:
    parts = {
        "damaged": found.damaged,
        "missing": found.absent,
        "damaged in the remote": found.remote_damaged,
        "missing from the remote": found.remote_absent,
    }
    problems = [
        f"{len(md5s)} {what} ({', '.join(md5s[:3])}{', ...' if len(md5s) > 3 else ''})"
        for what, md5s in parts.items()
        if md5s
    ]
    said = f"{found.version.tag}: {found.n_objects} objects, {'; '.join(problems) or 'all whole'}"
    click.secho(said, fg="red" if problems else None)


def _print_difference(found: DataDifference) -> None:
    for what, names in (
        ("patients added", found.patients_added),
        ("patients removed", found.patients_removed),
        ("patients changed", found.patients_changed),
        ("files added", found.files_added),
        ("files removed", found.files_removed),
        ("files changed", found.files_changed),
    ):
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        click.echo(f"{what}: {len(names)}{'  ' + shown if names else ''}")
    if found.labels_changed is None:
        click.echo("labels: not known, ingestion is not part of both versions")
        return
    click.echo(f"labels changed: {len(found.labels_changed)}")
    for change in found.labels_changed:
        click.echo(f"  {change.subject_id}: {change.before} -> {change.after}")
