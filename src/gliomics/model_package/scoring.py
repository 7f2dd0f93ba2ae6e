"""Scoring rows of features with a fitted arm: probability, interval, decision, what moved it, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.cohort.presence import region_of
from gliomics.errors import FeatureTableError
from gliomics.model_package.contributions import contributions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.model_package.final_model import FinalModel

TOP = 5
"""Contributions that are given."""
SHOWN = 3
"""Columns out of range that are named, those that moved the prediction most."""


def score_rows(model: FinalModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Score patients with a fitted arm.

    Parameters
    ----------
    model : FinalModel
        The fitted arm; its card names the columns that it was fitted on.
    rows : DataFrame
        One patient a row. A column that is absent counts as missing (an absent region has none); columns
        that the model does not know are ignored.

    Returns
    -------
    DataFrame
        ``probability`` of what the card names (0 to 1), ``low`` and ``high`` (percentiles of the scores that
        refits on resamples of the training patients give; NaN without refits), ``threshold``, ``decision``
        (1 = at or above it), ``contributions`` (list of ``feature``, ``value``, ``log_odds``, the largest
        first), ``contributions_add_up`` and ``warnings`` (list of str); the index is that of `rows`.

    Raises
    ------
    FeatureTableError
        If no column of `rows` is one of the model's.
    """
    columns = [str(column) for column in model.card["columns"]]
    if not set(columns) & set(rows.columns):
        raise FeatureTableError(
            where="model input",
            expected=f"at least one of the {len(columns)} columns of the {model.card['arm']} arm",
            got=f"{len(rows.columns)} columns, none of them known",
            fix=f"Name the columns as in the training table, such as {columns[0]!r}.",
        )
    table = rows.reindex(columns=columns)
    encoded = model.pipeline[0].transform(table)
    probability = model.pipeline.predict_proba(table)[:, 1]
    threshold = float(model.card["threshold"])
    low, high = _interval(model, encoded)
    explained = [_explained(model, row) for row in encoded]
    return pd.DataFrame(
        {
            "probability": probability,
            "low": low,
            "high": high,
            "threshold": np.full(len(rows), threshold),
            "decision": (probability >= threshold).astype("int64"),
            "contributions": [terms for terms, _, _ in explained],
            "contributions_add_up": [additive for _, additive, _ in explained],
            "warnings": [warnings for _, _, warnings in explained],
        },
        index=rows.index,
    )


def _interval(
    model: FinalModel, encoded: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not model.refits:
        return np.full(len(encoded), np.nan), np.full(len(encoded), np.nan)
    scores = np.stack([refit.predict_proba(encoded)[:, 1] for refit in model.refits])
    tail = (1.0 - float(model.card["interval_confidence"])) / 2.0
    low, high = np.quantile(scores, [tail, 1.0 - tail], axis=0)
    return low, high


def _explained(model: FinalModel, row: NDArray[np.float64]) -> tuple[list[dict[str, Any]], bool, list[str]]:
    columns = [str(column) for column in model.card["columns"]]
    typical = model.pipeline[0].transform(pd.DataFrame([model.card["example"]]).reindex(columns=columns))[0]
    found = contributions(model.pipeline[1:], row, typical)
    order = np.argsort(-np.abs(found.terms), kind="stable")
    terms = [
        {"feature": columns[j], "value": float(row[j]), "log_odds": float(found.terms[j])}
        for j in order[:TOP]
        if found.terms[j] != 0.0
    ]
    return terms, found.additive, _warnings(model.card, row, order)


def _warnings(card: dict[str, Any], row: NDArray[np.float64], order: NDArray[np.intp]) -> list[str]:
    """Say what makes this prediction less than it looks, the columns that moved it most first."""
    columns = [str(column) for column in card["columns"]]
    ranges = card.get("ranges", {})
    warnings = [
        f"region {region_of(column)} is absent: its features are missing and were imputed"
        for column, value in zip(columns, row, strict=True)
        if region_of(column) is not None and value == 0.0
    ]
    outside = [
        f"{columns[j]} = {row[j]:.4g} (training {ranges[columns[j]][0]:.4g} to {ranges[columns[j]][1]:.4g})"
        for j in order
        if columns[j] in ranges and not np.isnan(row[j]) and not _within(row[j], ranges[columns[j]])
    ]
    if outside:
        warnings.append(f"{len(outside)} features out of the training range: {_some(outside)}")
    missing = int(np.isnan(row).sum())
    if missing:
        warnings.append(f"{missing} of {len(row)} features missing, imputed by the training median")
    if card.get("untrained"):
        warnings.append(f"the weights of {', '.join(card['untrained'])} are UNTRAINED")
    if card.get("synthetic"):
        warnings.append("the model was fitted on SYNTHETIC patients and says nothing about real ones")
    return warnings


def _within(value: float, limits: list[float]) -> bool:
    slack = 1e-9 * max(1.0, abs(limits[0]), abs(limits[1]))
    return limits[0] - slack <= value <= limits[1] + slack


def _some(found: list[str]) -> str:
    more = len(found) - SHOWN
    return "; ".join(found[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
