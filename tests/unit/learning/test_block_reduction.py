"""Each block is reduced by itself: ranking or principal components, learned once and cut at any length."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from gliomics.learning.fusion.block_pca import BlockwisePCA
from gliomics.learning.selection.ranking import BlockwiseSelector, RankedSelector

SIZES = (30, 3, 45)


@parametrize_with_checks([BlockwisePCA(k=2)])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.fixture
def blocks(rng):
    return rng.normal(size=(40, sum(SIZES))), np.repeat([0, 1], 20)


@pytest.mark.parametrize("n", [40, 200])
def test_components_are_those_of_scikit_learn_over_the_sd_of_the_first(rng, n):
    X = rng.normal(size=(n, sum(SIZES)))
    found = BlockwisePCA(k=5, sizes=SIZES).fit(X)
    for number, (start, end) in {0: (0, 30), 2: (33, 78)}.items():
        plain = PCA(5, svd_solver="full").fit(X[:, start:end])
        theirs = plain.transform(X[:, start:end]) / plain.transform(X[:, start:end])[:, 0].std()
        ours = found.transform(X)[:, found.block_ == number]
        np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-8)
        assert ours[:, 0].std() == pytest.approx(1.0)


def test_a_block_has_no_more_components_than_a_quarter_of_the_rows_and_a_narrow_one_is_left_alone(blocks):
    X, _ = blocks
    found = BlockwisePCA(k=40, sizes=SIZES).fit(X[:22])
    assert list(np.bincount(found.block_)) == [5, 3, 5]
    narrow = found.transform(X)[:, found.block_ == 1]
    np.testing.assert_allclose(narrow, X[:, 30:33] - X[:22, 30:33].mean(axis=0))
    assert set(found.turn_[found.block_ == 1]) == {0}


def test_rank_and_constants_bound_the_components(rng):
    X = np.hstack([rng.normal(size=(80, 2)) @ rng.normal(size=(2, 20)), np.ones((80, 15))])
    found = BlockwisePCA(k=9, sizes=(20, 15)).fit(X)
    assert list(found.block_) == [0, 0]
    assert np.isfinite(found.transform(X)).all()


@pytest.mark.parametrize("reducer", [BlockwisePCA, BlockwiseSelector])
def test_the_first_turns_of_a_longer_reduction_are_the_shorter_one(blocks, reducer):
    X, y = blocks
    longer = reducer(8, SIZES).fit(X, y)
    shorter = reducer(3, SIZES).fit(X, y).transform(X)
    np.testing.assert_allclose(longer.transform(X)[:, longer.turn_ < 3], shorter, atol=1e-12)
    assert (np.diff(longer.turn_) >= 0).all()


def test_each_block_keeps_its_own_best_columns(blocks):
    X, y = blocks
    found = BlockwiseSelector(k=4, sizes=SIZES).fit(X, y)
    for number, (start, end) in enumerate([(0, 30), (30, 33), (33, 78)]):
        own = start + RankedSelector(k=4).fit(X[:, start:end], y).order_
        np.testing.assert_array_equal(found.order_[found.block_ == number], own)
    assert list(np.bincount(found.block_)) == [4, 3, 4]


@pytest.mark.parametrize("reducer", [BlockwisePCA, BlockwiseSelector])
def test_it_must_be_fitted_first(reducer):
    with pytest.raises(NotFittedError, match=reducer.__name__):
        reducer().transform(np.ones((2, 2)))
