"""The permutation control passes an honest evaluation and fails a leaky one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression

from gliomics.cohort.splits import deal
from gliomics.errors import ValidationDesignError
from gliomics.evaluation.controls.permutation import (
    exact_null_sd,
    permutation_control,
    restrict_order,
    sparse_permutation_control,
)
from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc


def test_the_figures_by_hand():
    aucs = np.array([0.4, 0.5, 0.6, 0.7])
    control = permutation_control(lambda orders: aucs, 0.6, 10, n=4, seed=1)
    sd = np.sqrt((0.15**2 + 0.05**2) * 2 / 3)
    assert control.mean == pytest.approx(0.55)
    assert control.sd == pytest.approx(sd)
    assert control.bound == pytest.approx(0.5 + 3 * sd / 2)
    assert control.p_value == pytest.approx(3 / 5)
    assert control.passed is True
    assert (control.n, control.observed) == (4, 0.6)


@pytest.mark.parametrize(("mean", "passed"), [(0.3, True), (0.529, True), (0.531, False), (0.8, False)])
def test_only_a_mean_above_the_bound_fails(mean, passed):
    aucs = mean + 0.1 * np.resize([1.0, -1.0], 100) * np.sqrt(0.99)
    assert permutation_control(lambda orders: aucs, 0.5, 10, n=100, seed=1).passed is passed


def test_an_auc_that_cannot_be_computed_is_an_error():
    with pytest.raises(ValidationDesignError, match="got 1 of 2 permutations without one"):
        permutation_control(lambda orders: np.array([0.5, np.nan]), 0.5, 10, n=2, seed=1)


class Evaluation:
    """Five folds, the ten best of 300 columns of noise, logistic regression."""

    def __init__(self, *, leaky: bool) -> None:
        rng = np.random.default_rng(8)
        self.leaky = leaky
        self.y = np.repeat([0, 1], 30)
        self.X = rng.normal(size=(60, 300))
        self.fold = deal([np.arange(30), np.arange(30, 60)], 5, rng)

    def __call__(self, orders):
        return np.array([self.auc(self.X[order]) for order in orders])

    def auc(self, X):
        if self.leaky:  # the labels of the test rows choose the features
            X = SelectKBest(f_classif, k=10).fit_transform(X, self.y)
        score = np.empty(60)
        for number in range(5):
            test, train = self.fold == number, self.fold != number
            selector = SelectKBest(f_classif, k=10 if not self.leaky else "all").fit(X[train], self.y[train])
            model = LogisticRegression(C=0.1).fit(selector.transform(X[train]), self.y[train])
            score[test] = model.predict_proba(selector.transform(X[test]))[:, 1]
        rows = np.array([f"P{row}" for row in range(60)], dtype=object)
        scored = ScoredPatients(rows, self.y, score[None], np.full((1, 60), 0.5), self.fold[None])
        return float(within_fold_auc(scored, scored.once)[0])


@pytest.mark.parametrize("leaky", [False, True], ids=["honest", "leaky"])
def test_selecting_features_before_the_split_fails_the_control(leaky):
    evaluate = Evaluation(leaky=leaky)
    observed = evaluate.auc(evaluate.X)
    control = permutation_control(evaluate, observed, 60, n=20, seed=1)
    assert control.passed is not leaky
    assert (control.mean > 0.75) is leaky


def test_one_permutation_is_judged_by_the_exact_null():
    control = sparse_permutation_control(np.array([0.7]), 0.6, null_sd=0.1)
    assert (control.n, control.sd_source, control.passed) == (1, "exact_null", True)
    assert control.bound == pytest.approx(0.8)
    assert not sparse_permutation_control(np.array([0.85]), 0.6, null_sd=0.1).passed


def test_many_permutations_are_judged_by_their_own_sd():
    aucs = 0.5 + 0.05 * np.resize([1.0, -1.0], 20)
    control = sparse_permutation_control(aucs, 0.6, null_sd=0.4)
    assert control.sd_source == "permutations"
    assert control.sd == pytest.approx(aucs.std(ddof=1))


def test_the_exact_null_sd_is_that_of_random_scores(rng):
    y = np.repeat([0, 1], [20, 40])
    folds = [rng.permutation(60) % 5 for _ in range(2)]
    ids = np.arange(60).astype(str).astype(object)
    aucs = []
    for _ in range(3000):
        scored = ScoredPatients(ids, y, rng.normal(size=(1, 60)), np.zeros((1, 60)), folds[0][None])
        aucs.append(within_fold_auc(scored, scored.once)[0])
    assert exact_null_sd(y, folds[:1]) == pytest.approx(np.std(aucs), rel=0.05)


def test_an_order_is_restricted_to_the_patients_of_an_arm():
    drawn_over = np.array(["a", "b", "c", "d"], dtype=object)
    order = np.array([2, 3, 0, 1])
    np.testing.assert_array_equal(restrict_order(order, drawn_over, drawn_over), order)
    np.testing.assert_array_equal(
        restrict_order(order, drawn_over, np.array(["a", "b", "c"], object)), [2, -1, 0]
    )
