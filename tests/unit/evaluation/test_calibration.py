"""Calibration and decision curve against independent fits and hand-counted values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

from gliomics.evaluation.statistics.calibration import calibrate, calibration_lines, decision_curve
from gliomics.evaluation.statistics.intervals import resample_patients
from gliomics.evaluation.statistics.metrics import ScoredPatients, average_precision


def patients(score, y, fold=None):
    score = np.atleast_2d(score)
    ids = np.arange(len(y)).astype(str).astype(object)
    folds = np.zeros_like(score, dtype=int) if fold is None else fold
    return ScoredPatients(ids, np.asarray(y), score, np.full_like(score, 0.5), folds, (0,))


@pytest.fixture
def drawn(rng):
    odds = 1.5 * rng.normal(size=3000)
    return expit(odds), (rng.random(3000) < expit(odds)).astype(int)


def test_right_probabilities_have_slope_one_and_intercept_zero(drawn):
    score, y = drawn
    found = calibrate(patients(score, y), resample_patients(y, 200, 1), 0.95)
    assert found.slope.value == pytest.approx(1.0, abs=0.1)
    assert found.intercept.value == pytest.approx(0.0, abs=0.1)
    assert found.slope.low < 1 < found.slope.high


def test_slope_and_intercept_are_those_of_an_independent_fit(drawn):
    score, y = drawn
    odds = 2.0 * logit(score) + 0.7
    slope, intercept = calibration_lines(y, odds, np.ones((1, len(y))))
    other = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(odds[:, None], y)
    assert slope[0] == pytest.approx(other.coef_[0, 0], abs=1e-5)
    assert slope[0] == pytest.approx(0.5, abs=0.06)
    assert expit(odds + intercept[0]).mean() == pytest.approx(y.mean(), abs=1e-9)


def test_resamples_equal_repeated_rows(drawn, rng):
    score, y = drawn[0][:60], drawn[1][:60]
    weights = rng.multinomial(60, np.full(60, 1 / 60), size=1).astype(float)
    rows = np.repeat(np.arange(60), weights[0].astype(int))
    repeated = calibration_lines(y[rows], logit(score[rows]), np.ones((1, 60)))
    np.testing.assert_allclose(calibration_lines(y, logit(score), weights), repeated, atol=1e-6)


def test_few_short_survivors_are_not_estimable(rng):
    y = np.repeat([0, 1], [9, 40])
    found = calibrate(patients(rng.random(49), y), resample_patients(y, 100, 1), 0.95)
    assert (found.slope, found.intercept) == (None, None)
    assert sum(n for _, _, n in found.curve) == 49


def test_separated_classes_give_no_slope():
    y = np.repeat([0, 1], 12)
    slope, _ = calibration_lines(y, np.where(y == 1, 2.0, -2.0), np.ones((1, 24)))
    assert np.isnan(slope[0])


def test_net_benefit_by_hand():
    """Ten patients, threshold 0.5: 4 of 6 called long rightly, 1 of 4 wrongly: 4/10 - 1/10 * 1."""
    y = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1, 0.6, 0.3, 0.2, 0.1])
    curve = decision_curve(patients(score, y), np.ones((2, 10)), 0.95)
    at = curve.threshold.index(0.5)
    assert curve.net_benefit[at] == pytest.approx(0.3)
    assert curve.treat_all[at] == pytest.approx(0.6 - 0.4)
    at = curve.threshold.index(0.2)
    assert curve.net_benefit[at] == pytest.approx(0.5 - 0.3 * 0.25)
    assert curve.treat_all[at] == pytest.approx(0.6 - 0.4 * 0.25)


@pytest.mark.parametrize("event", [0, 1])
def test_average_precision_is_scikit_learns_within_a_fold(rng, event):
    from sklearn.metrics import average_precision_score

    y = rng.permutation(np.repeat([0, 1], [12, 28]))
    score = np.round(rng.random(40), 1)
    fold = (np.arange(40) % 4)[None]
    expected = [
        average_precision_score(y[fold[0] == k] == event, (2 * event - 1) * score[fold[0] == k])
        for k in range(4)
        if len(set(y[fold[0] == k])) == 2
    ]
    found = average_precision(patients(score, y, fold), np.ones((1, 40)), event)
    assert found[0] == pytest.approx(np.mean(expected))


def test_average_precision_of_five_cases_by_hand():
    """Ranked 1 0 1 0 0 from the top: the positives are found at 1/1 and 2/3; from below 0 0 1 0 1."""
    y, score = np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    found = [average_precision(patients(score, y), np.ones((1, 5)), event)[0] for event in (1, 0)]
    assert found == pytest.approx([(1 + 2 / 3) / 2, (1 + 1 + 3 / 4) / 3])


def test_the_intercept_is_that_of_a_general_optimiser(drawn):
    """Calibration in the large: slope held at 1, the log-odds as offset."""
    score, y = drawn[0][:300], drawn[1][:300]
    odds = logit(score) - 0.4
    best = minimize_scalar(lambda a: np.logaddexp(0, odds + a).sum() - (y * (odds + a)).sum(), tol=1e-10)
    assert calibration_lines(y, odds, np.ones((1, 300)))[1][0] == pytest.approx(best.x, abs=1e-5)


def test_net_benefit_is_that_of_sensitivity_and_specificity(drawn, rng):
    """Vickers and Elkin, 2006: sensitivity x prevalence - (1 - specificity) x (1 - prevalence) x odds."""
    y, scores = drawn[1][:200], [drawn[0][:200], rng.random(200)]
    curve = decision_curve(patients(np.stack(scores), y), np.ones((2, 200)), 0.95)
    share = y.mean()
    for at, cut in enumerate(curve.threshold):
        odds, expected = cut / (1 - cut), []
        for score in scores:
            called = (score >= cut).astype(int)
            sensitivity, specificity = recall_score(y, called), recall_score(y, called, pos_label=0)
            expected.append(sensitivity * share - (1 - specificity) * (1 - share) * odds)
        assert curve.net_benefit[at] == pytest.approx(np.mean(expected))
        assert curve.treat_all[at] == pytest.approx(share - (1 - share) * odds)
