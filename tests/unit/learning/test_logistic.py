"""The batch of Newton steps reaches scikit-learn's optimum."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gliomics.learning.estimators.logistic import ridge_logistic


@pytest.mark.parametrize("shift", [0.0, 1.0, 30.0], ids=["noise", "signal", "separable"])
def test_coefficients_equal_scikit_learns(rng, shift):
    y = np.repeat([0, 1, 1], 12)
    X = rng.normal(size=(36, 5)) + shift * y[:, None]
    C = np.array([0.01, 0.3, 10.0])
    beta = ridge_logistic(np.repeat(X[None], 3, axis=0), y, C)
    for found, strength in zip(beta, C, strict=True):
        model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10).fit(X, y)
        np.testing.assert_allclose(found[1:], model.coef_[0], atol=1e-6, rtol=1e-5)
        np.testing.assert_allclose(found[0], model.intercept_[0], atol=1e-6, rtol=1e-5)


def test_columns_of_zeros_get_no_weight_and_change_nothing(rng):
    y = np.repeat([0, 1], 10)
    X = rng.normal(size=(1, 20, 2))
    padded = np.concatenate([X, np.zeros((1, 20, 3))], axis=2)
    C = np.array([0.5])
    np.testing.assert_allclose(ridge_logistic(padded, y, C)[:, :3], ridge_logistic(X, y, C), atol=1e-10)
    np.testing.assert_array_equal(ridge_logistic(padded, y, C)[:, 3:], 0.0)


def test_without_columns_only_the_prevalence_is_left():
    y = np.array([0, 1, 1, 1])
    beta = ridge_logistic(np.zeros((2, 4, 0)), y, np.array([0.1, 1.0]))
    np.testing.assert_allclose(beta[:, 0], np.log(3.0))


def test_wide_designs_reach_the_same_optimum(rng):
    y = np.repeat([0, 1, 1], 6)
    X = rng.normal(size=(18, 90)) + y[:, None]
    X[:, 7] = 0.0
    C = np.array([0.001, 0.1, 10.0])
    for found, strength in zip(ridge_logistic(np.repeat(X[None], 3, axis=0), y, C), C, strict=True):
        model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10).fit(X, y)
        np.testing.assert_allclose(found[1:], model.coef_[0], atol=1e-6)
        np.testing.assert_allclose(found[0], model.intercept_[0], atol=1e-6)
        assert found[8] == 0.0


def test_a_batch_gives_each_candidate_what_it_gets_alone(rng):
    y = np.repeat([0, 1], 20)
    X = rng.normal(size=(1, 40, 4)) + 2.0 * y[None, :, None]
    C = np.array([1e-4, 1.0, 1e4])
    together = ridge_logistic(np.repeat(X, 3, axis=0), y, C)
    alone = [ridge_logistic(X, y, C[[number]])[0] for number in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
