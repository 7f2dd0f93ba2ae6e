"""The orders of the permutation control."""

from __future__ import annotations

import numpy as np

from gliomics.cohort.permutations import permutation_orders


def test_orders_are_permutations_and_depend_on_the_seed_and_their_number():
    orders = permutation_orders(30, 6, seed=1)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(30), (6, 1)))
    assert len({tuple(order) for order in orders}) == 6
    np.testing.assert_array_equal(orders[:2], permutation_orders(30, 2, seed=1))
    assert (orders != permutation_orders(30, 6, seed=2)).any()
