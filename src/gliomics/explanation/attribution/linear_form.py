"""A fitted pipeline whose log-odds are linear in the original columns, written out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from gliomics.learning.fusion.block_pca import BlockwisePCA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    Pull: TypeAlias = Callable[[Any, NDArray[np.float64]], tuple[NDArray[np.float64], float]]


@dataclass(frozen=True)
class LinearForm:
    """Log-odds = intercept + weights . x, x being a row with its gaps filled by the pipeline's imputer.

    Attributes
    ----------
    weights : array of float, shape (p,)
        One an original column, in log-odds per unit of the column.
    intercept : float
        Log-odds of a row of zeros.
    """

    weights: NDArray[np.float64]
    intercept: float


def filled(pipeline: Pipeline, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the imputer's values where a row has gaps; the columns stay the original ones.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; its first step may be a `SimpleImputer`.
    X : array of float, shape (n, p)
        Original columns, missing as NaN.

    Returns
    -------
    array of float, shape (n, p)
        Without gaps when the pipeline imputes.
    """
    first = pipeline.steps[0][1]
    if not isinstance(first, SimpleImputer):
        return X
    values: NDArray[np.float64] = first.transform(np.full((1, X.shape[1]), np.nan))[0]
    return np.where(np.isnan(X), values, X)


def linear_form(pipeline: Pipeline) -> LinearForm | None:
    """Carry the coefficients of a linear classifier back through all steps to the original columns.

    Scaling, selection and principal components are affine, so the back-projection is exact: whatever stands
    in the pipeline, a column gets one weight.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; classifies long survival as 1.

    Returns
    -------
    LinearForm or None
        None when the classifier is not linear in its inputs, or a step is none that is known to be affine.

    References
    ----------
    PROTOCOL 8, "linear after PCA: exact back-projection".
    """
    classifier = pipeline.steps[-1][1]
    if getattr(classifier, "kernel", "linear") != "linear" or not hasattr(classifier, "coef_"):
        return None
    weights = np.asarray(classifier.coef_, dtype=np.float64)[0]
    intercept = float(np.ravel(classifier.intercept_)[0])
    for _, step in reversed(pipeline.steps[:-1]):
        pull = _pull_of(step)
        if pull is None:
            return None
        weights, moved = pull(step, weights)
        intercept += moved
    return LinearForm(weights, intercept)


def original_columns(pipeline: Pipeline) -> NDArray[np.intp] | None:
    """Name the original column behind each input of the classifier, or None where columns were mixed."""
    width = pipeline.steps[0][1].n_features_in_
    columns: NDArray[np.intp] = np.arange(width)
    for _, step in pipeline.steps[:-1]:
        kept = _kept(step)
        if kept is None and not isinstance(step, SimpleImputer | StandardScaler):
            return None
        columns = columns if kept is None else columns[kept]
    return columns


def _kept(step: Any) -> NDArray[np.intp] | None:
    """Columns that a selector keeps, in the order of its result; None for a step that is no selector."""
    if hasattr(step, "order_"):
        return np.asarray(step.order_, dtype=np.intp)
    return np.asarray(step.get_support(indices=True)) if isinstance(step, SelectorMixin) else None


def _pull_of(step: Any) -> Pull | None:
    if _kept(step) is not None:
        return _through_selection
    return next((pull for kind, pull in _PULLS.items() if isinstance(step, kind)), None)


def _through_selection(step: Any, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    before = np.zeros(step.n_features_in_)
    before[_kept(step)] = weights
    return before, 0.0


def _through_imputation(step: Any, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:  # noqa: ARG001
    return weights, 0.0


def _through_scaling(step: Any, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    before = weights if step.scale_ is None else weights / step.scale_
    return before, 0.0 if step.mean_ is None else -float(before @ step.mean_)


def _through_block_pca(step: Any, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    before = step.loadings_ @ weights
    return before, -float(before @ step.mean_)


def _through_pca(step: Any, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    divided = weights / np.sqrt(step.explained_variance_) if step.whiten else weights
    before = step.components_.T @ divided
    return before, -float(before @ step.mean_)


_PULLS: Mapping[type, Pull] = {
    SimpleImputer: _through_imputation,
    StandardScaler: _through_scaling,
    BlockwisePCA: _through_block_pca,
    PCA: _through_pca,
}
"""How the weights of a step's outputs become weights of its inputs, and what that adds to the intercept."""
