"""``gliomics monitor``: whether new cases look like those that the model was fitted on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from gliomics.cli.options import model_options, version_option, workers_option
from gliomics.cli.project import section
from gliomics.cli.session import open_registry
from gliomics.cli.tables import make_console, make_table

if TYPE_CHECKING:
    from gliomics.new_cases.monitoring.comparison import Comparison

SHOWN = 10


@click.command()
@click.argument("new_cases", type=click.Path(exists=True, path_type=Path))
@version_option
@model_options
@workers_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("gliomics_monitoring"),
    show_default=True,
    help="Folder of monitoring.html and monitoring.json.",
)
def monitor(  # noqa: PLR0917  (click gives every option as an argument)
    new_cases: Path,
    model: str,
    arm: str | None,
    cohort: str | None,
    env: str,
    workers: int,
    output: Path,
) -> None:
    """Compare NEW_CASES with the patients that the model was fitted on.

    NEW_CASES is a folder of case folders with scans, as `gliomics predict` takes it, or a csv, tsv or
    parquet table of features, one case a row (a column subject_id names them), or a panel in the form of the
    cohort's own. Writes a page and a JSON. Exit code 1 when a limit of conf/base/monitoring/parameters.yml is
    exceeded.
    """
    from gliomics.cohort.settings import CohortSettings
    from gliomics.compute import ComputeSettings
    from gliomics.new_cases.monitoring.cases import monitor_cases
    from gliomics.new_cases.monitoring.comparison import facts
    from gliomics.new_cases.monitoring.page import monitoring_page, summary
    from gliomics.new_cases.monitoring.settings import MonitoringSettings

    source, folder = new_cases.resolve(), output.resolve()
    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        number = str(opened.registry.find(name, model).version)
        settings = section(opened.parameters, "monitoring", MonitoringSettings)
        compute, seed = ComputeSettings(workers=workers), int(opened.parameters["seed"])
        panel = section(opened.parameters, "cohort_settings", CohortSettings).published_features
        comparison, card = monitor_cases(name, number, source, compute, settings, panel=panel, seed=seed)
    title = f"{name}, version {number}"
    folder.mkdir(parents=True, exist_ok=True)
    page = monitoring_page(comparison, card, settings, title)
    (folder / "monitoring.html").write_text(page, encoding="utf-8")
    found = {"model": name, "version": number, "seed": seed, **facts(comparison, settings)}
    text = json.dumps(found, indent=2, sort_keys=True, allow_nan=False)
    (folder / "monitoring.json").write_text(text + "\n", encoding="utf-8")
    _print(title, comparison)
    click.secho(summary(comparison), fg="red" if comparison.alarms else None, bold=True)
    click.echo(f"Page: {output / 'monitoring.html'}")
    if comparison.alarms:
        sys.exit(1)


def _print(title: str, comparison: Comparison) -> None:
    from gliomics.new_cases.monitoring.page import LIMITS

    console = make_console()
    if comparison.alarms:
        headings = ("over its limit", "where", "value", "limit", "chance", "used by the model")
        table = make_table(title, *headings)
        ordered = sorted(comparison.alarms, key=lambda a: (not a.used, a.probability, a.where))
        for alarm in ordered[:SHOWN]:
            cells = (
                LIMITS[alarm.limit],
                alarm.where,
                f"{alarm.value:.2f}",
                f"{alarm.allowed:.2f}",
                f"{alarm.probability:.1g}",
                "yes" if alarm.used else "no",
            )
            table.add_row(*map(escape, cells))
        console.print(table)
        if len(ordered) > SHOWN:
            click.echo(f"and {len(ordered) - SHOWN} more, on the page.")
    if comparison.reasons:
        table = make_table("Quarantined", "case", "reason")
        for subject, reason in comparison.reasons:
            table.add_row(escape(subject), escape(reason))
        console.print(table)
