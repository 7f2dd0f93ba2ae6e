"""``gliomics serve``: the champion behind nginx, and a switch to the next one without a dropped request."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from gliomics.cli.options import model_options
from gliomics.cli.project import environment_servers, open_project, section
from gliomics.cli.session import open_registry
from gliomics.cli.tables import make_console, make_table

if TYPE_CHECKING:
    from gliomics.operations.model_server.deployment import Deployment, Outcome
    from gliomics.operations.model_server.settings import ServingSettings


@click.group()
def serve() -> None:
    """Serve the champion on this machine, and follow it when it changes."""


@serve.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Where nginx listens; else serving.port.")
@click.option("--workers", type=click.IntRange(1), help="Processes a server; else serving.workers.")
@click.option(
    "--case-root",
    envvar="GLIOMICS_CASE_ROOT",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="Folder below which requests may name case folders; without it they may name none.",
)
@model_options
def up(  # noqa: PLR0917  (click gives every option as an argument)
    port: int | None,
    workers: int | None,
    case_root: str | None,
    arm: str | None,
    cohort: str | None,
    env: str,
) -> None:
    """Start a server with the champion, and nginx before it.

    What runs already is left alone; what has ended is started again.
    """
    given = {key: value for key, value in (("port", port), ("workers", workers)) if value is not None}
    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        version = str(opened.registry.find(name, "champion").version)
        settings = _settings(opened.parameters, given)
        begun = time.monotonic()
        outcome = _deployment(Path.cwd(), env, name).up(version, settings, case_root)
    _say(outcome, begun, "answers already" if not outcome.changed else "answers")
    if outcome.server.version != version:
        click.echo(f"The champion is version {version} now: `gliomics serve switch` follows it.")


@serve.command()
@model_options
def switch(arm: str | None, cohort: str | None, env: str) -> None:
    """Let the present champion take over, without a dropped request.

    It is started beside the version that answers, must be healthy and give the stored prediction of its
    stored example, and only then gets the requests. Exit code 1 when it fails: the old one still answers.
    """
    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        version = str(opened.registry.find(name, "champion").version)
        begun = time.monotonic()
        outcome = _deployment(Path.cwd(), env, name).switch(version)
    _say(outcome, begun, "has taken over" if outcome.changed else "answers already")


@serve.command()
@model_options
def status(arm: str | None, cohort: str | None, env: str) -> None:
    """Show what answers and who the champion is. Exit code 1 when it should answer and does not."""
    from gliomics.operations.model_server.server import health, resident_mib

    deployment, name = _without_registry(arm, cohort, env)
    state = deployment.state()
    if state is None:
        click.echo(f"{name} is not in service. `gliomics serve up` starts it.")
        return
    table = make_table(name, "server", "version", "port", "pid", "healthy", "memory, MiB", "")
    for server, part in ((state.active, "answers"), (state.standby, "left over: `up` ends it")):
        if server is not None:
            healthy = health(server.url) == server.label
            cells = (
                server.colour,
                server.version,
                str(server.port),
                str(server.process.pid),
                "yes" if healthy else "[bold red]no[/]",
                f"{resident_mib(server):.0f}",
                escape(part),
            )
            table.add_row(*cells)
    make_console().print(table)
    answers, wanted = deployment.answers(), state.active.label if state.active else None
    where = f"http://{state.settings.host}:{state.settings.port}"
    click.echo(f"nginx at {where}: {answers or 'does not answer'}. Logs: {deployment.folder}")
    champion = _champion(name, env)
    if champion is not None and state.active is not None and champion != state.active.version:
        click.echo(f"The champion is version {champion} now: `gliomics serve switch` follows it.")
    if answers is None or answers != wanted:
        click.secho("Not in order: `gliomics serve up` starts what has ended.", fg="red", err=True)
        sys.exit(1)


@serve.command()
@model_options
def down(arm: str | None, cohort: str | None, env: str) -> None:
    """Stop nginx and the servers; what they have taken is answered first."""
    deployment, name = _without_registry(arm, cohort, env)
    ran = deployment.down()
    click.echo(f"{name} is out of service." if ran else f"{name} was not in service.")


def _settings(parameters: dict[str, Any], given: dict[str, int]) -> ServingSettings:
    from gliomics.operations.model_server.settings import ServingSettings

    return section({"serving": {**parameters["serving"], **given}}, "serving", ServingSettings)


def _deployment(project: Path, env: str, name: str) -> Deployment:
    from gliomics.operations.model_server.deployment import Deployment

    return Deployment(project.resolve() / ".gliomics" / "serving" / env / name, name)


def _without_registry(arm: str | None, cohort: str | None, env: str) -> tuple[Deployment, str]:
    """Open a deployment from the project's files alone: stopping must not need the tracking server."""
    project = open_project(env, {} if cohort is None else {"cohort": cohort})
    prefix = project.parameters["registration"]["model_name_prefix"]
    name = "-".join([prefix, str(project.parameters["cohort"]), *([arm] if arm else [])])
    return _deployment(project.folder, env, name), name


def _champion(name: str, env: str) -> str | None:
    """Ask the registry who is the champion, None if it does not say so at once."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    try:
        return str(
            MlflowClient(environment_servers(env, {}).tracking_uri)
            .get_model_version_by_alias(name, "champion")
            .version
        )
    except MlflowException as error:
        click.echo(f"The registry does not name a champion: {str(error).splitlines()[0][:160]}")
        return None


def _say(outcome: Outcome, begun: float, what: str) -> None:
    server = outcome.server
    took = f" after {time.monotonic() - begun:.0f} s" if outcome.changed else ""
    click.echo(f"{server.name}, version {server.version} ({server.colour}), {what}{took}.")
    click.echo(f"Ask {outcome.url}/invocations; {outcome.url}/health says who answers (X-Gliomics-Model).")
