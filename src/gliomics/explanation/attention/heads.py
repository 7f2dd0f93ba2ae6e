"""The head of each fold: what the score gains for a unit of each column, from the arm or a stand-in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from gliomics.evaluation.blocks import VECTOR_PREFIX
from gliomics.evaluation.cross_validation.out_of_fold import fold_model
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.registry import get_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gliomics.evaluation.blocks import NetworkOrigin
    from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, FoldModel

HeadKind = Literal["arm", "surrogate"]
SURROGATE = "ranked_logistic"
"""The recipe that stands in for a classifier without a gradient."""
SCORE_COLUMNS = ("subject_id", "fold", "y_true", "y_score", "threshold", "surrogate_log_odds")


@dataclass(frozen=True)
class LinearHead:
    """Log-odds of long survival as a linear function of an arm's columns.

    Attributes
    ----------
    weights : ndarray, shape (p,)
        Log-odds for a unit of each column, on the scale of the table; 0 for a column that is not used.
    intercept : float
        Log-odds where every column is 0.
    centre, spread : ndarray, shape (p,)
        Mean and standard deviation of each column over the training patients of the fold.
    trained_on : frozenset of str
        Those patients.
    """

    weights: NDArray[np.float64]
    intercept: float
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    trained_on: frozenset[str]

    def log_odds(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score rows without gaps, shape (n, p), on the scale of log-odds."""
        scored: NDArray[np.float64] = X @ self.weights + self.intercept
        return scored


@dataclass(frozen=True)
class FoldHeads:
    """The heads of one arm in the folds of one repeat.

    Attributes
    ----------
    kind : str
        ``arm``: the arm's own classifier, exactly; ``surrogate``: a logistic regression on the same columns
        and training patients.
    repeat : int
        The repeat.
    heads : dict of int to LinearHead
        By fold.
    scores : DataFrame
        Everybody's out-of-fold score by the arm (`SCORE_COLUMNS`), and by the surrogate where there is one.
    agreement : float or None
        Spearman correlation of the surrogate's out-of-fold log-odds with the arm's scores.
    """

    kind: HeadKind
    repeat: int
    heads: dict[int, LinearHead]
    scores: pd.DataFrame
    agreement: float | None

    def of(self, subject_id: str, fold: int) -> LinearHead:
        """Give the head of a fold for a patient of that fold.

        Raises
        ------
        LeakageError
            If the patient is among those whom it was fitted on.
        """
        head = self.heads[fold]
        LeakageGuard([subject_id]).check(f"the head of repeat {self.repeat}, fold {fold}", head.trained_on)
        return head


def fold_heads(design: CrossValidation) -> FoldHeads:
    """Fit the models of the first repeat again and read their heads.

    Parameters
    ----------
    design : CrossValidation
        The arm, as `gliomics.evaluation.cases.arm_design` sets it up.

    Returns
    -------
    FoldHeads
        The arm's own heads where its classifier is linear in the columns; otherwise logistic stand-ins.

    References
    ----------
    PROTOCOL 8.
    """
    repeat = design.repeats[0]
    folds = [int(fold) for fold in np.unique(design.folds[repeat])]
    with threadpool_limits(1):
        models = {fold: fold_model(design, repeat, fold) for fold in folds}
        heads = {fold: linear_head(model) for fold, model in models.items()}
        own = {fold: head for fold, head in heads.items() if head is not None}
        if len(own) == len(folds):
            return FoldHeads("arm", repeat, own, _scores(models, {}), None)
        stand_in = replace(design, recipe=get_recipe(SURROGATE))
        surrogates = {fold: _surrogate(stand_in, repeat, fold) for fold in folds}
    scores = _scores(models, surrogates)
    return FoldHeads("surrogate", repeat, surrogates, scores, agreement_of(scores))


def linear_head(model: FoldModel) -> LinearHead | None:
    """Read the linear function that a fitted arm is, on the scale of its columns.

    Parameters
    ----------
    model : FoldModel
        Imputation, scaling, selection and a classifier.

    Returns
    -------
    LinearHead or None
        None if the classifier has no coefficients: trees, a Gaussian kernel.
    """
    *steps, (_, classifier) = model.arm.pipeline.steps
    if not hasattr(classifier, "coef_"):
        return None
    p = model.train.X.shape[1]
    basis = np.vstack([np.zeros((1, p)), np.eye(p)])
    for _, step in steps:
        basis = np.asarray(step.transform(basis))
    coefficients = np.asarray(classifier.coef_, dtype=np.float64)[0]
    at_zero = float(basis[0] @ coefficients + np.ravel(classifier.intercept_)[0]) + model.arm.shift
    known = _known(model.train.X)
    centre, spread = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    weights = (basis[1:] - basis[0]) @ coefficients
    return LinearHead(weights, at_zero, centre, spread, frozenset(model.train.ids))


def agreement_of(scores: pd.DataFrame) -> float:
    """Compute the Spearman correlation of the surrogate with the arm, over patients.

    Parameters
    ----------
    scores : DataFrame
        ``y_score`` and ``surrogate_log_odds``.

    Returns
    -------
    float
        0 where one of the two gives everybody the same score.
    """
    if scores["y_score"].nunique() < 2 or scores["surrogate_log_odds"].nunique() < 2:
        return 0.0
    return float(spearmanr(scores["y_score"], scores["surrogate_log_odds"]).statistic)


def origin_columns(
    origin: NetworkOrigin, origins: Sequence[NetworkOrigin], columns: Sequence[str]
) -> NDArray[np.intp]:
    """Find the columns that a network gave, in the order of its dimensions.

    Parameters
    ----------
    origin : NetworkOrigin
        The network and its sampling.
    origins : sequence of NetworkOrigin
        All of the arm; they decide whether the sampling is part of a column's name.
    columns : sequence of str
        Names of the arm's columns.

    Returns
    -------
    ndarray of int
        Places in `columns`.
    """
    alone = sum(other.network == origin.network for other in origins) == 1
    prefix = f"{VECTOR_PREFIX}{origin.network}_" + ("" if alone else f"{origin.sampling}_")
    return np.array(
        [
            place
            for place, name in enumerate(columns)
            if name.startswith(prefix) and name.removeprefix(prefix).isdigit()
        ],
        dtype=np.intp,
    )


def _surrogate(design: CrossValidation, repeat: int, fold: int) -> LinearHead:
    head = linear_head(fold_model(design, repeat, fold))
    if head is None:  # the recipe is a logistic regression
        raise TypeError(f"{SURROGATE} is not linear")
    return head


def _scores(models: dict[int, FoldModel], surrogates: dict[int, LinearHead]) -> pd.DataFrame:
    tables = []
    for fold, model in models.items():
        rows = pd.DataFrame(
            {
                "subject_id": model.test.ids,
                "fold": fold,
                "y_true": model.test.y,
                "y_score": model.arm.score(model.test.X),
                "threshold": model.arm.threshold,
                "surrogate_log_odds": np.nan,
            }
        )
        if fold in surrogates:
            rows["surrogate_log_odds"] = surrogates[fold].log_odds(np.nan_to_num(model.test.X))
        tables.append(rows)
    gathered = pd.concat(tables, ignore_index=True)[list(SCORE_COLUMNS)]
    return gathered.sort_values("subject_id", ignore_index=True)


def _known(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give columns without any value a 0, so that their spread is 0 and nothing warns."""
    return np.where(np.isnan(X).all(axis=0), 0.0, X)
