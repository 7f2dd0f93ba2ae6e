"""``gliomics evaluate``: the honest protocol on any table of features."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click
import pandas as pd

from gliomics.cohort.splits import FoldSettings
from gliomics.compute import ComputeSettings
from gliomics.errors import FeatureTableError
from gliomics.evaluation.any_table import ARM, TableColumns, TableEvaluation, evaluate_table
from gliomics.evaluation.arms import get_arm
from gliomics.evaluation.equity_settings import EquitySettings
from gliomics.evaluation.failures import worst_errors
from gliomics.evaluation.settings import ModellingSettings
from gliomics.learning.registry import ESTIMATORS
from gliomics.learning.selection.selectors import SELECTORS
from gliomics.progress import progress
from gliomics.reporting.checklists.checklist import fill_checklists
from gliomics.reporting.lineage_record import describe_run
from gliomics.reporting.methods_text import methods_markdown, methods_paragraphs
from gliomics.reporting.page import write_report
from gliomics.reporting.result_lines import summary_lines
from gliomics.reporting.run_results import RunResults
from gliomics.synthesis.registry import make_sampler
from gliomics.synthesis.settings import AugmentationSettings

SEED = 20261124


@click.command()
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--label", required=True, help="Column of the label: two values.")
@click.option("--id", "id_column", required=True, help="Column of the case's id.")
@click.option("--group", help="Column whose cases stay in one fold (hospital, patient).")
@click.option("--positive", help="Label that is predicted; the last of the two when left out.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("gliomics_evaluation")
)
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2, 50))
@click.option("--repeats", default=10, show_default=True, type=click.IntRange(1, 1000))
@click.option("--permutations", default=200, show_default=True, type=click.IntRange(2))
@click.option("--audit", multiple=True, default=("random_forest", "svm_rbf"), show_default=True)
@click.option(
    "--selection",
    type=click.Choice(sorted(SELECTORS)),
    help="Ranking of the features, for a classifier that selects some; anova when left out.",
)
@click.option(
    "--classifier",
    type=click.Choice(sorted(ESTIMATORS)),
    default=get_arm(ARM).recipe,
    show_default=True,
    help="Recipe of preprocessing, ranking, classifier and its grid.",
)
@click.option("--batch", help="Column of the scanner or site that ComBat takes out inside the folds.")
@click.option("--seed", default=SEED, show_default=True, type=click.IntRange(0))
@click.option("--workers", default=0, help="0: one a core.", type=click.IntRange(0))
def evaluate(  # noqa: PLR0913, PLR0917  (click gives every option as an argument)
    table: Path,
    label: str,
    id_column: str,
    group: str | None,
    positive: str | None,
    output: Path,
    folds: int,
    repeats: int,
    permutations: int,
    audit: tuple[str, ...],
    selection: str | None,
    classifier: str,
    batch: str | None,
    seed: int,
    workers: int,
) -> None:
    """Evaluate TABLE (csv, tsv or parquet): every numeric column is a feature.

    Repeated nested cross-validation, permuted labels, synthetic rows in the training folds, and the audit
    that shows what the same figures become when those rows are made before the split.
    """
    settings = ModellingSettings.model_validate(
        {
            "permutation_control": {"n": permutations},
            "audit": {"estimators": audit},
            "recipes": {ARM: classifier},
            "selection": {"methods": {} if selection is None else {ARM: selection}},
            "harmonisation": {"method": "none"} if batch is None else {"method": "combat", "batch": batch},
        }
    )
    with progress("fit") as show:
        found = evaluate_table(
            _read(table),
            TableColumns(label, id_column, group, positive),
            folds=FoldSettings(n_splits=folds, repeats=repeats),
            settings=settings,
            sampler=make_sampler(AugmentationSettings()),
            seed=seed,
            compute=ComputeSettings(workers=workers),
            on_progress=partial(show),
        )
    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found.metrics, indent=2, sort_keys=True, allow_nan=False)
    (output / "metrics.json").write_text(text + "\n", encoding="utf-8")
    found.predictions.to_parquet(output / "cv_predictions.parquet")
    _write_report(found, settings, output)
    for line in summary_lines(found.metrics):
        click.echo(line)
    click.echo(f"metrics: {output / 'metrics.json'}")
    click.echo(f"report:  {output / 'report.html'}")


def _write_report(found: TableEvaluation, settings: ModellingSettings, output: Path) -> None:
    """Write the pages that a cohort's run writes, with the sections that apply to a table."""
    sampler = AugmentationSettings()
    lineage = describe_run(
        {"modelling": settings, "augmentation": sampler},
        {"cv_predictions": found.predictions},
        cohort_name=found.metrics["title"],
        seed=found.metrics["seed"],
    )
    equity = EquitySettings()
    run = RunResults(
        metrics=found.metrics,
        predictions=found.predictions,
        lineage=lineage,
        errors=worst_errors(found.predictions, equity.worst_errors),
    )
    checklist = fill_checklists(run)
    report = write_report(run.with_checklist(checklist))
    checklist.to_csv(output / "checklist.csv", index=False)
    methods = methods_markdown(methods_paragraphs(run), found.metrics["title"])
    (output / "methods.md").write_text(methods, encoding="utf-8")
    (output / "figures").mkdir(exist_ok=True)
    for name, drawing in report.figures.items():
        (output / "figures" / name).write_bytes(drawing)
    (output / "report.html").write_text(report.html, encoding="utf-8")


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, sep="\t" if path.suffix in {".tsv", ".txt"} else ",")
    except (ValueError, OSError) as error:
        raise FeatureTableError(
            where=path.name,
            expected="the file must be a table in csv, tsv or parquet",
            got=str(error).splitlines()[0] if str(error) else "an unreadable file",
            fix="Save it as csv with a header line.",
        ) from error
