"""Cross-validation: who trains and who is scored, and that nobody is both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from sklearn.base import BaseEstimator, TransformerMixin

from gliomics.cohort.permutations import permutation_orders
from gliomics.compute import ComputeSettings
from gliomics.errors import LeakageError
from gliomics.evaluation.cross_validation.out_of_fold import (
    CrossValidation,
    columns_empty_in_training,
    cross_validate,
    untrainable_fold,
)
from gliomics.learning.registry import ESTIMATORS
from gliomics.learning.sample import Sample
from gliomics.learning.settings import TuningSettings

ONE = ComputeSettings(workers=1)


class RowSpy(TransformerMixin, BaseEstimator):
    """Notes which rows (column 0 is the row's number) it is fitted on and which it is asked to transform."""

    fits: list[set[int]] = []  # noqa: RUF012
    asked: list[set[int]] = []  # noqa: RUF012

    def fit(self, X, y=None):
        RowSpy.fits.append(set(X[:, 0].astype(int)))
        return self

    def transform(self, X):
        RowSpy.asked.append(set(X[:, 0].astype(int)))
        return X / 40.0


def spy_steps():
    return [("spy", RowSpy())]


def design(recipe="logistic", n=40, repeats=2, **changes) -> CrossValidation:
    rng = np.random.default_rng(3)
    y = np.repeat(np.array([0, 1], np.int64), [n // 4, n - n // 4])
    X = np.column_stack([np.arange(n), rng.normal(size=(n, 4))])
    ids = np.array([f"P{row:03d}" for row in range(n)], dtype=object)
    folds = {repeat: (rng.permutation(n) % 5).astype(np.int64) for repeat in range(repeats)}
    base = CrossValidation(Sample(ids, X, y), folds, ESTIMATORS[recipe], TuningSettings(), seed=1)
    return replace(base, **changes)


def test_every_patient_is_scored_once_a_repeat_in_the_own_fold():
    one = design()
    table = cross_validate(one, None, [0, 1], compute=ONE)
    assert len(table) == 80
    assert (table["permutation"] == 0).all()
    for repeat, rows in table.groupby("repeat"):
        assert list(rows["subject_id"]) == list(one.sample.ids)
        np.testing.assert_array_equal(rows["fold"], one.folds[repeat])
        np.testing.assert_array_equal(rows["y_true"], one.sample.y)
    assert table["y_score"].between(0, 1).all()
    assert table.groupby(["repeat", "fold"])["threshold"].nunique().eq(1).all()


def test_no_part_is_ever_fitted_on_a_patient_of_the_fold_that_is_scored():
    RowSpy.fits, RowSpy.asked = [], []
    one = design(recipe="logistic", repeats=1)
    one = replace(one, recipe=replace(one.recipe, preprocessing=spy_steps))
    cross_validate(one, None, [0], compute=ONE)
    test_sets = [set(np.flatnonzero(one.folds[0] == fold)) for fold in range(5)]
    for rows in RowSpy.fits:
        assert any(rows.isdisjoint(test) for test in test_sets)
    outer = [rows for rows in RowSpy.fits if any(rows == set(range(40)) - test for test in test_sets)]
    assert len(outer) == 5
    assert all(test in RowSpy.asked for test in test_sets)


def test_the_guard_fires_when_a_patient_sits_in_two_folds():
    one = design()
    twice = one.sample.ids.copy()
    first, second = (np.flatnonzero(one.folds[0] == fold)[0] for fold in (0, 1))
    twice[second] = twice[first]
    with pytest.raises(LeakageError, match=f"fit of preprocessing: .*got {twice[first]}"):
        cross_validate(replace(one, sample=replace(one.sample, ids=twice)), None, [0], compute=ONE)


def test_a_permutation_moves_feature_rows_and_leaves_labels_and_folds():
    RowSpy.fits, RowSpy.asked = [], []
    one = design(repeats=1)
    one = replace(one, recipe=replace(one.recipe, preprocessing=spy_steps))
    order = permutation_orders(40, 1, seed=2)
    table = cross_validate(one, order, [0], compute=ONE)
    assert (table["permutation"] == 1).all()
    assert list(table["subject_id"]) == list(one.sample.ids)
    np.testing.assert_array_equal(table["y_true"], one.sample.y)
    np.testing.assert_array_equal(table["fold"], one.folds[0])
    for fold in range(5):
        assert set(order[0][one.folds[0] == fold]) in RowSpy.asked


def test_the_identity_permutation_gives_the_observed_scores_when_nothing_is_drawn():
    """Below four minority patients in training nothing is tuned, so that no random number is used."""
    few = design(n=12, repeats=1)
    observed = cross_validate(few, None, [0], compute=ONE)
    identity = cross_validate(few, np.arange(12)[None], [0], compute=ONE)
    assert_frame_equal(observed.drop(columns="permutation"), identity.drop(columns="permutation"))


def test_progress_adds_up():
    done: list[int] = []
    cross_validate(design(), permutation_orders(40, 3, seed=1), [0, 1], compute=ONE, on_done=done.append)
    assert sum(done) == 3 * 2 * 5


def test_a_fold_that_holds_a_whole_class_is_named():
    one = design(repeats=1)
    assert untrainable_fold(one) is None
    clustered = {0: np.where(one.sample.y == 0, 3, 1)}
    assert untrainable_fold(replace(one, folds=clustered)).startswith(
        "repeat 0, fold 1 leaves only one class"
    )


def test_columns_without_a_value_in_some_training_set_are_counted():
    one = design()
    one.sample.X[:, 1] = np.nan
    only_in_fold_0 = one.folds[0] == 0
    one.sample.X[~only_in_fold_0, 2] = np.nan
    one.sample.X[1:, 3] = np.nan
    one.sample.X[:30, 4] = np.nan
    assert columns_empty_in_training(one) == 3
