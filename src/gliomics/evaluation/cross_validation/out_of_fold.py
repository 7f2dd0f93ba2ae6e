"""Out-of-fold scores of one arm over repeats, folds and permutations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from gliomics.compute import is_needed, map_cases
from gliomics.evaluation.cross_validation.tuning import tune_and_fit
from gliomics.evaluation.statistics.metrics import concordance
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.sample import Sample, minority_count
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.blocks import FitKey, FoldVectors
    from gliomics.evaluation.cross_validation.preparation import Preparation
    from gliomics.evaluation.cross_validation.resampling import Resampler
    from gliomics.evaluation.cross_validation.tuning import FittedArm
    from gliomics.evaluation.cross_validation.unlabelled import Unlabelled
    from gliomics.learning.recipes import Recipe
    from gliomics.learning.settings import TuningSettings

    _OfFits = tuple[FoldVectors, Unlabelled | None] | None

FITS_PER_CALL = 20
"""Fits that one worker call makes; a call must outweigh sending the table to it."""


@dataclass(frozen=True)
class CrossValidation:
    """One arm on one population's folds: all that a fit needs to know.

    Attributes
    ----------
    sample : Sample
        Labelled patients only, sorted by id; censored patients have no place here.
    folds : mapping of int to array of int, shape (n,)
        For each repeat the fold of every patient of the sample.
    recipe : Recipe
        What is fitted.
    tuning : TuningSettings
        Limits of the nested tuning.
    seed : int
        The run's seed.
    vectors : FoldVectors or None
        Columns that follow those of the sample and that every (permutation, repeat, fold) has its own of.
    resampler : Resampler or None
        Adds synthetic rows to the training rows of every fold (Dataset 2); real patients alone are scored.
    tune : bool
        Whether there is an inner loop; without one the recipe's default is fitted.
    preparation : Preparation or None
        Stability filter and ComBat, fitted on the real training rows of every fold and inner split.
    unlabelled : Unlabelled or None
        The censored: scored by the model of the fold that they stand in, never fitted on.
    """

    sample: Sample
    folds: Mapping[int, NDArray[np.int64]]
    recipe: Recipe
    tuning: TuningSettings
    seed: int
    vectors: FoldVectors | None = None
    resampler: Resampler | None = None
    tune: bool = True
    preparation: Preparation | None = None
    unlabelled: Unlabelled | None = None

    @property
    def repeats(self) -> list[int]:
        """Numbers of the repeats, ascending."""
        return sorted(self.folds)

    def features(self, key: FitKey, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Gather the feature rows of some patients for the model of one (permutation, repeat, fold)."""
        X = self.sample.X[rows]
        return X if self.vectors is None else np.hstack([X, self.vectors.rows[key][rows]])

    @property
    def common(self) -> CrossValidation:
        """The design without what fits have of their own: what a worker is sent once."""
        return self if self.vectors is None else replace(self, vectors=None, unlabelled=None)

    def of_fits(self, fits: list[_Fit]) -> _OfFits:
        """Give what only these fits need beside what is common: what is sent with them."""
        if self.vectors is None:
            return None
        keys = {fit.key for fit in fits}
        return self.vectors.only(keys), None if self.unlabelled is None else self.unlabelled.only(keys)


@dataclass(frozen=True)
class _Fit:
    """One model to fit: train on all but one fold, score that fold."""

    permutation: int
    repeat: int
    fold: int
    order: NDArray[np.intp] | None

    @property
    def key(self) -> FitKey:
        return self.permutation, self.repeat, self.fold


