"""Steps before a classifier that look at no label, and the usual ranking."""

from __future__ import annotations

from typing import Any

from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from gliomics.learning.selection.ranking import RankedSelector


def impute_and_scale() -> list[tuple[str, Any]]:
    """Make the unsupervised steps: median imputation and scaling to mean 0, SD 1.

    A column that is empty in training stays, as a constant 0, and gets no weight.
    """
    return [
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
        ("scale", StandardScaler()),
    ]


def impute_and_scale_varying() -> list[tuple[str, Any]]:
    """Make the same steps without the columns that are constant in training, which a kernel would weigh."""
    impute, scale = impute_and_scale()
    return [impute, ("varying", VarianceThreshold()), scale]


def rank_features(k: int) -> RankedSelector:
    """Make the selector of the k most relevant features of a correlated panel."""
    return RankedSelector(k=k, max_correlation=0.9)
