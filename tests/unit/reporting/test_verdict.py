"""The verdict follows the figures, whatever they are."""

from __future__ import annotations

import pytest

from gliomics.reporting.verdict import question, skill_words, verdict
from report_cases import small_run


def run_with(auc=None, control=None, comparison=None):
    run = small_run()
    arms = run.facts["arms"]
    if auc is not None:
        arms["radiomics"]["auc"] = dict(zip(("value", "low", "high"), auc, strict=True))
    if control is not None:
        arms["clinical"]["permutation_control"]["status"] = "holds"
        arms["radiomics"]["permutation_control"]["status"] = control
    if comparison is not None:
        run.facts["comparisons"]["radiomics_vs_clinical"] |= comparison
    return run


@pytest.mark.parametrize(
    ("auc", "says"),
    [
        ((0.6, 0.4, 0.8), "the interval includes 0.5: no demonstrated skill"),
        ((0.34, 0.2, 0.49), "the interval lies below 0.5: no demonstrated skill"),
        ((0.7, 0.5, 0.8), "the interval includes 0.5: no demonstrated skill"),
        ((0.8, 0.7, 0.9), "the interval lies above 0.5"),
    ],
)
def test_skill_is_what_the_interval_says(auc, says):
    assert verdict(run_with(auc=auc))[0].endswith(f"{says}.")
    assert "Radiomics: AUC" in verdict(run_with(auc=auc))[0]


def test_without_an_interval_there_is_no_skill():
    assert skill_words({"value": 0.9, "low": None, "high": None}) == "no interval: no demonstrated skill"


def test_a_failed_control_is_the_verdict_on_controls():
    assert "Permuted labels FAIL in Radiomics" in verdict(run_with(control="fails"))[2]
    assert "in 2 of 2 arms" in verdict(run_with(control="holds"))[2]
    assert "in 1 of 2 arms (not covered: Radiomics)" in verdict(run_with(control="not covered"))[2]


@pytest.mark.parametrize(
    ("comparison", "says"),
    [
        ({"difference": 0.2, "low": 0.1, "high": 0.3, "p_holm": 0.01}, "imaging adds"),
        ({"difference": -0.2, "low": -0.3, "high": -0.1, "p_holm": 0.01}, "imaging is worse"),
        ({"difference": 0.2, "low": 0.1, "high": 0.3, "p_holm": 0.2}, "no demonstrated difference"),
        ({"difference": 0.2, "low": -0.1, "high": 0.3, "p_holm": 0.01}, "no demonstrated difference"),
    ],
)
def test_imaging_adds_only_what_the_test_and_the_interval_show(comparison, says):
    assert says in verdict(run_with(comparison=comparison))[1]


def test_a_refused_evaluation_has_a_verdict_too():
    run = small_run()
    run.metrics["populations"]["treated"] = {
        "status": "refused",
        "reason": "one class is empty",
        "arms": {},
        "outcome": "o",
        "population": "treated",
        "n": 3,
        "n_long": 3,
        "n_short": 0,
    }
    assert verdict(run) == ("Nothing could be evaluated: one class is empty.",)


def test_the_question_names_what_the_data_cannot_show():
    assert "730.5 days" in question(small_run())
    assert "cannot show benefit" in question(small_run())
