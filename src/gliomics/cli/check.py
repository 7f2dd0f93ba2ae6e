"""``gliomics check``: ingestion's preflight, and the servers of the environment."""

from __future__ import annotations

import sys
from functools import partial

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gliomics.cli.options import cohort_option, env_option
from gliomics.cli.project import environment_servers, open_project, section
from gliomics.cli.tables import make_console, make_table
from gliomics.cohort.settings import CohortSettings
from gliomics.cohort.splits import FoldSettings
from gliomics.compute import ComputeSettings
from gliomics.errors import SettingsError
from gliomics.imaging.settings import ImageSettings
from gliomics.operations.environment.preflight import Finding, preflight
from gliomics.operations.environment.variables import redact
from gliomics.progress import progress

STYLES = {"error": "bold red", "warning": "yellow", "note": "dim", "fine": "green"}


@click.command()
@cohort_option
@click.option(
    "--raw-dir", type=click.Path(file_okay=False), help="Raw data elsewhere than in data/01_raw/<cohort>."
)
@env_option
@click.option("--servers", "servers_only", is_flag=True, help="Only the servers of the environment.")
def check(cohort: str | None, raw_dir: str | None, env: str, *, servers_only: bool) -> None:
    """Look at a cohort's raw data before a run: what is wrong and what to do.

    Reads what ingestion would read, computes no feature and writes nothing. In an environment with servers
    (prod) first the ledger, the tracking server and the data remote. Exit code 1 when a run would stop or end
    without a result.
    """
    given = {name: value for name, value in (("cohort", cohort), ("raw_dir", raw_dir)) if value}
    _check_servers(env, given)
    if not servers_only:
        _check_raw_data(env, given)


def _check_servers(env: str, given: dict[str, str]) -> None:
    servers = environment_servers(env, given)
    if not servers.settings.servers:
        click.echo(f"environment {env} needs no servers")
        return
    table = make_table(f"Servers of environment {env}", "", "what", "found")
    found = list(servers.checks())
    for one in found:
        style = STYLES["error" if one.error else "fine"]
        table.add_row(f"[{style}]{'error' if one.error else 'fine'}[/]", one.what, escape(redact(one.found)))
    make_console().print(table)
    if any(one.error for one in found):
        sys.exit(1)


def _check_raw_data(env: str, given: dict[str, str]) -> None:
    project = open_project(env, given)
    parameters = project.parameters
    raw_folder = project.folder / project.catalog["raw_folder"]["path"]
    if not raw_folder.is_dir():
        raise SettingsError(
            where=f"cohort {parameters['cohort']}",
            expected="its raw data folder must exist",
            got=f"nothing at {project.catalog['raw_folder']['path']}",
            fix="For the demo cohort run `gliomics demo`; otherwise put the data there or give --raw-dir.",
        )
    cohort_settings = section(parameters, "cohort_settings", CohortSettings)
    image_settings = section(parameters, "ingestion.images", ImageSettings)
    fold_settings = section(parameters, "ingestion.folds", FoldSettings)
    compute = section(parameters, "compute", ComputeSettings)
    with progress("case") as show:
        findings = preflight(
            raw_folder,
            cohort_settings=cohort_settings,
            image_settings=image_settings,
            fold_settings=fold_settings,
            compute=compute,
            on_progress=partial(show, "checking scans"),
        )
    _print_table(str(parameters["cohort"]), findings)
    if any(finding.level == "error" for finding in findings):
        sys.exit(1)


def _print_table(cohort: str, findings: list[Finding]) -> None:
    table = Table(title=f"Cohort {cohort}", title_justify="left")
    for heading in ("", "where", "what", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(
            f"[{STYLES[finding.level]}]{finding.level}[/]",
            *(escape(text) for text in (finding.where, finding.what, finding.remedy)),
        )
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    counts = {level: sum(finding.level == level for finding in findings) for level in STYLES}
    console.print(f"{counts['error']} errors, {counts['warning']} warnings, {counts['note']} notes")
