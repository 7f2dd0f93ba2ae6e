"""From a table with text to an array of numbers, row by row and without learning anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from gliomics.errors import FeatureTableError
from gliomics.learning.harmonisation.batches import BATCH_COLUMN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LEVELS: Mapping[str, Mapping[str, float]] = {
    "sex": {"female": 0.0, "male": 1.0},
    "idh": {"wildtype": 0.0, "mutant": 1.0},
    "codel_1p19q": {"non-codel": 0.0, "codel": 1.0},
    "mgmt": {"unmethylated": 0.0, "methylated": 1.0},
}


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a table of predictors into floats; missing and non-finite values become NaN.

    Nothing is learned from the rows: the text columns have fixed levels (`LEVELS`), so encoding all
    patients at once leaks nothing.

    Parameters
    ----------
    columns : list of str
        The columns of the result, in this order; a table without one of them is refused.
    batches : list of str or None
        Names that the batch column is numbered by; another name there becomes NaN, a batch that nobody knows.
    """

    def __init__(self, columns: list[str] | None = None, batches: list[str] | None = None) -> None:
        self.columns = columns
        self.batches = batches

    def fit(self, X: pd.DataFrame, y: Any = None) -> TableEncoder:  # noqa: ARG002
        """Learn nothing (scikit-learn's contract)."""
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Encode a table.

        Parameters
        ----------
        X : DataFrame
            Holds `columns`; others are ignored.

        Returns
        -------
        array of float, shape (n, len(columns))
            NaN where a value is missing or infinite.

        Raises
        ------
        FeatureTableError
            If a column is absent, or holds text that is not one of its levels.
        """
        columns = list(self.columns or [])
        absent = [column for column in columns if column not in X.columns]
        if absent:
            raise FeatureTableError(
                where="predictors",
                expected=f"the table must hold the {len(columns)} columns of the arm",
                got=f"no column {', '.join(absent[:5])}",
                fix="Add the column; leave its values missing where they are unknown.",
            )
        table = X.loc[:, columns]
        if BATCH_COLUMN in columns:
            table = table.assign(**{BATCH_COLUMN: _numbered(table[BATCH_COLUMN], self.batches or [])})
        texts = [c for c, dtype in table.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
        if texts:
            table = table.assign(**{str(column): _to_numbers(table[column]) for column in texts})
        encoded = table.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        encoded[~np.isfinite(encoded)] = np.nan
        return encoded

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that there is nothing to fit."""
        return True


def _numbered(column: pd.Series, names: list[str]) -> pd.Series:
    """Give each batch its place among the names."""
    places = {name: float(place) for place, name in enumerate(names)}
    numbers = [places.get(str(value), float("nan")) for value in column]
    return pd.Series(numbers, index=column.index, dtype="float64")


def _to_numbers(column: pd.Series) -> pd.Series:
    """Translate text by the column's levels; numbers, booleans and missing values stay."""
    name = str(column.name)
    levels = LEVELS.get(name, {})
    return pd.Series([_number(value, levels, name) for value in column], index=column.index, dtype="float64")


def _number(value: object, levels: Mapping[str, float], name: str) -> float:
    if pd.isna(value):  # type: ignore[call-overload]
        return float("nan")
    if isinstance(value, str):
        level = levels.get(value.strip().lower())
        if level is None:
            raise FeatureTableError(
                where=f"predictor {name}",
                expected=f"text must be one of {', '.join(levels) or '(no text is known in this column)'}",
                got=repr(value),
                fix="Write one of these values, or leave it missing.",
            )
        return level
    return float(value)  # type: ignore[arg-type]
