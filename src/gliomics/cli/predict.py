"""``gliomics predict``: score new patients from their scans."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from gliomics.cli.options import model_options, version_option, workers_option
from gliomics.cli.project import section
from gliomics.cli.session import open_registry
from gliomics.cli.tables import make_console, make_table
from gliomics.cohort.settings import CohortSettings
from gliomics.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.cohort.settings import PublishedFeaturesSettings


@click.command()
@click.argument("cases", type=click.Path(exists=True, path_type=Path))
@version_option
@model_options
@workers_option
@click.option(
    "--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the predictions there."
)
def predict(  # noqa: PLR0917  (click gives every option as an argument)
    cases: Path,
    model: str,
    arm: str | None,
    cohort: str | None,
    env: str,
    workers: int,
    output: Path | None,
) -> None:
    """Score the patient whose scans are in the folder CASES, or every patient whose folder lies in it.

    The scans pass the checks of ingestion. A case that fails is quarantined with its reason and the others go
    on; then the exit code is 1. A model that learned from a published panel takes a csv or tsv file instead.
    """
    from gliomics.compute import ComputeSettings
    from gliomics.new_cases.prediction import predict_cases, predict_panel

    place = cases.resolve()
    with open_registry(env, cohort) as opened:
        name = opened.model(arm)
        version = opened.registry.find(name, model)
        number = str(version.version)
        if place.is_dir():
            found = predict_cases(name, number, place, ComputeSettings(workers=workers))
        else:
            found = predict_panel(name, number, place, _panel_settings(opened.parameters))
    if output is not None:
        text = json.dumps(found, indent=2, sort_keys=True, allow_nan=False)
        output.write_text(text + "\n", encoding="utf-8")
    _print(f"{name}, version {found['version']} ({found['arm']} arm)", found)
    if any(case["status"] != "processed" for case in found["cases"]):
        sys.exit(1)


def _panel_settings(parameters: Mapping[str, Any]) -> PublishedFeaturesSettings:
    """Read a panel as the cohort's own is read."""
    cohort = section(parameters, "cohort_settings", CohortSettings)
    if cohort.published_features is None:
        raise SettingsError(
            where="CASES",
            expected="a folder of scans, since this cohort has no published panel",
            got="a file",
            fix="Name the folder of a case, or one that holds folders of cases.",
        )
    return cohort.published_features


def _print(title: str, found: dict[str, Any]) -> None:
    headings = ("case", "probability", "interval", "called", "moved most by", "note")
    table = make_table(f"{found['outcome']}: {title}", *headings)
    for case in found["cases"]:
        if case["status"] != "processed":
            cells = (
                escape(case["subject_id"]),
                "",
                "",
                "[bold red]quarantined[/]",
                "",
                escape(case["reason"]),
            )
            table.add_row(*cells)
            continue
        moved = ", ".join(f"{term['feature']} {term['log_odds']:+.2f}" for term in case["contributions"][:3])
        interval = "" if case["low"] is None else f"{case['low']:.2f} to {case['high']:.2f}"
        called = "long survival" if case["decision"] else "short survival"
        notes, probability = "; ".join(case["warnings"]), f"{case['probability']:.3f}"
        table.add_row(*map(escape, (case["subject_id"], probability, interval, called, moved, notes)))
    console = make_console()
    console.print(table)
    console.print(escape(found["note"]))
