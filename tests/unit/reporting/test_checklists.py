"""The checklists are whole, and no yes is unearned."""

from __future__ import annotations

import copy
from dataclasses import replace

import pandas as pd
import pytest

from gliomics.reporting.checklists.checklist import CHECKLISTS, RULES, checklist_items, fill_checklists
from report_cases import maps_of_three, small_run


@pytest.fixture(scope="module")
def filled() -> pd.DataFrame:
    return fill_checklists(small_run())


def answers(table: pd.DataFrame, checklist: str) -> dict[str, str]:
    part = table[table["checklist"] == checklist]
    return dict(zip(part["item"], part["answer"], strict=True))


@pytest.mark.parametrize(("name", "number"), [("CLEAR", 58), ("METRICS", 30)])
def test_items_are_numbered_as_published(name, number):
    assert [item["item"] for item in checklist_items(name)] == [str(k) for k in range(1, number + 1)]


def test_tripod_ai_has_27_items_and_their_parts():
    items = [item["item"] for item in checklist_items("TRIPOD+AI")]
    assert len(items) == len(set(items)) == 52
    assert {int(item.rstrip("abcdefg")) for item in items} == set(range(1, 28))
    assert [item for item in items if item.startswith("12")] == [f"12{part}" for part in "abcdefg"]


def test_every_rule_exists_and_is_named_by_an_item():
    named = {item["rule"] for name in CHECKLISTS for item in checklist_items(name)} - {""}
    assert named == set(RULES)


def test_every_yes_has_evidence_and_what_has_no_rule_is_open(filled):
    assert set(filled["answer"]) <= {"yes", "no", "open", "n/a"}
    assert filled.loc[filled["answer"] != "open", "evidence"].str.len().min() > 0
    assert answers(filled, "CLEAR")["8"] == "open"  # ethics: nothing a run can know


def test_what_the_run_did_is_yes_and_what_it_did_not_is_no(filled):
    clear, metrics = answers(filled, "CLEAR"), answers(filled, "METRICS")
    assert [clear[item] for item in ("15", "18", "40", "41", "45", "47")] == ["yes"] * 6
    assert clear["42"] == "no"  # no arm combines imaging with clinical records
    assert clear["31"] == "no"  # no stability in this run
    assert clear["21"] == "open"  # the features were not extracted by this run
    assert (metrics["26"], metrics["27"], metrics["4"]) == ("no", "no", "no")  # the cohort is synthetic


def test_several_sites_of_real_patients_are_multi_centre():
    run = small_run()
    run.metrics["synthetic"] = False
    assert answers(fill_checklists(run), "METRICS")["4"] == "yes"


def test_a_run_that_evaluated_nothing_earns_no_yes_about_models():
    run = small_run()
    run.metrics["populations"]["treated"] = {
        "status": "refused",
        "reason": "one class is empty",
        "arms": {},
        "outcome": "o",
        "n": 3,
        "n_long": 3,
        "n_short": 0,
        "n_eligible": 3,
        "n_censored": 0,
        "n_folds": 5,
        "repeats": 2,
    }
    filled = fill_checklists(replace(run, predictions=run.predictions.iloc[:0], subgroups=None, errors=None))
    by_item = answers(filled, "METRICS")
    assert "yes" not in {by_item[item] for item in ("15", "18", "20", "21", "22", "24", "25")}


def test_what_a_run_explained_and_filtered_is_no_longer_denied():
    run = small_run()
    assert RULES["explainability"](run).word == "no"
    assert RULES["robust_features"](run).word == "no"
    mapped = replace(run, grad_cam=maps_of_three())
    assert "Grad-CAM" in RULES["explainability"](mapped).evidence
    none_made = replace(run, grad_cam=maps_of_three(reason="no patient has vectors of a network"))
    assert RULES["explainability"](none_made).word == "no"
    metrics = copy.deepcopy(run.metrics)
    arms = metrics["populations"][metrics["primary_population"]]["arms"]
    arms["radiomics"]["stability_filter"] = {"status": "applied"}
    assert RULES["robust_features"](replace(run, metrics=metrics)).word == "yes"


def test_the_mode_of_validation_decides_what_counts_as_external():
    run = small_run()
    assert RULES["external_testing"](run).word == "no"
    outside = replace(run, metrics={**run.metrics, "validation": "external:demo"})
    assert RULES["external_testing"](outside).word == "yes"
    assert (
        "each site"
        in RULES["testing_technique"](
            replace(run, metrics={**run.metrics, "validation": "leave_one_site_out"})
        ).evidence
    )
