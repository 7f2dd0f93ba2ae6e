"""The summary: JSON, finite, sorted, and computable again from the predictions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from gliomics.compute import ComputeSettings
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.statistics.intervals import INTERVAL_NOTE
from gliomics.evaluation.summary import summarise
from tasks import TASK


def evaluate(data, settings, population="all", arms=("clinical", "radiomics", "clinical_molecular")):
    return evaluate_population(
        data.cohort,
        data.folds,
        data.blocks,
        arms=arms,
        population=population,
        settings=settings,
        seed=1,
        compute=ComputeSettings(workers=1),
    )


@pytest.fixture
def summary(generated, quick):
    return summarise(evaluate(generated, quick), quick, seed=1, task=TASK)


def test_it_is_json_with_sorted_keys_and_finite_numbers(summary):
    text = json.dumps(summary, allow_nan=False)
    assert text == json.dumps(summary, allow_nan=False, sort_keys=True)


def test_it_says_what_was_predicted_on_whom_and_what_the_interval_omits(summary):
    assert summary["outcome"] == "24-month survival (surrogate for chemotherapy benefit)"
    assert summary["interval_note"] == INTERVAL_NOTE
    assert "omit the variability of training" in INTERVAL_NOTE
    counts = {key: summary[key] for key in ("n", "n_long", "n_short", "n_censored", "n_eligible", "status")}
    assert counts == {
        "n": 44,
        "n_long": 30,
        "n_short": 14,
        "n_censored": 6,
        "n_eligible": 50,
        "status": "evaluated",
    }


def test_an_evaluated_arm_has_every_figure_inside_its_interval(summary):
    arm = summary["arms"]["radiomics"]
    for metric in ("auc", "balanced_accuracy", "brier", "sensitivity", "specificity"):
        assert arm[metric]["low"] <= arm[metric]["value"] <= arm[metric]["high"]
    assert (arm["n"], arm["n_long"], arm["n_short"]) == (44, 30, 14)
    assert 0 < arm["average_precision"]["value"] <= 1
    assert arm["average_precision"]["chance"] == pytest.approx(14 / 44)
    assert arm["calibration"]["status"] == "estimated"
    assert len(arm["decision_curve"]["threshold"]) == 19
    assert (arm["folds_used"], arm["folds_skipped"]) == (10, 0)
    assert sum(arm["candidates"].values()) == 10
    assert set(arm["permutation_control"]) == {
        "n",
        "mean",
        "sd",
        "sd_source",
        "bound",
        "passed",
        "power",
        "observed_auc",
        "p_value",
        "status",
    }


def test_what_the_censored_may_change_is_computed_where_survival_is_known(generated, quick):
    more = {"horizon_days": 730.5}
    evaluation = evaluate_population(
        generated.cohort,
        generated.folds,
        generated.blocks,
        arms=["clinical"],
        population="all",
        settings=quick,
        seed=1,
        compute=ComputeSettings(workers=1),
        **more,
    )
    found = summarise(evaluation, quick, seed=1, task=TASK)["arms"]["clinical"]
    assert found["censoring"]["status"] == "computed"
    assert found["censoring"]["naive_auc"] == pytest.approx(found["auc"]["value"])
    assert found["censoring"]["largest_weight"] >= 1
    without = summarise(evaluate(generated, quick), quick, seed=1, task=TASK)["arms"]["clinical"]["censoring"]
    assert without["status"] == "not computed"


def test_arms_are_compared_as_a_family(summary):
    compared = summary["comparisons"]["radiomics_vs_clinical"]
    assert compared["low"] <= compared["difference"] <= compared["high"]
    assert compared["p_holm"] >= compared["p_value"] > 0
    assert (compared["n"], compared["repeats"]) == (44, 2)


def test_a_skipped_arm_carries_its_reason(summary):
    skipped = summary["arms"]["clinical_molecular"]
    assert skipped == {"status": "skipped", "reason": "no patient has a value of idh, codel_1p19q, mgmt, kps"}


def test_the_auc_is_the_mean_of_the_folds_own(generated, quick):
    evaluation = evaluate(generated, quick)
    observed = evaluation.predictions.query("arm == 'clinical' and permutation == 0")
    folds = [roc_auc_score(f["y_true"], f["y_score"]) for _, f in observed.groupby(["repeat", "fold"])]
    found = summarise(evaluation, quick, seed=1, task=TASK)["arms"]["clinical"]["auc"]["value"]
    assert found == pytest.approx(np.mean(folds))


def test_a_refused_population_carries_its_reason(make_generated, quick):
    refused = summarise(evaluate(make_generated(30, 5), quick, "treated"), quick, seed=1, task=TASK)
    assert refused["status"] == "refused"
    assert refused["reason"].startswith("the smaller class has 3 patients")
    assert refused["arms"] == {}
    json.dumps(refused, allow_nan=False)


def test_arms_share_their_resamples(generated, quick):
    """An arm with the same predictions as another gets the same intervals, so differences are paired."""
    evaluation = evaluate(generated, quick, arms=["clinical"])
    both = pd.concat([evaluation.predictions, evaluation.predictions.assign(arm="radiomics")])
    facts = evaluation.arms["clinical"]
    twins = replace(evaluation, predictions=both, arms={"clinical": facts, "radiomics": facts})
    arms = summarise(twins, quick, seed=1, task=TASK)["arms"]
    assert arms["clinical"] == arms["radiomics"]
    assert arms["clinical"]["auc"] != summarise(twins, quick, seed=2, task=TASK)["arms"]["clinical"]["auc"]
