"""The meta-model against a general optimiser, the stacked classifier against its parts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from gliomics.learning.fusion.stacking import StackedLogistic, block_weights


def by_optimiser(odds, y):
    """The same objective by L-BFGS-B with bounds, one candidate."""
    spread = odds.std(axis=1)
    scaled = odds / spread[:, None]

    def loss(beta):
        eta = beta[0] + beta[1:] @ scaled
        value = (np.logaddexp(0, eta) - y * eta).sum() + 0.5 * (beta[1:] ** 2).sum()
        residual = expit(eta) - y
        return value, np.r_[residual.sum(), scaled @ residual + beta[1:]]

    bounds = [(None, None)] + [(0, None)] * len(odds)
    best = minimize(loss, np.zeros(len(odds) + 1), jac=True, bounds=bounds, tol=1e-14).x
    return np.r_[best[0], best[1:] / spread]


@pytest.mark.parametrize("b", [2, 3])
def test_weights_are_those_of_a_bounded_optimiser(rng, b):
    y = np.repeat([0, 1], [8, 22])
    odds = rng.normal(size=(6, b, 30)) + np.linspace(-1.0, 1.0, 6)[:, None, None] * y
    found = block_weights(odds, y)
    for one, weights in zip(odds, found, strict=True):
        np.testing.assert_allclose(weights, by_optimiser(one, y), atol=1e-4)
    assert (found[:, 1:] >= 0).all()
    assert (found[0, 1:] == 0).all()
    assert (found[-1, 1:] > 0).all()


def test_a_block_that_says_the_same_of_everybody_counts_nothing(rng):
    y = np.repeat([0, 1], 15)
    odds = np.stack([np.full(30, 0.7), rng.normal(size=30) + y])[None]
    assert block_weights(odds, y)[0, 1] == 0.0
    assert block_weights(odds[:, :1], y)[0] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_the_scale_of_a_block_does_not_change_its_say(rng):
    y = np.repeat([0, 1], 20)
    odds = rng.normal(size=(1, 2, 40)) + y
    grown = odds * np.array([100.0, 1.0])[None, :, None]
    plain, scaled = block_weights(odds, y)[0], block_weights(grown, y)[0]
    assert scaled == pytest.approx(plain / [1.0, 100.0, 1.0])


def test_it_is_the_weighted_sum_of_its_blocks_log_odds(rng):
    X = rng.normal(size=(50, 5))
    y = (X[:, 0] - X[:, 3] + rng.normal(size=50) > 0).astype(int)
    blocks = np.array([0, 1, 0, 1, 0])
    fused = StackedLogistic(0.3, tuple(blocks), (0.4, 1.7), -0.2).fit(X, y)
    expected = np.full(50, -0.2)
    for number, weight in enumerate((0.4, 1.7)):
        own = X[:, blocks == number]
        expected += weight * LogisticRegression(C=0.3, tol=1e-10).fit(own, y).decision_function(own)
    np.testing.assert_allclose(fused.decision_function(X), expected, atol=1e-4)
    np.testing.assert_allclose(X @ fused.coef_[0] + fused.intercept_[0], fused.decision_function(X))
    np.testing.assert_allclose(fused.predict_proba(X)[:, 1], expit(expected), atol=1e-4)
    np.testing.assert_array_equal(fused.predict(X), (expected > 0).astype(int))
