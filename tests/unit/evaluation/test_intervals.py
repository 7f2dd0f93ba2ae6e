"""Intervals: over patients, stratified, the same for every arm, and wide enough."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from gliomics.evaluation.statistics.intervals import estimate, resample_patients
from gliomics.evaluation.statistics.metrics import ScoredPatients, brier, within_fold_auc


def scored(y, score):
    ids = np.array([f"P{number:03d}" for number in range(len(y))], dtype=object)
    return ScoredPatients(ids, y, score, np.full(score.shape, 0.5), np.zeros(score.shape, int))


def test_resamples_keep_class_counts_and_depend_on_the_seed_only():
    y = np.array([0, 1, 1, 0, 1, 1, 1])
    weights = resample_patients(y, 200, seed=3)
    np.testing.assert_array_equal(weights[:, y == 0].sum(axis=1), 2)
    np.testing.assert_array_equal(weights[:, y == 1].sum(axis=1), 5)
    np.testing.assert_array_equal(weights, resample_patients(y, 200, seed=3))
    assert (weights != resample_patients(y, 200, seed=4)).any()
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.25)


def test_repeats_do_not_count_as_more_patients(rng):
    y = np.repeat([0, 1], 15)
    score = rng.random((1, 30)) + 0.3 * y
    weights = resample_patients(y, 500, seed=1)
    once = estimate(within_fold_auc, scored(y, score), weights, 0.95)
    ten_times = estimate(within_fold_auc, scored(y, np.repeat(score, 10, axis=0)), weights, 0.95)
    assert (once.value, once.low, once.high) == pytest.approx(
        (ten_times.value, ten_times.low, ten_times.high)
    )
    assert once.low < once.value < once.high


def test_a_higher_confidence_is_wider(rng):
    y = np.repeat([0, 1], 15)
    one = scored(y, rng.random((1, 30)))
    weights = resample_patients(y, 500, seed=1)
    narrow, wide = (estimate(brier, one, weights, confidence) for confidence in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_resamples_without_pairs_are_left_out(rng):
    y = np.array([0, 1, 0, 1])
    one = ScoredPatients(
        np.array(list("ABCD"), dtype=object),
        y,
        np.array([[0.1, 0.9, 0.9, 0.1]]),
        np.full((1, 4), 0.5),
        np.array([[0, 0, 1, 1]]),
    )
    found = estimate(within_fold_auc, one, resample_patients(y, 100, seed=1), 0.95)
    assert (found.low, found.value, found.high) == (0.0, 0.5, 1.0)


def test_the_interval_covers_the_true_auc_about_as_often_as_it_says():
    true = norm.cdf(1.0 / np.sqrt(2.0))
    rng = np.random.default_rng(11)
    y = np.repeat([0, 1], 40)
    weights = resample_patients(y, 300, seed=2)
    found = [
        estimate(within_fold_auc, scored(y, rng.normal(size=(1, 80)) + y), weights, 0.95) for _ in range(200)
    ]
    coverage = np.mean([one.low <= true <= one.high for one in found])
    assert 0.89 <= coverage <= 0.99
