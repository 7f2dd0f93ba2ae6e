"""New cases, from scans or a table, as a registered model sees them, beside what it was fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.cohort.presence import region_of
from gliomics.errors import FeatureTableError, GliomicsError, ServingError
from gliomics.model_package.requests import FROM_RECORDS
from gliomics.new_cases.monitoring.comparison import Comparison, NewCases, compare
from gliomics.new_cases.monitoring.used_columns import training_profile, used_columns
from gliomics.new_cases.prediction import inspect_cases, is_panel, opened_version, panel_rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from gliomics.cohort.settings import PublishedFeaturesSettings
    from gliomics.compute import ComputeSettings
    from gliomics.model_package.case_features import CaseMeasurer
    from gliomics.model_package.final_model import FinalModel
    from gliomics.new_cases.monitoring.settings import MonitoringSettings

ID = "subject_id"


def monitor_cases(
    name: str,
    number: str,
    source: Path,
    compute: ComputeSettings,
    settings: MonitoringSettings,
    *,
    panel: PublishedFeaturesSettings | None,
    seed: int,
) -> tuple[Comparison, dict[str, Any]]:
    """Compare new cases with the training patients of a registered version.

    Parameters
    ----------
    name, number : str
        Registered model and version.
    source : Path
        A folder of case folders with scans, as `gliomics.new_cases.prediction.predict_cases` takes it, or
        a csv, tsv or parquet table of features, one case a row.
    compute : ComputeSettings
        How cases are spread.
    settings : MonitoringSettings
        Limits.
    panel : PublishedFeaturesSettings or None
        Of the cohort: a table that has the panel's id column is read as ingestion reads the panel.
    seed : int
        Of the draws behind probabilities.

    Returns
    -------
    comparison : Comparison
        The findings.
    card : dict
        The model's.

    Raises
    ------
    ServingError
        If scans are given to a model that takes none, or this code does not reproduce its stored prediction.
    FeatureTableError
        If the model carries no training profile, or the table holds none of its columns.
    """
    with opened_version(name, number) as (model, measurer, _):
        profile = training_profile(model, f"{name}, version {number}")
        if source.is_dir():
            table, outcomes = _from_scans(source, model, measurer, compute, f"{name}, version {number}")
            not_given = tuple(c for c in map(str, model.card["columns"]) if c in FROM_RECORDS)
        else:
            table, outcomes = _from_table(source, model, panel)
            not_given = tuple(c for c in map(str, model.card["columns"]) if _is_unknown_region(c, table))
        values, outcomes = _encode(table, outcomes, model)
        scores = model.pipeline[1:].predict_proba(values)[:, 1] if len(values) else np.empty(0)
        new = NewCases(
            columns=tuple(map(str, model.card["columns"])),
            values=values,
            scores=scores,
            used=used_columns(model, profile),
            not_given=not_given,
            outcomes=outcomes,
        )
        return compare(profile, new, settings, seed=seed), dict(model.card)


def _from_scans(
    folder: Path, model: FinalModel, measurer: CaseMeasurer | None, compute: ComputeSettings, where: str
) -> tuple[pd.DataFrame, tuple[tuple[str, str, str], ...]]:
    if measurer is None:
        raise ServingError(
            where=where,
            expected="a model whose features come from scans",
            got=f"the {model.card['arm']} arm of this cohort, which takes none",
            fix="Choose another with --arm, or give a table of features.",
        )
    inspection, parent = inspect_cases(folder, measurer.recipe.images, compute)
    measured = measurer.measure(inspection, parent, compute)
    outcomes = tuple(
        (str(row.subject_id), str(row.status), "" if row.status == "processed" else str(row.reason))
        for row in measured.outcomes.itertuples()
    )
    return measured.features, outcomes


def _is_unknown_region(column: str, table: pd.DataFrame) -> bool:
    return region_of(column) is not None and not (column in table.columns and table[column].notna().any())


def _read_table(path: Path, panel: PublishedFeaturesSettings | None) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if panel is not None and is_panel(path, panel):
        return panel_rows(path, panel).reset_index()
    return pd.read_csv(path, sep="," if path.suffix.lower() == ".csv" else "\t")


def _from_table(
    path: Path, model: FinalModel, panel: PublishedFeaturesSettings | None
) -> tuple[pd.DataFrame, tuple[tuple[str, str, str], ...]]:
    """Read a table; a row with text where a number must stand is quarantined."""
    try:
        table = _read_table(path, panel)
    except (OSError, ValueError) as error:
        raise FeatureTableError(
            where=path.name,
            expected="a csv, tsv or parquet table, one case a row",
            got=str(error).split("\n")[0],
            fix="Write it again, with column names in the first line.",
        ) from error
    columns = [str(column) for column in model.card["columns"]]
    if not set(columns) & set(table.columns):
        raise FeatureTableError(
            where=path.name,
            expected=f"at least one of the {len(columns)} columns of the model",
            got=f"{len(table.columns)} columns, none of them known",
            fix=f"Name the columns as in the training table, such as {columns[0]!r}.",
        )
    ids = (
        table[ID].map(str) if ID in table.columns else pd.Series([f"row {n + 1}" for n in range(len(table))])
    )
    table = table.set_axis(pd.Index(ids, name=ID))
    reasons: dict[int, str] = {}
    read = {}
    for column in (c for c in columns if c in table.columns):
        read[column] = table[column]
        if not isinstance(model.card["example"][column], str):
            read[column] = pd.to_numeric(table[column], errors="coerce").astype("float64")
            for place in np.flatnonzero(read[column].isna() & table[column].notna()):
                got = str(table[column].iloc[place])[:40]
                reasons.setdefault(int(place), f"{column} must be a number, got {got!r}")
    outcomes = tuple(
        (str(subject), "failed" if place in reasons else "processed", reasons.get(place, ""))
        for place, subject in enumerate(table.index)
    )
    kept = [place for place in range(len(table)) if place not in reasons]
    return pd.DataFrame(read, index=table.index).iloc[kept], outcomes


def _encode(
    table: pd.DataFrame, outcomes: tuple[tuple[str, str, str], ...], model: FinalModel
) -> tuple[NDArray[np.float64], tuple[tuple[str, str, str], ...]]:
    """Turn cases into the model's numbers; one that can not be is quarantined, the others go on."""
    columns, encoder = list(map(str, model.card["columns"])), model.pipeline[0]
    table = table.reindex(columns=columns)
    if table.empty:
        return np.empty((0, len(columns))), outcomes
    try:
        return np.asarray(encoder.transform(table), dtype=np.float64), outcomes
    except GliomicsError:
        pass
    rows, reasons = [], {}
    processed = [place for place, outcome in enumerate(outcomes) if outcome[1] == "processed"]
    for place, number in zip(processed, range(len(table)), strict=True):
        try:
            rows.append(encoder.transform(table.iloc[[number]])[0])
        except GliomicsError as error:
            reasons[place] = str(error)
    again = tuple(
        (subject, "failed", reasons[place]) if place in reasons else (subject, status, reason)
        for place, (subject, status, reason) in enumerate(outcomes)
    )
    return np.asarray(rows, dtype=np.float64).reshape(-1, len(columns)), again
