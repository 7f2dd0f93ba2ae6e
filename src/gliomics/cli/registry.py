"""``gliomics registry``: promote, roll back, and see what happened."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from gliomics.cli.options import env_option, model_options
from gliomics.cli.project import section
from gliomics.cli.session import open_registry
from gliomics.cli.tables import make_console, make_table

if TYPE_CHECKING:
    from gliomics.registry.gate import Criterion

STYLES = {"passes": "green", "fails": "bold red", "not testable": "yellow", "not covered": "yellow"}


@click.group()
def registry() -> None:
    """Promote a model when the gate passes it, roll back, and see what happened."""


@registry.command()
@click.argument("version", default="candidate")
@click.option("--force", metavar="REASON", help="Promote against the gate; written into the ledger.")
@click.option("--keep", is_flag=True, help="It is no error if VERSION is the champion already.")
@model_options
def promote(
    version: str, force: str | None, arm: str | None, cohort: str | None, env: str, *, keep: bool
) -> None:
    """Make VERSION (a number or an alias; the candidate) the champion if the gate passes it.

    Prints every criterion. Exit code 1 when it is refused: then nothing has changed but the ledger.
    """
    from gliomics.registry.gate import GateLimits
    from gliomics.registry.promotion import promote as ask

    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        number = str(opened.registry.find(name, version).version)
        if keep and number == opened.registry.version_of(name, "champion"):
            click.echo(f"Version {number} is the champion of {name} already.")
            return
        found = ask(
            opened.registry,
            name,
            version,
            limits=section(opened.parameters, "registry.gate", GateLimits),
            workspace=opened.workspace(),
            data=opened.data(),
            force=force,
        )
    _print_criteria(f"{name}, version {found.version}", found.decision.criteria)
    if found.forced:
        click.secho(f"FORCED AGAINST THE GATE: {force}", fg="red", bold=True)
    if found.promoted:
        click.echo(f"Version {found.version} is now the champion of {name}.")
        return
    click.secho(f"Refused; the champion of {name} stays {found.champion or 'none'}:", fg="red", err=True)
    for reason in found.decision.reasons:
        click.secho(f"  {reason}", err=True)
    if force is not None:
        click.secho("  --force does not reach protocol, artefacts and smoke_prediction.", err=True)
    sys.exit(1)


@registry.command()
@click.option("--to", metavar="VERSION", help="A former champion; the one before when left out.")
@click.option("--discard", is_flag=True, help="Lose changes of the data that no version holds.")
@model_options
def rollback(to: str | None, arm: str | None, cohort: str | None, env: str, *, discard: bool) -> None:
    """Bring a former champion back, and the data version that it was promoted with."""
    from gliomics.registry.promotion import rollback as go_back

    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        version, tag = go_back(opened.registry, name, to, opened.data(discard=discard))
    click.echo(f"Version {version} is the champion of {name} again.")
    click.echo(
        f"Data: {tag}."
        if tag
        else "Data: left as they are, since it was promoted without a saved data version."
    )


@registry.command()
@model_options
def status(arm: str | None, cohort: str | None, env: str) -> None:
    """Show the versions of a model and who is candidate, champion and previous."""
    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        versions = opened.registry.client.search_model_versions(f"name = '{name}'")
        aliases: dict[str, list[str]] = {}
        for alias in ("candidate", "champion", "previous"):
            number = opened.registry.version_of(name, alias)
            if number is not None:
                aliases.setdefault(number, []).append(alias)
    table = make_table(name, "version", "alias", "arm", "data version", "content")
    for version in sorted(versions, key=lambda v: int(v.version)):
        tags, number = version.tags, str(version.version)
        table.add_row(
            number,
            ", ".join(aliases.get(number, [])),
            tags.get("gliomics.arm", ""),
            tags.get("gliomics.data_version", ""),
            tags.get("gliomics.content_hash", "")[:12],
        )
    make_console().print(table)


@registry.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--all", "every", is_flag=True, help="Of every model.")
@model_options
def history(arm: str | None, cohort: str | None, env: str, *, as_json: bool, every: bool) -> None:
    """Show the ledger."""
    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        entries = [e for e in opened.registry.ledger.entries() if every or e.model == name]
    if as_json:
        for entry in entries:
            click.echo(json.dumps(asdict(entry), sort_keys=True))
        return
    headings = ("", "when", "who", "action", "model", "from", "to", "verdict", "data version")
    table = make_table("Ledger", *headings)
    for entry in entries:
        style = "bold red" if entry.action == "force" else ""
        verdict = "; ".join([entry.verdict, *entry.reasons]) if entry.action == "refuse" else entry.verdict
        cells = (
            str(entry.number),
            entry.when,
            entry.who,
            entry.action.upper() if style else entry.action,
            entry.model,
            entry.before or "",
            entry.after or "",
            verdict,
            entry.data_version or "",
        )
        table.add_row(*map(escape, cells), style=style)
    make_console().print(table)


@registry.command()
@env_option
def verify(env: str) -> None:
    """Check that the ledger is what was written and agrees with the registry."""
    with open_registry(env, None) as opened:
        entries = opened.registry.verify()
    click.echo(f"The ledger is whole: {len(entries)} entries, and every champion is the one that it says.")


def _print_criteria(title: str, criteria: list[Criterion]) -> None:
    table = make_table(title, "criterion", "limit", "value", "verdict")
    for criterion in criteria:
        style = STYLES[criterion.verdict]
        note = "" if criterion.refuses or criterion.verdict == "passes" else " (warns)"
        cells = map(escape, (criterion.name, criterion.limit, criterion.value))
        table.add_row(*cells, f"[{style}]{criterion.verdict}{note}[/]")
    make_console().print(table)
