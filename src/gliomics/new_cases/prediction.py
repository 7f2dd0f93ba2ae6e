"""Predicting for new patients from a registered version: one case folder, or a folder of them."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd

from gliomics.cohort.published_panel import read_published_panel, region_presence
from gliomics.errors import ServingError
from gliomics.imaging.manifest import inspect_folder, inspect_scans
from gliomics.imaging.scan_names import parse_scan_name
from gliomics.model_package.case_features import load_case_measurer
from gliomics.model_package.model_files import load_final_model
from gliomics.model_package.packaging import EVIDENCE_FILE, example_row
from gliomics.model_package.scoring import score_rows
from gliomics.model_package.smoke_prediction import SMOKE_FILE, SMOKE_TOLERANCE, smoke_difference
from gliomics.registry.evidence import MODEL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gliomics.cohort.settings import PublishedFeaturesSettings
    from gliomics.compute import ComputeSettings
    from gliomics.imaging.manifest import ScanInspection
    from gliomics.imaging.settings import ImageSettings
    from gliomics.model_package.case_features import CaseMeasurer
    from gliomics.model_package.final_model import FinalModel


def predict_cases(name: str, number: str, folder: Path, compute: ComputeSettings) -> dict[str, Any]:
    """Score a patient, or every patient of a folder, with a registered version.

    Parameters
    ----------
    name, number : str
        Registered model and version.
    folder : Path
        The folder of a case, or one that holds folders of cases.
    compute : ComputeSettings
        How cases are spread.

    Returns
    -------
    dict
        JSON-ready: ``model``, ``version``, ``arm``, ``outcome``, ``note`` (what the model's figures are), and
        ``cases``, sorted by subject: ``status`` processed with the prediction, or failed with ``code`` and
        ``reason``.

    Raises
    ------
    ServingError
        If the model takes no scans, or this code does not reproduce its stored prediction.
    ScanError
        If there is no case in the folder.
    """
    with opened_version(name, number) as (model, measurer, evidence):
        if measurer is None:
            raise ServingError(
                where=f"models:/{name}/{number}",
                expected="a model whose features come from scans",
                got=f"the {model.card['arm']} arm of this cohort, which takes none",
                fix="Choose another with --arm, or give a panel: a csv or tsv file instead of a folder.",
            )
        inspection, parent = inspect_cases(folder, measurer.recipe.images, compute)
        measured = measurer.measure(inspection, parent, compute)
        scored = score_rows(model, measured.features) if len(measured.features) else pd.DataFrame()
    predictions = {str(subject): _plain(row) for subject, row in scored.iterrows()}
    cases = [
        {"subject_id": str(row.subject_id), "status": "failed", "code": row.code, "reason": row.reason}
        if row.status != "processed"
        else {"subject_id": str(row.subject_id), "status": "processed", **predictions[str(row.subject_id)]}
        for row in measured.outcomes.itertuples()
    ]
    return _answer(name, number, model, evidence, cases)


def predict_panel(name: str, number: str, panel: Path, settings: PublishedFeaturesSettings) -> dict[str, Any]:
    """Score the patients of a published panel with a registered version that learned from one.

    Parameters
    ----------
    name, number : str
        Registered model and version.
    panel : Path
        A csv or tsv file in the form of the cohort's own panel; cleaned as ingestion cleans that.
    settings : PublishedFeaturesSettings
        Its id column and the columns that are no features; those that are not in the file are passed over.

    Returns
    -------
    dict
        As `predict_cases`; every patient of the file is processed.

    Raises
    ------
    FeatureTableError
        If the file cannot be read or none of its columns is the model's.
    ServingError
        If this code does not reproduce the model's stored prediction.
    """
    rows = panel_rows(panel, settings)
    with opened_version(name, number) as (model, _, evidence):
        scored = score_rows(model, rows)
    cases = [
        {"subject_id": str(subject), "status": "processed", **_plain(row)}
        for subject, row in scored.iterrows()
    ]
    return _answer(name, number, model, evidence, cases)


def is_panel(file: Path, settings: PublishedFeaturesSettings) -> bool:
    """Whether a csv or tsv file has the id column of the cohort's published panel."""
    return settings.id_column in _header(file)


def panel_rows(panel: Path, settings: PublishedFeaturesSettings) -> pd.DataFrame:
    """Read a published panel as ingestion does, regions' presence included, one row a patient.

    Parameters
    ----------
    panel : Path
        A csv or tsv file.
    settings : PublishedFeaturesSettings
        Its id column and the columns that are no features; those that are not in the file are passed over.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``subject_id``.

    Raises
    ------
    FeatureTableError
        If the file cannot be read as one.
    """
    header = _header(panel)
    kept = tuple(column for column in settings.drop_columns if column in header)
    cleaned = read_published_panel(panel, settings.model_copy(update={"drop_columns": kept})).features
    return cleaned.merge(region_presence(cleaned), on="subject_id").set_index("subject_id")


def _header(file: Path) -> set[str]:
    return set(pd.read_csv(file, sep="," if file.suffix.lower() == ".csv" else "\t", nrows=0).columns)


def _answer(
    name: str, number: str, model: FinalModel, evidence: dict[str, Any], cases: list[dict[str, Any]]
) -> dict[str, Any]:
    card = model.card
    return {
        "model": name,
        "version": number,
        "arm": card["arm"],
        "outcome": card["outcome"],
        "note": _note(evidence.get("metrics", {}), card),
        "cases": cases,
    }


@contextmanager
def opened_version(
    name: str, number: str
) -> Iterator[tuple[FinalModel, CaseMeasurer | None, dict[str, Any]]]:
    """Fetch a registered version and read it; gone again afterwards.

    Yields
    ------
    tuple
        The fitted arm, what measures scans for it (None for an arm that takes none), and its evidence.

    Raises
    ------
    ServingError
        If this code does not reproduce its stored prediction.
    """
    uri = f"models:/{name}/{number}"
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch)) / MODEL_FOLDER
        model, measurer = load_final_model(files), load_case_measurer(files)
        evidence = json.loads((files / EVIDENCE_FILE).read_text(encoding="utf-8"))
        _refuse_other_code(uri, model, json.loads((files / SMOKE_FILE).read_text(encoding="utf-8")))
        yield model, measurer, evidence


