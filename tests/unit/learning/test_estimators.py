"""Recipes: ordered candidates, one batch equal to the plain way."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.errors import SettingsError
from gliomics.evaluation.cross_validation.tuning import tune_and_fit
from gliomics.evaluation.statistics.metrics import concordance
from gliomics.learning.estimators.logistic import l2_logistic
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.recipes import Candidate, score_each
from gliomics.learning.registry import ESTIMATORS, get_recipe, score_ridge_together
from gliomics.learning.sample import Sample
from gliomics.learning.settings import TuningSettings


@pytest.mark.parametrize("name", ESTIMATORS)
def test_candidates_go_from_simple_to_flexible(name):
    recipe = ESTIMATORS[name]
    for candidates in (recipe.candidates, recipe.small_sample_candidates):
        flexibility = [(c.k or 0, c.C or 0, *(-value for _, value in c.own)) for c in candidates]
        assert flexibility == sorted(set(flexibility))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_small_sample_has_at_most_six_candidates(name):
    recipe, settings = ESTIMATORS[name], TuningSettings()
    assert 2 <= len(recipe.competing(19, settings)) <= 6
    assert recipe.competing(20, settings) == recipe.candidates
    few = TuningSettings(max_candidates_small_sample=2)
    assert recipe.competing(19, few) == recipe.small_sample_candidates[:2]


@pytest.mark.parametrize("name", ["logistic", "ranked_logistic"])
def test_the_batch_scores_as_the_plain_way_does(name, rng):
    y = np.repeat([0, 1, 1], 10)
    train, validation = rng.normal(size=(30, 40)) + 0.5 * y[:, None], rng.normal(size=(7, 40))
    candidates = ESTIMATORS[name].candidates
    plain = score_each(train, y, validation, candidates, l2_logistic)
    np.testing.assert_allclose(
        score_ridge_together(train, y, validation, candidates, l2_logistic), plain, atol=1e-6
    )


def test_fewer_columns_than_a_candidate_asks_for_are_all_used(rng):
    y = np.repeat([0, 1], 10)
    train, validation = rng.normal(size=(20, 3)), rng.normal(size=(4, 3))
    scores = score_ridge_together(train, y, validation, [Candidate(0.1, 3), Candidate(0.1, 10)], l2_logistic)
    np.testing.assert_array_equal(scores[0], scores[1])


def test_labels_of_candidates():
    assert Candidate(0.03).label == "C=0.03"
    assert Candidate(1.0, 5).label == "k=5 C=1"
    assert Candidate(k=5, own=(("leaf", 20),)).label == "k=5 leaf=20"


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_recipe_finds_a_planted_signal_and_scores_by_probability(name, rng):
    y = np.repeat([0, 1], [60, 80])
    X = rng.normal(size=(140, 12))
    X[:, :3] += 1.5 * y[:, None]
    train = Sample(np.arange(140).astype(str).astype(object), X, y)
    fitted = tune_and_fit(
        ESTIMATORS[name].untuned(), train, TuningSettings(max_inner_folds=2), rng, LeakageGuard(())
    )
    fresh = rng.normal(size=(200, 12))
    fresh[:100, :3] += 1.5
    score = fitted.score(fresh)
    assert ((score > 0) & (score < 1)).all()
    assert concordance(np.repeat([1, 0], 100), score) > 0.85


def test_an_unknown_recipe_lists_the_valid_ones():
    with pytest.raises(SettingsError, match=r"elastic_net, .*svm_rbf, got 'forest'"):
        get_recipe("forest")
