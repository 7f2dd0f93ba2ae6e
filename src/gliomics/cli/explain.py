"""``gliomics explain``: one patient's page from the last run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from kedro.io import AbstractDataset

from gliomics.cli.options import cohort_option, env_option
from gliomics.cli.project import open_project, section
from gliomics.cohort.settings import CohortSettings
from gliomics.errors import SettingsError
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.cohort_blocks import FeatureTables, cohort_blocks
from gliomics.evaluation.settings import ModellingSettings
from gliomics.explanation.attribution.explained_arms import explained_designs
from gliomics.explanation.attribution.shap_settings import ShapSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.reporting.patient_page import PatientSources, find_subject, write_patient_page
from gliomics.reporting.run_results import RunResults, ShapResults

if TYPE_CHECKING:
    from gliomics.cli.project import Project
    from gliomics.explanation.attribution.shap_values import ExplainedDesign


@click.command()
@click.argument("subject")
@cohort_option
@click.option("--arm", "arms", multiple=True, help="An explained arm; may be repeated. All when left out.")
@env_option
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: explain_SUBJECT.html here."
)
def explain(subject: str, cohort: str | None, arms: tuple[str, ...], env: str, output: Path | None) -> None:
    """Write the page of SUBJECT: out-of-fold scores, what they follow from, how usual the values are.

    Reads what the last run of the cohort left. A subject without a score gets a page that says why.
    """
    project = open_project(env, {"cohort": cohort} if cohort else {})
    run = _results(project)
    found = find_subject(subject, run)
    sources = PatientSources(
        _designs(project, run), _load(project, "heatmap_overlays"), _load(project, "grad_cam_maps")
    )
    page = write_patient_page(run, found, sources, arms or None)
    target = output or Path("explain_" + re.sub(r"[^A-Za-z0-9.-]", "_", found) + ".html")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    click.echo(f"{found}: {target}")


def _results(project: Project) -> RunResults:
    settings = section(project.parameters, "reporting.shap", ShapSettings)
    tables = {
        name: _needed(project, name) for name in ("shap_values", "shap_fits", "shap_summary", "shap_facts")
    }
    shap = ShapResults(
        tables["shap_values"],
        tables["shap_fits"],
        tables["shap_summary"],
        tables["shap_facts"],
        settings.shown,
        settings.dependence,
    )
    return RunResults(
        metrics=_needed(project, "metrics"),
        predictions=_needed(project, "cv_predictions"),
        cohort=_needed(project, "cohort"),
        case_outcomes=_load(project, "case_outcomes"),
        shap=shap,
    )


def _designs(project: Project, run: RunResults) -> dict[str, ExplainedDesign]:
    """Set up the explained arms again, for the values of the other patients."""
    parameters = project.parameters
    cohort_settings = section(parameters, "cohort_settings", CohortSettings)
    modelling = section(parameters, "modelling", ModellingSettings)
    stability = section(parameters, "feature_engineering.stability", StabilitySettings)
    cohort = run.cohort if run.cohort is not None else pd.DataFrame()
    tables = FeatureTables(
        _needed(project, "radiomic_features"),
        _needed(project, "region_presence"),
        _needed(project, "perturbed_features"),
        _needed(project, "published_features"),
        embedding_block(_needed(project, "embeddings")),
    )
    blocks = cohort_blocks(cohort, tables, cohort_settings.feature_source, modelling, stability)
    return explained_designs(
        cohort,
        _needed(project, "folds"),
        blocks,
        run.facts.get("arms", {}),
        primary=run.primary,
        settings=modelling,
        seed=int(parameters["seed"]),
    )


def _needed(project: Project, name: str) -> Any:
    """Load what the last run must have left."""
    loaded = _load(project, name)
    if loaded is None:
        cohort = project.parameters["cohort"]
        raise SettingsError(
            where=f"cohort {cohort}",
            expected=f"a run must have left {name}",
            got=f"no {name} of cohort {cohort}",
            fix=f"Run `kedro run --params cohort={cohort}` first.",
        )
    return loaded


def _load(project: Project, name: str) -> Any:
    """Load a dataset by its name in the catalog; None when the catalog or the folder has none."""
    entry = dict(project.catalog.get(name) or {})
    if not entry:
        return None
    for key in ("filepath", "path"):
        if key in entry:
            entry[key] = str(project.folder / entry[key])
    dataset = AbstractDataset.from_config(name, entry)
    return dataset.load() if dataset.exists() else None
