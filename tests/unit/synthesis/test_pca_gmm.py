"""The sampler: scikit-learn's contract, PROTOCOL 7's rules, plausible values, same seed same rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gliomics.errors import ValidationDesignError
from gliomics.synthesis.pca_gmm import PcaGmmSampler, pca_gmm_sampler
from gliomics.synthesis.settings import PcaGmmSettings


@parametrize_with_checks([PcaGmmSampler(min_class=2)])
def test_it_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def table(n_long=60, n_short=30, columns=12, seed=1):
    """Volumes (never negative), one constant column, one empty column, gaps that come together."""
    rng = np.random.default_rng(seed)
    y = np.repeat([1, 0], [n_long, n_short])
    factor = rng.normal(size=(len(y), 2))
    X = np.abs(factor @ rng.normal(size=(2, columns)) + rng.normal(size=(len(y), columns)) + y[:, None])
    X[:, 3], X[:, 4] = 7.0, np.nan
    X[rng.random(len(y)) < 0.4, 5:8] = np.nan
    return X, y


def test_the_given_rows_come_first_and_the_amount_is_as_asked():
    X, y = table()
    grown, labels = PcaGmmSampler(factor=4, random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(grown[: len(X)], X)
    assert np.bincount(labels).tolist() == [180, 180]
    _, labels = PcaGmmSampler(factor=4, balance=False, random_state=0).fit_resample(X, y)
    assert np.bincount(labels).tolist() == [120, 240]


def test_values_are_plausible_and_gaps_come_in_the_patterns_of_real_rows():
    X, y = table()
    grown, labels = PcaGmmSampler(factor=6, random_state=0).fit_resample(X, y)
    drawn = grown[len(X) :]
    assert np.nanmin(drawn) >= 0
    known = ~np.isnan(X).all(axis=0)
    span = np.nanmax(X[:, known], axis=0) - np.nanmin(X[:, known], axis=0)
    assert not (drawn[:, known] > np.nanmax(X[:, known], axis=0) + 0.1 * span + 1e-9).any()
    assert (drawn[:, 3] == 7.0).all()
    assert np.isnan(drawn[:, 4]).all()
    for label in (0, 1):
        real = {tuple(row) for row in np.isnan(X[y == label])}
        made = {tuple(row) for row in np.isnan(drawn[labels[len(X) :] == label])}
        assert made <= real
        assert len(made) == len(real)


def test_the_classes_keep_their_means_and_spread():
    rng = np.random.default_rng(4)
    y = np.repeat([0, 1], [150, 250])
    X = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5)) + 2.0 * y[:, None]
    sampler = PcaGmmSampler(random_state=0).fit(X, y)
    drawn, labels = sampler.sample({0: 4000, 1: 4000})
    for label in (0, 1):
        real, made = X[y == label], drawn[labels == label]
        np.testing.assert_allclose(made.mean(axis=0), real.mean(axis=0), atol=0.25 * real.std())
        np.testing.assert_allclose(np.cov(made.T), np.cov(real.T), atol=0.25 * np.cov(real.T).max())


def test_a_small_class_gets_one_component_and_the_size_of_the_pca_is_bounded():
    X, y = table(n_long=60, n_short=7)
    sampler = PcaGmmSampler(random_state=0).fit(X, y)
    assert sampler.n_components_[0] == 1
    assert sampler.n_dimensions_ <= 67 // 4
    assert sampler.class_counts_.tolist() == [7, 60]


def test_two_clear_clusters_get_two_components():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2)) + 12.0 * np.repeat([0, 1], 40)[:, None]
    y = np.repeat([0, 1, 0, 1], 20)
    assert PcaGmmSampler(random_state=0).fit(X, y).n_components_ == (2, 2)


def test_fewer_than_four_rows_of_a_class_are_refused():
    X, y = table(n_short=3)
    with pytest.raises(ValidationDesignError, match="at least 4 rows, got 3 of class 0"):
        PcaGmmSampler().fit(X, y)


def test_the_same_seed_draws_the_same_rows():
    X, y = table()
    draws = [PcaGmmSampler(random_state=seed).fit_resample(X, y)[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (np.nan_to_num(draws[0]) != np.nan_to_num(draws[2])).any()


def test_settings_are_the_arguments():
    made = pca_gmm_sampler(PcaGmmSettings(factor=3))
    assert made.get_params() == {**PcaGmmSampler().get_params(), "factor": 3.0}
