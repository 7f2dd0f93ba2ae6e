"""Scoring rows of features with a fitted arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.errors import FeatureTableError

if TYPE_CHECKING:
    from gliomics.prediction.final_model import FinalModel


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
        ``probability`` of surviving 24 months (0 to 1), ``threshold`` and ``decision`` (1 = at or above
        it); the index is that of `rows`.

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
    probability = model.pipeline.predict_proba(rows.reindex(columns=columns))[:, 1]
    threshold = float(model.card["threshold"])
    return pd.DataFrame(
        {
            "probability": probability,
            "threshold": np.full(len(rows), threshold),
            "decision": (probability >= threshold).astype("int64"),
        },
        index=rows.index,
    )
