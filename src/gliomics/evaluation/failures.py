"""What went wrong: cases that a stage could not use, and patients whom the arms misjudge most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.evaluation.results import honest_rows
from gliomics.evaluation.statistics.metrics import ScoredPatients

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTCOME_COLUMNS = ("subject_id", "stage", "status", "code", "reason")
ERROR_COLUMNS = ("arm", "rank", "subject_id", "y_true", "mean_score", "error", "wrong_share", "repeats")


def join_outcomes(stages: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the outcomes of all stages into one table.

    Parameters
    ----------
    stages : mapping of str to DataFrame
        Stage to its ``case_outcomes``: ``subject_id``, ``status`` (processed, skipped, failed), ``code``,
        ``reason``.

    Returns
    -------
    DataFrame
        Columns `OUTCOME_COLUMNS`, sorted by subject, stages in their order.
    """
    tables = [table.assign(stage=stage) for stage, table in stages.items()]
    joined = pd.concat(tables, ignore_index=True)[list(OUTCOME_COLUMNS)].astype("object")
    order = {stage: number for number, stage in enumerate(stages)}
    joined = joined.assign(order=joined["stage"].map(order))
    return joined.sort_values(["subject_id", "order"], ignore_index=True).drop(columns="order")


def worst_errors(predictions: pd.DataFrame, number: int) -> pd.DataFrame:
    """List the patients of each arm whose mean score is farthest from their label.

    Parameters
    ----------
    predictions : DataFrame
        Of one population (`gliomics.evaluation.results.PREDICTION_COLUMNS`).
    number : int
        Patients an arm.

    Returns
    -------
    DataFrame
        Columns `ERROR_COLUMNS`: ``error`` is the distance of the mean score over repeats from the label,
        ``wrong_share`` the share of repeats in which the decision at the threshold was wrong; the worst
        first, equal errors by id.
    """
    tables = [
        _of_arm(arm, honest_rows(predictions, arm), number) for arm in dict.fromkeys(predictions["arm"])
    ]
    if not tables:
        return pd.DataFrame(columns=list(ERROR_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def _of_arm(arm: str, rows: pd.DataFrame, number: int) -> pd.DataFrame:
    patients = ScoredPatients.from_predictions(rows)
    mean = patients.score.mean(axis=0)
    wrong = ((patients.score >= patients.threshold) != (patients.y == 1)).mean(axis=0)
    error = np.abs(patients.y - mean)
    order = np.argsort(-error, kind="stable")[:number]
    return pd.DataFrame(
        {
            "arm": arm,
            "rank": np.arange(1, len(order) + 1),
            "subject_id": patients.ids[order],
            "y_true": patients.y[order],
            "mean_score": mean[order],
            "error": error[order],
            "wrong_share": wrong[order],
            "repeats": len(patients.score),
        },
        columns=list(ERROR_COLUMNS),
    )