def cross_validate(
    design: CrossValidation,
    orders: NDArray[np.intp] | None,
    repeats: list[int],
    *,
    compute: ComputeSettings,
    on_done: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Score every labelled patient by models that did not see them.

    Parameters
    ----------
    design : CrossValidation
        Arm, patients and folds.
    orders : array of int, shape (B, n), or None
        None scores the observed table. Otherwise row b gives, for each (label, fold) pair, the patient whose
        feature row is put there (-1: nobody's, the pair is left out), and the result carries
        ``permutation`` = b + 1.
    repeats : list of int
        The repeats to go through.
    compute : ComputeSettings
        How the fits are spread; the result is the same for any number of workers.
    on_done : callable, optional
        Called with the number of fits that were just finished.

    Returns
    -------
    DataFrame
        ``permutation`` (0 = observed), ``repeat``, ``fold``, ``subject_id``, ``y_true``, ``y_score``
        (probability of long survival), ``threshold``, ``candidate`` and ``train_auc`` (of the model on its
        own training rows), sorted by permutation, repeat and subject. For a permutation ``subject_id`` is the
        patient whose label and fold are used.

    Raises
    ------
    LeakageError
        If a fit is given a row of a patient of the fold that it will score.

    References
    ----------
    PROTOCOL 2 (nested tuning), 3 (what the scores are for) and 4 (permutations, guard).
    """
    return score_everybody(
        replace(design, unlabelled=None), orders, repeats, compute=compute, on_done=on_done
    )[0]


def score_everybody(
    design: CrossValidation,
    orders: NDArray[np.intp] | None,
    repeats: list[int],
    *,
    compute: ComputeSettings,
    on_done: Callable[[int], None] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the labelled patients, and the censored by the same models.

    Parameters
    ----------
    design, orders, repeats, compute, on_done
        As for `cross_validate`.

    Returns
    -------
    DataFrame
        Of the labelled, as `cross_validate` returns it, to the last bit.
    DataFrame
        Of the censored, with the same columns without ``y_true`` and ``train_auc``; empty where the design
        has none.

    Raises
    ------
    LeakageError
        If a fit is given a row of a patient of the fold, labelled or censored.
    """
    fits = _plan(design, orders, repeats)
    calls = [fits[start : start + FITS_PER_CALL] for start in range(0, len(fits), FITS_PER_CALL)]
    labelled, others = [], []
    work = [(design.of_fits(call), call) for call in calls]
    scored = map_cases(partial(_run, design.common), work, compute, on_lost=is_needed(_name))
    for call, (table, other) in zip(calls, scored, strict=True):
        labelled.append(table)
        others.append(other)
        if on_done is not None:
            on_done(len(call))
    order = ["permutation", "repeat", "subject_id"]
    scores, more = (pd.concat(tables, ignore_index=True) for tables in (labelled, others))
    return scores.sort_values(order, ignore_index=True), more.sort_values(order, ignore_index=True)


def untrainable_fold(design: CrossValidation) -> str | None:
    """Name the first (repeat, fold) whose training patients lack a class, or None."""
    for repeat in design.repeats:
        fold = design.folds[repeat]
        for number in np.unique(fold):
            if minority_count(design.sample.y[fold != number]) == 0:
                return f"repeat {repeat}, fold {number} leaves only one class to train on"
    return None


def columns_empty_in_training(design: CrossValidation) -> int:
    """Count the columns that hold no value in the training rows of at least one (repeat, fold)."""
    missing = np.isnan(design.sample.X)  # vectors of networks have no gaps
    empty = np.zeros(missing.shape[1], dtype=bool)
    for repeat in design.repeats:
        fold = design.folds[repeat]
        for number in np.unique(fold):
            empty |= missing[fold != number].all(axis=0)
    if design.preparation is not None and design.preparation.batch_column is not None:
        empty[design.preparation.batch_column] = False  # the batch is no feature
    return int(empty.sum())


def _plan(design: CrossValidation, orders: NDArray[np.intp] | None, repeats: list[int]) -> list[_Fit]:
    numbered = [(0, None)] if orders is None else list(enumerate(orders, start=1))
    folds = {repeat: np.unique(design.folds[repeat]) for repeat in repeats}
    return [
        _Fit(permutation, repeat, int(fold), order)
        for permutation, order in numbered
        for repeat in repeats
        for fold in folds[repeat]
    ]


def _name(work: tuple[_OfFits, list[_Fit]]) -> str:
    fits = work[1][0], work[1][-1]
    ends = (f"permutation {fit.permutation}, repeat {fit.repeat}, fold {fit.fold}" for fit in fits)
    return f"models of {' to '.join(ends)}"


def _run(common: CrossValidation, work: tuple[_OfFits, list[_Fit]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make some fits on one BLAS thread, so that no result depends on where it was computed."""
    own, fits = work
    design = common if own is None else replace(common, vectors=own[0], unlabelled=own[1])
    with threadpool_limits(1):
        scored = [_fit_and_score(design, fit) for fit in fits]
    labelled, others = (pd.concat(tables, ignore_index=True) for tables in zip(*scored, strict=True))
    return labelled, others


@dataclass(frozen=True)
class FoldModel:
    """The model of one (permutation, repeat, fold) and whom it was fitted on and scores.

    Attributes
    ----------
    arm : FittedArm
        After tuning.
    train : Sample
        Real training patients.
    test : Sample
        The patients of the fold, never seen.
    censored : tuple of array
        Ids and features of the fold's patients without a label, never seen either.
    """

    arm: FittedArm
    train: Sample
    test: Sample
    censored: tuple[NDArray[np.object_], NDArray[np.float64]]


def fold_model(
    design: CrossValidation,
    repeat: int,
    fold: int,
    *,
    permutation: int = 0,
    order: NDArray[np.intp] | None = None,
) -> FoldModel:
    """Fit the model of a fold; the same model, to the last bit, that `cross_validate` scores with.

    Parameters
    ----------
    design : CrossValidation
        Arm, patients and folds.
    repeat, fold : int
        Which fold is left out.
    permutation : int
        0 for observed labels.
    order : array of int, shape (n,), optional
        Of a permutation: whose features each patient is given, -1 for nobody's.

    Returns
    -------
    FoldModel
        The fitted arm with its training and test rows.

    Raises
    ------
    LeakageError
        If a fitted part, or the fold's network, saw a patient of the fold.
    """
    rows = np.arange(len(design.sample.y)) if order is None else order
    kept = np.flatnonzero(rows >= 0)
    rows, labels = rows[kept], design.sample.y[kept]
    key = permutation, repeat, fold
    ids, X = design.sample.ids[rows], design.features(key, rows)
    in_fold = (design.folds[repeat] == fold)[kept]
    train = Sample(ids[~in_fold], X[~in_fold], labels[~in_fold])
    censored = np.empty(0, dtype=object), X[:0]
    if design.unlabelled is not None:
        censored = design.unlabelled.rows_of(key)
    guard = LeakageGuard([*ids[in_fold], *censored[0]])
    if design.vectors is not None:
        network = f"the network of permutation {permutation}, repeat {repeat}, fold {fold}"
        guard.check(network, design.vectors.trained_on[key])
    rng = generator(design.seed, "inner folds", permutation, repeat, fold)
    arm = tune_and_fit(
        design.recipe,
        train,
        design.tuning,
        rng,
        guard,
        design.resampler,
        tune=design.tune,
        preparation=design.preparation,
    )
    return FoldModel(
        arm, train, Sample(design.sample.ids[kept][in_fold], X[in_fold], labels[in_fold]), censored
    )


def _fit_and_score(design: CrossValidation, fit: _Fit) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the labelled patients of a fold, and its censored ones, by one model."""
    model = fold_model(design, fit.repeat, fit.fold, permutation=fit.permutation, order=fit.order)
    arm = model.arm
    labelled = _scores(fit, arm, model.test.ids, model.test.X).assign(
        y_true=model.test.y,
        train_auc=concordance(model.train.y, arm.score(model.train.X)),
        inner_folds=arm.inner_folds,
        bare_inner_parts=arm.inner_parts_without_synthetic_rows,
        **({} if arm.prepared is None else arm.prepared.facts_of(model.test.X)),
    )
    return labelled, _scores(fit, arm, *model.censored)


def _scores(fit: _Fit, arm: FittedArm, ids: NDArray[np.object_], X: NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "permutation": np.int64(fit.permutation),
            "repeat": np.int64(fit.repeat),
            "fold": np.int64(fit.fold),
            "subject_id": ids,
            "y_score": arm.score(X) if len(X) else np.empty(0),
            "threshold": arm.threshold,
            "candidate": arm.candidate.label,
        }
    )
