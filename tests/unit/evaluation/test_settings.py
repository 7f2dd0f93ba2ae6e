"""Settings: bounded, closed, and the file in conf holds exactly them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gliomics.evaluation.settings import ModellingSettings

CONF = Path(__file__).parents[3] / "conf" / "base" / "modelling" / "parameters.yml"


def test_the_base_parameters_are_the_defaults_and_nothing_else():
    parameters = yaml.safe_load(CONF.read_text(encoding="utf-8"))
    assert parameters == {"modelling": ModellingSettings().model_dump(mode="json")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"bootstrap": {"n": 10}},
        {"bootstrap": {"confidence": 1.0}},
        {"permutation_control": {"n": 1}},
        {"tuning": {"max_candidates_small_sample": 7}},
        {"tuning": {"max_inner_folds": 1}},
        {"class_limits": {"min_minority": 1}},
        {"fusion": {"mode": "stack"}},
        {"fusion": {"reduction": "none"}},
        {"tunning": {}},
    ],
)
def test_out_of_bounds_and_unknown_keys_stop_the_run(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ModellingSettings(**wrong)
