"""Ranking: ANOVA order, no near-copies, no constants."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import f_classif

from gliomics.learning.selection.ranking import RankedSelector


@pytest.fixture
def labelled_columns(rng):
    y = np.repeat([0, 1], 15)
    return rng.normal(size=(30, 8)) + np.outer(y, np.linspace(0, 1.5, 8)), y


def test_without_copies_the_order_is_that_of_the_anova_f(labelled_columns):
    X, y = labelled_columns
    order = RankedSelector(k=8, max_correlation=1.0).fit(X, y).order_
    np.testing.assert_array_equal(order, np.argsort(-f_classif(X, y)[0]))


def test_a_near_copy_is_passed_over(labelled_columns, rng):
    X, y = labelled_columns
    best = int(np.argmax(f_classif(X, y)[0]))
    copied = np.column_stack([X, -3.0 * X[:, best] + 1e-3 * rng.normal(size=30)])
    order = RankedSelector(k=9, max_correlation=0.9).fit(copied, y).order_
    assert len({best, 8} & set(order)) == 1


def test_constants_are_never_taken(labelled_columns):
    X, y = labelled_columns
    X[:, 2] = 1e12 / 3
    X[:, 5] = 0.0
    assert set(RankedSelector(k=8).fit(X, y).order_).isdisjoint({2, 5})
    assert RankedSelector(k=3).fit(np.ones((30, 4)), y).transform(np.ones((30, 4))).shape == (30, 0)


def test_a_shorter_ranking_is_the_start_of_a_longer_one(labelled_columns):
    X, y = labelled_columns
    longer = RankedSelector(k=6, max_correlation=0.5).fit(X, y).order_
    np.testing.assert_array_equal(RankedSelector(k=3, max_correlation=0.5).fit(X, y).order_, longer[:3])


def test_it_must_be_fitted_first():
    with pytest.raises(NotFittedError, match="RankedSelector"):
        RankedSelector().transform(np.ones((2, 2)))
