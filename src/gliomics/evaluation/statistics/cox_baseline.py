"""The Cox baseline: age, sex and grade, fitted in the folds on labelled and censored patients alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.evaluation.arms import ArmTable, assemble_arm
from gliomics.evaluation.statistics.survival_curves import ridge_cox_coefficients
from gliomics.evaluation.statistics.survival_scores import SurvivalScores
from gliomics.learning.estimators.encoding import TableEncoder
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.preprocessing import impute_and_scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.evaluation.arms import Block
    from gliomics.evaluation.settings import SurvivalSettings
    from gliomics.evaluation.statistics.censoring import FollowUp

COX_ARM = "clinical"
"""The arm whose predictors the baseline uses and beside which it is reported."""


def baseline_beside(
    arm: str,
    eligible: pd.DataFrame,
    blocks: Mapping[str, Block],
    follow_up: FollowUp | None,
    settings: SurvivalSettings,
) -> SurvivalScores | str | None:
    """Compute the baseline beside the arm whose predictors it uses; None beside any other arm.

    Parameters
    ----------
    arm : str
        The arm that is evaluated.
    eligible : DataFrame
        Patients of the population, the censored included.
    blocks : mapping of str to DataFrame or EmbeddingBlock
        Feature tables.
    follow_up : FollowUp or None
        Survival and folds.
    settings : SurvivalSettings
        Penalty and the fewest deaths.

    Returns
    -------
    SurvivalScores, str or None
        See `cox_baseline`.
    """
    table = None if arm != COX_ARM or follow_up is None else assemble_arm(arm, eligible, blocks)
    if follow_up is None or not isinstance(table, ArmTable):
        return None
    return cox_baseline(table.X, follow_up, settings)


def cox_baseline(X: pd.DataFrame, follow_up: FollowUp, settings: SurvivalSettings) -> SurvivalScores | str:
    """Score every eligible patient by ridge-penalised Cox models that did not see them.

    The binary arms cannot learn from the censored; a Cox model can. Imputation, scaling and the model are
    fitted on all eligible patients outside the fold, with their survival times.

    Parameters
    ----------
    X : DataFrame
        Clinical predictors of eligible patients, indexed by subject_id, sorted.
    follow_up : FollowUp
        Survival and folds; patients without it are left out.
    settings : SurvivalSettings
        Penalty and the fewest deaths.

    Returns
    -------
    SurvivalScores or str
        The log hazard of every patient in every repeat, or why there is none.

    Raises
    ------
    LeakageError
        If a fit is given a patient of the fold, labelled or censored.

    References
    ----------
    Cox, J R Stat Soc B 34:187, 1972; Verweij and van Houwelingen, Stat Med 13:2427, 1994 (the penalty).
    """
    X = X[X.index.isin(follow_up.ids)]
    ids = X.index.to_numpy(dtype=object)
    rows = np.searchsorted(follow_up.ids.astype(str), ids.astype(str))
    died = follow_up.died[rows]
    if int(died.sum()) < settings.min_deaths:
        return f"{int(died.sum())} deaths, {settings.min_deaths} needed"
    values = TableEncoder([str(column) for column in X.columns]).transform(X)
    repeats = tuple(sorted(follow_up.fold))
    risk = np.empty((len(repeats), len(ids)))
    for row, repeat in enumerate(repeats):
        fold = follow_up.fold[repeat][rows]
        for number in np.unique(fold):
            test = np.flatnonzero(fold == number)
            train = np.flatnonzero(fold != number)
            if int(died[train].sum()) < 2:
                return f"repeat {repeat}, fold {number} leaves {int(died[train].sum())} deaths to learn from"
            guard = LeakageGuard(ids[test])
            known = (ids[train], values[train], follow_up.days[rows[train]], died[train])
            found = fold_risk(known, values[test], guard, settings.cox_penalty)
            if found is None:
                return f"the fit of repeat {repeat}, fold {number} did not converge"
            risk[row, test] = found
    return SurvivalScores(rows, risk, np.zeros(risk.shape, dtype=bool), repeats, follow_up)


def fold_risk(
    train: tuple[NDArray[np.object_], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]],
    X: NDArray[np.float64],
    guard: LeakageGuard,
    penalty: float,
) -> NDArray[np.float64] | None:
    """Fit the Cox model of a fold and give the log hazard of its patients.

    Parameters
    ----------
    train : tuple of array
        Ids, predictors, days and deaths of the patients outside the fold.
    X : array of float, shape (m, p)
        Predictors of the fold's patients, missing as NaN.
    guard : LeakageGuard
        Knows the fold's patients.
    penalty : float
        See `gliomics.evaluation.statistics.survival_curves.ridge_cox_coefficients`.

    Returns
    -------
    array of float, shape (m,), or None
        None when the fit did not converge. Relative to the mean of the training patients.

    Raises
    ------
    LeakageError
        If one of the training rows belongs to a patient of the fold.
    """
    ids, known, days, died = train
    guard.check("preprocessing of the Cox baseline", ids)
    for _, step in impute_and_scale():
        known = step.fit(known).transform(known)
        X = step.transform(X)
    guard.check("Cox baseline", ids)
    coefficients = ridge_cox_coefficients(known, days, died, penalty)
    return None if coefficients is None else np.asarray(X @ coefficients, dtype=np.float64)
