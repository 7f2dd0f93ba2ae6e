"""The guard: names part and patient."""

from __future__ import annotations

import pytest

from gliomics.errors import LeakageError
from gliomics.learning.guard import LeakageGuard


def test_training_patients_pass():
    LeakageGuard(["A", "B"]).check("preprocessing", ["C", "D"])


def test_a_held_out_patient_stops_the_fit_by_part_and_name():
    with pytest.raises(LeakageError, match=r"fit of selector: .* got B\. Fit this part on the training rows"):
        LeakageGuard(["A", "B"]).check("selector", ["C", "B"])


def test_several_are_counted():
    with pytest.raises(LeakageError, match="got A and 1 more"):
        LeakageGuard(["A", "B"]).check("threshold", ["B", "A", "C"])


def test_an_inner_guard_holds_out_both():
    outer = LeakageGuard(["A"])
    inner = outer.also(["C"])
    for leaked in ("A", "C"):
        with pytest.raises(LeakageError, match=leaked):
            inner.check("inner estimator", [leaked, "D"])
    outer.check("estimator", ["C", "D"])
