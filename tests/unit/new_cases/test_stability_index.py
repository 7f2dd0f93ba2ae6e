"""The index by hand, and what it is when nothing has changed."""

import numpy as np
import pytest

from gliomics.model_package.training_profile import profile_column
from gliomics.new_cases.monitoring.stability_index import (
    NoChange,
    more_missing_probability,
    outside_probability,
    stability_index,
)


@pytest.mark.parametrize(
    ("training", "new", "index"),
    [
        ([10, 10], [7, 7], 0.0),
        # p = 10.5/21; q = 5.5/21 and 15.5/21: -0.2381 ln(0.5238) + 0.2381 ln(1.4762)
        ([10, 10], [5, 15], 0.2467),
        # an empty bin: q = 0.5/21 and 20.5/21: 0.4762 ln(21) + 0.4762 ln(1.9524)
        ([10, 10], [0, 20], 1.7684),
        # p = 20.5/31.5, 5.5/31.5, 5.5/31.5; q = 1/3 each
        ([20, 5, 5], [8, 8, 8], 0.4177),
    ],
)
def test_the_index_is_that_computed_by_hand(training, new, index):
    assert float(stability_index(np.array(training), np.array(new))) == pytest.approx(index, abs=2e-4)


def test_its_mean_without_change_is_the_known_one_and_grows_as_cases_get_few():
    chance = NoChange(1, 20_000)
    counts = (20,) * 10
    many, few = chance.expected(counts, 100)[0], chance.expected(counts, 10)[0]
    assert many == pytest.approx(9 * (1 / 200 + 1 / 100), rel=0.15)
    assert few > 3 * many
    assert few > 0.25, "ten cases pass the usual limit of 0.25 although nothing has changed"


@pytest.mark.parametrize(("patients", "cases"), [(26, 12), (60, 5), (200, 50)])
def test_its_probability_is_right_for_any_continuous_feature(patients, cases):
    rng, chance = np.random.default_rng(7), NoChange(1, 20_000)
    found = []
    for _ in range(400):
        drawn = np.exp(rng.normal(size=patients + cases))
        profile = profile_column(drawn[:patients])
        counts = profile.count(drawn[patients:])
        index = float(stability_index(np.array(profile.counts), counts))
        found.append(chance.probability(profile.counts, cases, index))
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.08


def test_few_draws_are_made_where_chance_is_an_explanation_and_many_where_it_is_none():
    chance = NoChange(1, 200_000)
    chance.probability((10, 10), 20, 0.01)
    assert set(chance._drawn) == {((10, 10), 20, 20_000)}
    assert chance.probability((10, 10), 20, 9.0) == pytest.approx(1 / 200_001)


def test_values_outside_the_range_have_the_beta_binomial_probability():
    assert outside_probability(2, 2, 9) == pytest.approx(2 * 3 / (10 * 11))
    assert outside_probability(0, 5, 9) == outside_probability(1, 5, 1) == 1.0


def test_missing_values_have_fishers_probability():
    assert more_missing_probability(5, 5, 0, 5) == pytest.approx(1 / 252)
    assert more_missing_probability(0, 5, 3, 5) == 1.0


def test_a_profile_holds_bins_of_five_patients_or_more_and_knows_ties_and_gaps():
    assert profile_column(np.arange(26.0)).counts == (5, 5, 6, 5, 5)
    assert profile_column(np.arange(300.0)).counts == (30,) * 10
    coded = profile_column(np.array([2.0] * 9 + [3.0] * 4 + [np.nan]))
    assert (coded.counts, coded.edges, coded.missing) == ((9, 4), (2.5,), 1)
    assert coded.count(np.array([1.0, 2.0, 3.0, 9.0])).tolist() == [2, 2]
    skewed = profile_column(np.r_[np.zeros(40), np.arange(1.0, 21.0)])
    assert sum(skewed.counts) == 60 and skewed.counts[0] == 40 and 0 not in skewed.counts
    nothing = profile_column(np.full(4, np.nan))
    assert (nothing.known, nothing.counts, nothing.low) == (0, (), None)
    single = profile_column(np.ones(8))
    assert (single.edges, single.counts) == ((), (8,))