def inspect_cases(
    folder: Path, settings: ImageSettings, compute: ComputeSettings
) -> tuple[ScanInspection, Path]:
    """Check the case, or the cases below the folder when it holds no scan itself."""
    places = [place for place in folder.iterdir() if place.name[0] != "."]
    is_case = any(not place.is_dir() and parse_scan_name(place.name) for place in places)
    if is_case or not any(place.is_dir() for place in places):
        return inspect_folder(folder, settings), folder.parent
    return inspect_scans(folder, folder, settings, compute), folder


def _refuse_other_code(uri: str, model: FinalModel, stored: dict[str, float | None]) -> None:
    found = score_rows(model, example_row(model)).iloc[0]
    if not smoke_difference(found, stored) <= SMOKE_TOLERANCE:
        raise ServingError(
            where=uri,
            expected=f"this code must reproduce the prediction stored with the model, {stored}",
            got={key: float(found[key]) for key in stored},
            fix="Check out the commit that the model was registered at (`gliomics registry status`).",
        )


def _plain(row: pd.Series) -> dict[str, Any]:
    """Turn a scored row into what JSON can hold; missing numbers become null."""
    facts = {str(key): value.item() if hasattr(value, "item") else value for key, value in row.items()}
    terms = [{k: None if v != v else v for k, v in term.items()} for term in facts["contributions"]]  # noqa: PLR0124
    missing = {key: None for key in ("low", "high") if pd.isna(facts[key])}
    return {**facts, **missing, "contributions": terms}


def _note(figures: dict[str, Any], card: dict[str, Any]) -> str:
    """Say how good the model is, from its cross-validation, beside its predictions."""
    auc = figures.get("auc") or {}
    share = f"{card['interval_confidence']:.0%}"
    if auc.get("low") is None:
        return "The model's cross-validation gave no interval of the AUC."
    skill = "" if auc["low"] > 0.5 else " The interval includes 0.5: no demonstrated skill."
    return (
        f"Cross-validated AUC of its settings {auc['value']:.2f} ({auc['low']:.2f} to {auc['high']:.2f}), "
        f"n = {figures['n']}.{skill} Intervals of predictions: {share} of refits on resampled patients."
    )
