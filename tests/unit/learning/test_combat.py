"""ComBat: neuroCombat's estimates on training rows, batches that pass, and gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from neuroCombat import neuroCombat

from gliomics.learning.harmonisation.combat import CombatHarmoniser


@pytest.fixture
def sites(rng):
    """Two small sites and a large one that shift and stretch 12 columns; the last column names the site."""
    site = np.repeat([2.0, 5.0, 7.0], [9, 14, 6])
    shift = {2.0: 1.5, 5.0: -0.5, 7.0: 3.0}
    stretch = {2.0: 0.6, 5.0: 1.0, 7.0: 2.0}
    scale = rng.uniform(0.5, 50, size=12)
    level = rng.normal(size=12) * 20
    noise = rng.normal(size=(29, 12)) + rng.normal(size=12)
    X = np.stack([(shift[s] + stretch[s] * row) for s, row in zip(site, noise, strict=True)]) * scale + level
    return np.column_stack([X, site])


def reference(X, site, capsys):
    found = neuroCombat(dat=X.T.copy(), covars=pd.DataFrame({"site": site}), batch_col="site")
    capsys.readouterr()
    return found


def test_it_equals_neurocombat_on_training_rows(sites, capsys):
    combat = CombatHarmoniser(12, range(12)).fit(sites)
    theirs = reference(sites[:, :12], sites[:, 12], capsys)
    estimates = theirs["estimates"]
    np.testing.assert_allclose(combat.gamma_, estimates["gamma.star"], rtol=1e-9)
    np.testing.assert_allclose(combat.delta_, estimates["delta.star"], rtol=1e-9)
    np.testing.assert_allclose(combat.pooled_variance_, estimates["var.pooled"].ravel(), rtol=1e-12)
    np.testing.assert_allclose(combat.grand_mean_, estimates["stand.mean"][:, 0], rtol=1e-12)
    np.testing.assert_allclose(combat.transform(sites), theirs["data"].T, rtol=1e-9)


def test_a_small_batch_and_a_row_without_one_neither_count_nor_change(sites, capsys):
    small = sites[-4:].copy()
    small[:, 12] = 9.0
    unknown = sites[:1].copy()
    unknown[:, 12] = np.nan
    table = np.vstack([sites, small, unknown])
    combat = CombatHarmoniser(12, range(12), min_batch_rows=5).fit(table)
    np.testing.assert_array_equal(combat.batches_, [2.0, 5.0, 7.0])
    done = combat.transform(table)
    np.testing.assert_array_equal(done[-5:], table[-5:, :12])
    np.testing.assert_allclose(done[:29], reference(sites[:, :12], sites[:, 12], capsys)["data"].T, rtol=1e-9)
    assert combat.unharmonised(table) == 5
    assert combat.unharmonised(np.array([[0.0] * 12 + [77.0]])) == 1


def test_sites_agree_afterwards_on_rows_that_it_did_not_see(rng):
    site = np.repeat([0.0, 1.0], 100)
    X = rng.normal(size=(200, 20)) * np.where(site == 1, 2.0, 1.0)[:, None] + 3.0 * site[:, None]
    table = np.column_stack([X, site])
    seen, unseen = table[::2], table[1::2]
    done = CombatHarmoniser(20, range(20)).fit(seen).transform(unseen)
    gap = np.abs(done[unseen[:, 20] == 1].mean(0) - done[unseen[:, 20] == 0].mean(0))
    assert gap.mean() < 0.4
    assert np.abs(unseen[50:, :20].mean(0) - unseen[:50, :20].mean(0)).mean() > 2.5


def test_only_the_named_columns_change_and_the_batch_is_gone(sites):
    table = np.insert(sites, 0, 40.0, axis=1)
    done = CombatHarmoniser(13, range(1, 11)).fit(table).transform(table)
    assert done.shape == (29, 13 - 0)
    np.testing.assert_array_equal(done[:, [0, 11, 12]], table[:, [0, 11, 12]])
    assert not np.isclose(done[:, 1:11], table[:, 1:11]).any()


def test_gaps_stay_and_the_present_values_are_those_of_a_smaller_column(sites):
    """A column with gaps gets the location and scale that its present rows alone would get."""
    sites[[0, 12], 4] = np.nan
    combat = CombatHarmoniser(12, range(12)).fit(sites)
    done = combat.transform(sites)
    np.testing.assert_array_equal(np.isnan(done[:, 4]), np.isnan(sites[:, 4]))
    present, site = sites[~np.isnan(sites[:, 4]), 4], sites[~np.isnan(sites[:, 4]), 12]
    means = {name: present[site == name].mean() for name in (2.0, 5.0, 7.0)}
    residual = present - np.array([means[name] for name in site])
    assert combat.pooled_variance_[4] == pytest.approx(np.mean(residual**2), rel=1e-12)
    assert combat.grand_mean_[4] == pytest.approx(present.mean(), rel=1e-12)


def test_columns_that_can_not_be_estimated_pass(sites):
    sites[:, 1] = 3.0
    sites[sites[:, 12] == 7.0, 2] = np.nan
    sites[:, 3] = np.nan
    sites[:, 5] = sites[:, 12] * 1e6 / 3
    combat = CombatHarmoniser(12, range(12)).fit(sites)
    np.testing.assert_array_equal(combat.columns_, [0, 4, 6, 7, 8, 9, 10, 11])
    done = combat.transform(sites)
    np.testing.assert_array_equal(done[:, [1, 2, 3, 5]], sites[:, [1, 2, 3, 5]])


@pytest.mark.parametrize("left", [[], [2.0]])
def test_with_fewer_than_two_batches_nothing_changes(sites, left):
    sites[~np.isin(sites[:, 12], left), 12] = np.nan
    combat = CombatHarmoniser(12, range(12)).fit(sites)
    np.testing.assert_array_equal(combat.transform(sites), sites[:, :12])
    assert combat.unharmonised(sites) == 29
