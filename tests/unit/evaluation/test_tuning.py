"""Nested tuning: its rules by hand, its shared work, and its guard."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression

from gliomics.errors import LeakageError
from gliomics.evaluation.cross_validation.tuning import (
    balanced_threshold,
    choose_simplest_within_one_se,
    log_losses,
    tune_and_fit,
)
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.recipes import Candidate, score_each
from gliomics.learning.registry import ESTIMATORS
from gliomics.learning.sample import Sample
from gliomics.learning.selection.ranking import RankedSelector
from gliomics.learning.settings import TuningSettings

SETTINGS = TuningSettings()
NOBODY = LeakageGuard(())


def sample(n_long, n_short, columns=6, signal=0.0, seed=0):
    """Column 0 is the row's own number, so that a spy knows whom it is shown."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.r_[np.ones(n_long, np.int64), np.zeros(n_short, np.int64)])
    X = rng.normal(size=(len(y), columns)) + signal * y[:, None]
    X[:, 0] = np.arange(len(y))
    return Sample(np.array([f"P{row}" for row in range(len(y))], dtype=object), X, y)


class Spy(TransformerMixin, BaseEstimator):
    """Leaves the rows as they are and notes who they were."""

    seen: list[tuple[str, frozenset[int]]] = []  # noqa: RUF012

    def fit(self, X, y=None):
        Spy.seen.append(("preprocessing", frozenset(X[:, 0].astype(int))))
        return self

    def transform(self, X):
        return X


class SpySelector(RankedSelector):
    def fit(self, X, y):
        Spy.seen.append(("selector", frozenset(X[:, 0].astype(int))))
        super().fit(X, y)
        self.order_ = np.r_[0, self.order_[self.order_ != 0]]
        return self


class SpyClassifier(LogisticRegression):
    def fit(self, X, y):
        Spy.seen.append(("estimator", frozenset(X[:, 0].astype(int))))
        return super().fit(X, y)


def spy_steps():
    return [("spy", Spy())]


def spy_selector(k):
    return SpySelector(k=k)


def spy_classifier(candidate):
    return SpyClassifier(C=candidate.C, max_iter=2000)


SPYING = replace(
    ESTIMATORS["ranked_logistic"],
    preprocessing=spy_steps,
    selector=spy_selector,
    classifier=spy_classifier,
    small_sample_candidates=(Candidate(C=1e-4, k=2), Candidate(C=1e-4, k=4)),
    inner_scores=score_each,
)


def tuned(train, recipe=ESTIMATORS["logistic"], settings=SETTINGS, guard=NOBODY):
    return tune_and_fit(recipe, train, settings, np.random.default_rng(0), guard)


def test_log_loss_by_hand():
    losses = log_losses(np.array([1, 0]), np.array([[0.5, 0.5], [0.8, 0.1]]))
    np.testing.assert_allclose(losses, -np.log([[0.5, 0.5], [0.8, 0.9]]))
    assert np.isfinite(log_losses(np.array([1, 0]), np.array([[0.0, 1.0]]))).all()


def test_one_standard_error_toward_the_simplest():
    best = np.array([0.1, 0.3, 0.2, 0.2])
    allowed = 0.2 + best.std(ddof=1) / 2
    assert choose_simplest_within_one_se(np.array([best + 9, np.full(4, allowed - 1e-9), best])) == 1
    assert choose_simplest_within_one_se(np.array([best + 9, np.full(4, allowed + 1e-9), best])) == 2


def test_the_threshold_is_as_good_as_any(rng):
    y = np.repeat([0, 1], [9, 21])
    for _ in range(20):
        scores = np.round(rng.normal(size=30) + 0.7 * y, 1)
        best = max(
            (scores[y == 1] >= cut).mean() + (scores[y == 0] < cut).mean() for cut in np.r_[scores, np.inf]
        )
        cut = balanced_threshold(y, scores)
        found = (scores[y == 1] >= cut).mean() + (scores[y == 0] < cut).mean()
        assert found == pytest.approx(best) or best == pytest.approx(1.0)


def test_equal_scores_leave_the_prevalence_as_threshold():
    assert balanced_threshold(np.array([1, 1, 1, 0]), np.full(4, 0.3)) == 0.75


@pytest.mark.parametrize(("n_short", "inner_folds"), [(2, 0), (3, 0), (4, 2), (7, 3), (10, 5), (30, 5)])
def test_number_of_inner_folds(n_short, inner_folds):
    assert tuned(sample(40, n_short)).inner_folds == inner_folds


@pytest.mark.parametrize("name", ESTIMATORS)
def test_too_few_patients_get_the_default_and_the_prevalence(name):
    fitted = tuned(sample(12, 3), ESTIMATORS[name])
    assert fitted.candidate == ESTIMATORS[name].default
    assert fitted.threshold == 0.8


def test_noise_gets_the_simplest_candidate_and_strong_signal_a_more_flexible_one():
    noise = tuned(sample(60, 30, seed=3))
    assert noise.candidate == ESTIMATORS["logistic"].candidates[0]
    signal = tuned(sample(200, 200, signal=1.5))
    assert signal.candidate.C > noise.candidate.C


def test_shared_work_is_done_once_a_split():
    Spy.seen = []
    tuned(sample(20, 8), SPYING)
    counts = Counter(part for part, _ in Spy.seen)
    assert counts == {"preprocessing": 4 + 1, "selector": 4 + 1, "estimator": 2 * 4 + 1}


def test_every_inner_fit_sees_its_own_training_rows_only():
    Spy.seen = []
    train = sample(20, 8)
    tuned(train, SPYING)
    everybody = frozenset(range(28))
    inner = [rows for _, rows in Spy.seen if rows != everybody]
    held_out = {everybody - rows for rows in inner}
    assert len(held_out) == 4
    assert sum(map(len, held_out)) == 28
    assert frozenset().union(*held_out) == everybody
    assert [part for part, rows in Spy.seen if rows == everybody] == [
        "preprocessing",
        "selector",
        "estimator",
    ]


@pytest.mark.parametrize(("n_short", "part"), [(8, "preprocessing"), (3, "threshold")])
def test_the_guard_stops_a_fit_that_is_given_a_test_patient(n_short, part):
    with pytest.raises(LeakageError, match=f"fit of {part}: .*got P5"):
        tuned(sample(20, n_short), guard=LeakageGuard(["P5", "Q1"]))


class Recorder(LeakageGuard):
    """Lets everybody pass and notes which parts asked."""

    parts: list[str] = []  # noqa: RUF012

    def check(self, part, ids):
        Recorder.parts.append(part)

    def also(self, held_out):
        return self


def test_every_part_asks_the_guard():
    Recorder.parts = []
    tuned(sample(20, 8), ESTIMATORS["ranked_logistic"], guard=Recorder(()))
    inner = ["preprocessing", "selector", "inner estimator"]
    assert Recorder.parts == inner * 4 + ["threshold", "preprocessing", "selector", "estimator"]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_constant_and_empty_columns_do_no_harm(name):
    train = sample(20, 8)
    train.X[:, 1] = np.nan
    train.X[:, 2] = 7.0
    train.X[:26, 3] = np.nan
    fitted = tuned(train, ESTIMATORS[name])
    other = sample(5, 5, seed=1).X
    scores = fitted.score(other)
    assert np.isfinite(scores).all()
    other[:, 1:3] = 1e6
    np.testing.assert_allclose(fitted.score(other), scores, atol=1e-9)
