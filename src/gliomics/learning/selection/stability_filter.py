"""Leaving out columns that follow the segmentation, judged on training patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import ArrayLike, NDArray


@runtime_checkable
class StabilityJudge(Protocol):
    """Names the stable columns on some patients; it comes from outside, learning measures no image."""

    def __call__(self, subjects: Collection[str]) -> frozenset[str] | None:
        """Name the columns that are stable on these patients alone, or None where they are too few."""


class BlankColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Make some columns missing in every row, so that the next steps see a column without a value.

    Such a column is imputed as a constant and never selected. It keeps its place, so that blocks stay where
    they are and an explanation on the original columns gives it nothing.

    Parameters
    ----------
    columns : sequence of int
        The columns that are left out.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in `fit`.
    """

    def __init__(self, columns: Sequence[int] = ()) -> None:
        self.columns = columns

    def fit(self, X: ArrayLike, y: Any = None) -> BlankColumns:  # noqa: ARG002
        """Learn the number of columns."""
        validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Blank the columns, shape (n, p)."""
        table = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        blanked: NDArray[np.float64] = table.copy()
        blanked[:, np.asarray(self.columns, dtype=np.intp)] = np.nan
        return blanked
