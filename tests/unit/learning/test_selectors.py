"""Rankings by name: equal to independent implementations, seeded, and one fit for every k."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import digamma
from sklearn.feature_selection import f_classif, mutual_info_classif

from gliomics.errors import SettingsError
from gliomics.learning.registry import get_recipe
from gliomics.learning.selection.mrmr import MrmrSelector
from gliomics.learning.selection.mutual_information import MutualInformationSelector, mutual_information
from gliomics.learning.selection.ranking import BlockwiseSelector, RankedSelector
from gliomics.learning.selection.selectors import SELECTORS, get_selector, selection_figures, with_selection
from gliomics.learning.selection.stability_selection import LassoStabilitySelector, lasso_picks
from gliomics.learning.settings import FusionSettings, SelectionSettings

QUICK = SelectionSettings(pairs=5)


@pytest.fixture
def planted(rng):
    """Columns 3, 11 and 20 of 30 carry signal, the others none."""
    y = np.repeat([0, 1], [30, 50])
    X = rng.normal(size=(80, 30))
    X[:, [3, 11, 20]] += 1.8 * y[:, None]
    return X, y


@pytest.mark.parametrize("method", sorted(SELECTORS))
def test_every_ranking_finds_a_planted_signal(planted, method):
    X, y = planted
    order = get_selector(method)(5, QUICK, 1).fit(X, y).order_
    assert {3, 11, 20} <= set(order)


@pytest.mark.parametrize("method", sorted(SELECTORS))
def test_a_shorter_ranking_is_the_start_of_a_longer_one(planted, method):
    X, y = planted
    longer = get_selector(method)(12, QUICK, 1).fit(X, y).order_
    np.testing.assert_array_equal(get_selector(method)(4, QUICK, 1).fit(X, y).order_, longer[:4])
    assert len(longer) == 12


@pytest.mark.parametrize("method", sorted(SELECTORS))
def test_no_ranking_takes_a_near_copy_a_constant_or_a_column_of_mostly_one_value(planted, method):
    X, y = planted
    mostly = np.zeros(80)
    mostly[:8] = 1.0 - y[:8]
    X = np.column_stack([X, 2.0 * X[:, 3] + 1e-6, np.full(80, 7.0), mostly])
    settings = SelectionSettings(pairs=5, max_constant_share=0.85)
    order = get_selector(method)(33, settings, 1).fit(X, y).order_
    assert len({3, 30} & set(order)) == 1
    assert not {31, 32} & set(order)
    assert 32 in get_selector(method)(33, QUICK, 1).fit(X, y).order_


@pytest.mark.parametrize("method", sorted(SELECTORS))
def test_blocks_take_turns_under_every_ranking(planted, method):
    X, y = planted
    ranking = get_selector(method)(1, QUICK, 1)
    order = BlockwiseSelector(3, (10, 20), ranking=ranking).fit(X, y).order_
    alone = [get_selector(method)(3, QUICK, 1).fit(part, y).order_ for part in (X[:, :10], X[:, 10:])]
    np.testing.assert_array_equal(order, np.column_stack([alone[0], 10 + alone[1]]).ravel())


def test_a_share_of_one_value_is_counted_exactly():
    X = np.column_stack([np.r_[np.zeros(7), 1, 2, 3], np.r_[np.zeros(8), 1, 2]]).astype(float)
    y = np.repeat([0, 1], 5)
    kept = RankedSelector(2, 1.0, max_constant_share=0.7).fit(X, y).order_
    np.testing.assert_array_equal(kept, [0])
    assert len(RankedSelector(2, 1.0, max_constant_share=0.8).fit(X, y).order_) == 2


def test_mutual_information_is_that_of_scikit_learn(planted):
    X, y = planted
    X[:, 5] = np.round(X[:, 5])
    ours = np.maximum(mutual_information(X, y, random_state=4), 0.0)
    theirs = mutual_info_classif(X, y, discrete_features=False, random_state=4)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_mutual_information_of_a_tiny_class_is_that_of_the_formula(rng):
    """Scikit-learn gets these distances by a product and loses digits: the formula is the reference."""
    y = np.repeat([0, 1], [3, 9])
    X = rng.normal(size=(12, 4))
    ours = mutual_information(X, y, neighbours=3)
    for column, found in zip(X.T, ours, strict=True):
        terms = []
        for i in range(12):
            own = np.sort(np.abs(column[y == y[i]] - column[i]))
            k = min(3, len(own) - 1)
            nearer = np.count_nonzero(np.abs(column - column[i]) < own[k])
            terms.append(digamma(12) + digamma(k) - digamma(len(own)) - digamma(nearer))
        assert found == pytest.approx(np.mean(terms), abs=1e-12)


def test_mutual_information_sees_what_anova_does_not(rng):
    y = np.repeat([0, 1], 60)
    X = rng.normal(size=(120, 8))
    X[:, 6] = np.where(y == 1, np.sign(X[:, 6]) * 3.0, 0.0) + 0.3 * rng.normal(size=120)
    assert MutualInformationSelector(1).fit(X, y).order_[0] == 6
    assert RankedSelector(1).fit(X, y).order_[0] != 6


@pytest.mark.parametrize("scheme", ["difference", "quotient"])
def test_mrmr_is_that_of_its_definition(planted, scheme):
    X, y = planted
    X[:, 4] = X[:, 3] + 0.8 * X[:, 4]
    relevance, correlation = f_classif(X, y)[0], np.abs(np.corrcoef(X, rowvar=False))
    wanted = [int(relevance.argmax())]
    while len(wanted) < 10:
        left = [j for j in range(30) if j not in wanted]
        redundancy = np.array([np.mean([correlation[j, s] for s in wanted]) for j in left])
        value = relevance[left] - redundancy
        if scheme == "quotient":
            value = relevance[left] / np.maximum(redundancy, 1 / np.sqrt(80))
        wanted.append(left[int(value.argmax())])
    np.testing.assert_array_equal(MrmrSelector(10, 1.0, scheme=scheme).fit(X, y).order_, wanted)


def test_the_mrmr_quotient_prefers_a_new_feature_to_a_better_repetition(rng):
    y = np.repeat([0, 1], 100)
    first = rng.normal(size=200) + 2.0 * y
    X = np.column_stack([first, first + 0.7 * rng.normal(size=200), rng.normal(size=200) + 1.3 * y])
    np.testing.assert_array_equal(RankedSelector(2).fit(X, y).order_, [0, 1])
    np.testing.assert_array_equal(MrmrSelector(2).fit(X, y).order_, [0, 2])


def test_the_lasso_of_orthogonal_columns_picks_the_most_correlated(rng):
    X, _ = np.linalg.qr(np.column_stack([np.ones(40), rng.normal(size=(40, 20))]))
    y = (rng.random(40) > 0.5).astype(int)
    X = X[:, 1:]
    picked = lasso_picks(X, y)
    wanted = np.argsort(-np.abs((y - y.mean()) @ X))[:4]  # ceil(sqrt(0.8 * 20)) = 4 steps
    np.testing.assert_array_equal(np.flatnonzero(picked), np.sort(wanted))


def test_stability_selection_counts_halves_and_follows_its_seed(planted):
    X, y = planted
    selector = LassoStabilitySelector(10, pairs=5, random_state=3)
    picked = selector._picked(X, y)
    assert picked.shape == (10, 30)
    unit = (X - X.mean(0)) / np.linalg.norm(X - X.mean(0), axis=0)
    relevance = selector.relevance(X, y, unit)
    np.testing.assert_array_equal(np.floor(relevance), picked.sum(axis=0))
    assert (picked[:, [3, 11, 20]].mean(axis=0) > 0.8).all()
    np.testing.assert_array_equal(
        selector.fit(X, y).order_, LassoStabilitySelector(10, pairs=5, random_state=3).fit(X, y).order_
    )
    other = LassoStabilitySelector(10, pairs=5, random_state=4)._picked(X, y)
    assert not np.array_equal(picked, other)


def test_stability_selection_on_a_half_with_no_variation_picks_nothing():
    assert not lasso_picks(np.ones((6, 3)), np.array([0, 0, 0, 1, 1, 1])).any()
    assert not lasso_picks(np.arange(12.0).reshape(6, 2), np.ones(6, dtype=int)).any()


def test_an_unknown_ranking_lists_the_valid_ones():
    with pytest.raises(SettingsError, match="anova, lasso_stability, mrmr_difference, mrmr_quotient, mutual"):
        get_selector("mutual_informatoin")


def test_a_ranking_for_a_recipe_that_selects_nothing_is_refused():
    settings = SelectionSettings(methods={"clinical": "mutual_information"})
    with pytest.raises(
        SettingsError, match="clinical: the arm's estimator must select features, got logistic"
    ):
        with_selection(get_recipe("logistic"), "clinical", settings, 1)
    assert with_selection(get_recipe("logistic"), "radiomics", settings, 1).selector is None


def test_a_recipe_takes_the_ranking_of_its_arm_and_says_so():
    settings = SelectionSettings(methods={"fusion": "mrmr_quotient"}, max_correlation=0.8)
    fused = get_recipe("fused_logistic")
    recipe = with_selection(fused.for_blocks((2, 3), FusionSettings()), "fusion", settings, 1)
    ranking = recipe.ranking(7)
    assert (ranking.k, ranking.max_correlation) == (7, 0.8)
    assert isinstance(ranking, MrmrSelector)
    assert selection_figures(recipe) == {
        "method": "mrmr_quotient",
        "by_block": True,
        "max_correlation": 0.8,
        "max_constant_share": 1.0,
    }
    reduced = fused.for_blocks((2, 3), FusionSettings(reduction="pca"))
    with pytest.raises(SettingsError, match="which selects none"):
        with_selection(reduced, "fusion", settings, 1)
    other = with_selection(get_recipe("ranked_logistic"), "radiomics", settings, 1)
    assert isinstance(other.selector(3), RankedSelector)
