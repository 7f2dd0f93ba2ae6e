"""A control that could not have failed is not said to hold."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.evaluation.controls.permutation import sparse_permutation_control


@pytest.mark.parametrize(
    ("n", "power", "status"), [(1, 0.15, "not informative"), (5, 0.92, "holds"), (200, 1.0, "holds")]
)
def test_power_to_see_a_leak(n: int, power: float, status: str) -> None:
    control = sparse_permutation_control(np.full(n, 0.5), 0.6, null_sd=0.127)
    if n < 20:
        assert control.power == pytest.approx(power, abs=0.015)
    assert control.status == status


def test_a_mean_above_the_bound_fails_whatever_the_power() -> None:
    assert sparse_permutation_control(np.array([0.95]), 0.6, null_sd=0.127).status == "fails"
