"""Survival figures: against scikit-survival, with the censored counted, and guarded."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sksurv.compare import compare_survival
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv

from gliomics.compute import ComputeSettings
from gliomics.errors import LeakageError
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.cases import arm_design
from gliomics.evaluation.cross_validation.out_of_fold import fold_model, score_everybody
from gliomics.evaluation.cross_validation.unlabelled import unlabelled_rows
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.results import CENSORED_COLUMNS
from gliomics.evaluation.settings import ModellingSettings, SurvivalSettings
from gliomics.evaluation.statistics.censoring import FollowUp
from gliomics.evaluation.statistics.cox_baseline import cox_baseline, fold_risk
from gliomics.evaluation.statistics.survival_curves import (
    at_risk_by_year,
    hazard_ratio,
    kaplan_meier_curve,
    log_rank,
    ridge_cox_coefficients,
)
from gliomics.evaluation.statistics.survival_scores import SurvivalScores, within_fold_concordance
from gliomics.evaluation.summary import summarise
from gliomics.learning.guard import LeakageGuard
from tasks import TASK

HORIZON = 730.5
SETTINGS = ModellingSettings(bootstrap={"n": 100}, permutation_control={"n": 2})


def survival(n=150, seed=4):
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    death = rng.exponential(900 * np.exp(-0.8 * risk))
    censoring = rng.exponential(2500, size=n)
    return risk, np.minimum(death, censoring) + 1.0, death <= censoring


def scored(risk, days, died, folds):
    ids = np.array([f"P{row:03d}" for row in range(len(days))], dtype=object)
    follow_up = FollowUp(ids, days, died, dict(enumerate(folds)), HORIZON)
    risks = np.stack([risk] * len(folds))
    return SurvivalScores(
        np.arange(len(days)), risks, np.zeros(risks.shape, dtype=bool), tuple(range(len(folds))), follow_up
    )


def reference(kind, patients, train, test):
    risk, days, died = patients
    everybody = Surv.from_arrays(died, days)
    if kind == "harrell_c":
        return concordance_index_censored(died[test], days[test], risk[test])[0]
    if kind == "uno_c":
        return concordance_index_ipcw(everybody[train], everybody[test], risk[test], tau=HORIZON)[0]
    return cumulative_dynamic_auc(everybody[train], everybody[test], risk[test], [HORIZON])[0][0]


@pytest.mark.parametrize("kind", ["harrell_c", "uno_c", "cumulative_dynamic_auc"])
def test_concordance_is_the_mean_of_scikit_survivals_in_every_fold(kind, rng):
    risk, days, died = survival()
    oldest = np.argsort(days)[
        -3:
    ]  # the reference wants no test patient followed longer than any training one
    folds = [rng.permutation(150) % 3 for _ in range(2)]
    for fold in folds:
        fold[oldest] = [0, 1, 2]
    expected = []
    for fold in folds:
        for number in range(3):
            test = np.flatnonzero((fold == number) & (days < days[oldest].min()))
            train = np.flatnonzero(fold != number)
            expected.append((number, reference(kind, (risk, days, died), train, test)))
    scores = scored(risk, days, died, folds)
    kept = days < days[oldest].min()
    scores = replace(
        scores, rows=scores.rows[kept], risk=scores.risk[:, kept], called_long=scores.called_long[:, kept]
    )
    found = within_fold_concordance(scores, kind, np.ones((1, 150)))[0]
    assert found == pytest.approx(np.mean([value for _, value in expected]), abs=1e-12)


def test_ties_in_time_and_risk_are_treated_as_scikit_survival_treats_them(rng):
    risk, days, died = survival(80)
    risk, days = np.round(risk), np.ceil(days / 100)
    found = within_fold_concordance(
        scored(risk, days, died, [np.zeros(80, int)]), "harrell_c", np.ones((1, 80))
    )
    assert found[0] == pytest.approx(concordance_index_censored(died, days, risk)[0], abs=1e-12)


@pytest.mark.parametrize("kind", ["harrell_c", "uno_c", "cumulative_dynamic_auc"])
def test_a_resample_counts_patients_as_if_their_rows_were_repeated(kind, rng):
    risk, days, died = survival(60)
    fold = rng.permutation(60) % 3
    times = rng.integers(0, 3, size=60)
    weighted = within_fold_concordance(scored(risk, days, died, [fold]), kind, times[None].astype(float))
    rows = np.repeat(np.arange(60), times)
    repeated = scored(risk[rows], days[rows], died[rows], [fold[rows]])
    assert weighted[0] == pytest.approx(
        within_fold_concordance(repeated, kind, np.ones((1, len(rows))))[0], abs=1e-12
    )


def test_curves_and_log_rank_are_scikit_survivals():
    risk, days, died = survival(60)
    days = np.ceil(days)
    curve = kaplan_meier_curve(days, died, 0.95)
    times, expected = kaplan_meier_estimator(died, days)
    at = np.searchsorted(times, curve["days"][1:], side="right") - 1
    np.testing.assert_allclose(curve["survival"], [1.0, *expected[at]], atol=1e-12)
    assert curve["at_risk"] == [int((days >= day).sum()) for day in curve["days"]]
    assert all(
        low <= s <= high for low, s, high in zip(curve["low"], curve["survival"], curve["high"], strict=True)
    )
    group = risk > 0
    theirs = compare_survival(Surv.from_arrays(died, days), group)
    np.testing.assert_allclose(log_rank(days, died, group), theirs, rtol=1e-9)
    assert at_risk_by_year(np.array([100.0, 400.0, 800.0]), 800.0) == {"year": [0, 1, 2], "n": [3, 2, 1]}


def test_a_long_curve_is_thinned_and_keeps_its_last_point():
    days = np.arange(1.0, 301.0)
    curve = kaplan_meier_curve(days, np.ones(300, dtype=bool), 0.95)
    assert len(curve["days"]) <= 100
    assert (curve["days"][0], curve["days"][-1], curve["survival"][-1]) == (0.0, 300.0, 0.0)


def test_hazard_ratio_and_ridge_cox_are_scikit_survivals():
    risk, days, died = survival(100)
    days = np.ceil(days / 20)  # ties
    outcome = Surv.from_arrays(died, days)
    z = (risk - risk.mean()) / risk.std()
    theirs = CoxPHSurvivalAnalysis(ties="efron").fit(z[:, None], outcome).coef_[0]
    found = hazard_ratio(risk, days, died, 0.95)
    assert np.log(found.value) == pytest.approx(theirs, abs=1e-5)
    assert found.low < found.value < found.high
    X = np.column_stack([z, np.random.default_rng(1).normal(size=(100, 2)), np.zeros(100)])
    X[:, :3] = (X[:, :3] - X[:, :3].mean(axis=0)) / X[:, :3].std(axis=0, ddof=1)
    ridge = CoxPHSurvivalAnalysis(alpha=0.1 * 100, ties="efron").fit(X[:, :3], outcome).coef_
    ours = ridge_cox_coefficients(X, days, died, 0.1)
    np.testing.assert_allclose(ours[:3], ridge, atol=1e-4)
    assert ours[3] == 0.0


def test_a_risk_that_orders_all_deaths_has_no_hazard_ratio():
    days = np.arange(1.0, 31.0)
    assert hazard_ratio(-days, days, np.ones(30, dtype=bool), 0.95) is None


def with_survival(data, seed=3):
    """Replace the two survival times of the generated cohort by drawn ones that agree with its labels."""
    rng = np.random.default_rng(seed)
    n, benefit = len(data.cohort), data.cohort["benefit"].astype("float64").to_numpy()
    early, late = rng.uniform(50, 700, size=n), rng.uniform(740, 3000, size=n)
    died = np.where(np.isnan(benefit), False, np.where(benefit == 0, True, rng.random(n) < 0.5))
    data.cohort = data.cohort.assign(
        os_days=np.where(benefit == 1, late, early),
        death_observed=pd.array(died.astype(bool), dtype="boolean"),
    )
    return data


def evaluate(data, *, workers=1, arms=("clinical", "radiomics"), settings=SETTINGS):
    return evaluate_population(
        data.cohort,
        data.folds,
        data.blocks,
        arms=arms,
        population="all",
        settings=settings,
        seed=1,
        compute=ComputeSettings(workers=workers),
        horizon_days=HORIZON,
    )


@pytest.fixture(scope="module")
def evaluated(make_generated):
    data = with_survival(make_generated(signal=1.0))
    return data, evaluate(data)


def test_the_censored_are_scored_in_their_fold_and_have_no_label(evaluated):
    data, evaluation = evaluated
    censored = evaluation.censored
    assert {name: str(kind) for name, kind in censored.dtypes.items()} == CENSORED_COLUMNS
    expected = data.cohort.loc[data.cohort["benefit"].isna(), "subject_id"]
    for _, rows in censored.groupby(["arm", "repeat"]):
        assert sorted(rows["subject_id"]) == sorted(expected)
    joined = censored.merge(data.folds, on=["subject_id", "repeat"], suffixes=("", "_given"))
    assert (joined["fold"] == joined["fold_given"]).all()
    assert not set(evaluation.predictions["subject_id"]) & set(expected)
    assert censored.notna().all(axis=None)


def test_the_scores_of_the_labelled_do_not_know_of_the_censored(evaluated):
    data, evaluation = evaluated
    labelled_only = replace(data, cohort=data.cohort[data.cohort["benefit"].notna()])
    without = evaluate(labelled_only)
    assert without.censored.empty
    assert_frame_equal(evaluation.predictions, without.predictions)


def test_figures_count_the_censored_and_are_json(evaluated):
    data, evaluation = evaluated
    found = summarise(evaluation, SETTINGS, seed=1, task=TASK)["arms"]
    json.dumps(found, allow_nan=False)
    for arm in ("clinical", "radiomics"):
        figures = found[arm]["survival"]
        assert (figures["n"], figures["n_censored_before_cutoff"], figures["n_eligible_not_scored"]) == (
            50,
            6,
            0,
        )
        for kind in ("harrell_c", "uno_c", "cumulative_dynamic_auc"):
            assert figures[kind]["low"] <= figures[kind]["value"] <= figures[kind]["high"]
            assert figures[kind]["value"] > 0.55, "the planted signal"
        assert figures["cumulative_dynamic_auc"]["value"] == pytest.approx(
            found[arm]["censoring"]["ipcw_auc"]
        )
        hazard = figures["hazard_ratio_per_sd"]
        assert hazard["low"] < hazard["value"] < hazard["high"]
        groups = figures["kaplan_meier"]["groups"]
        assert groups["called_long"]["n"] + groups["called_short"]["n"] == 50
        assert 0 <= figures["log_rank"]["p_value"] <= 1
    assert found["clinical"]["survival"]["cox_baseline"]["harrell_c"]["value"] > 0.5
    assert found["clinical"]["survival"]["cox_baseline"]["n"] == 50
    assert "cox_baseline" not in found["radiomics"]["survival"]
    others = data.cohort["os_days"].where(data.cohort["benefit"].notna(), 725.0)
    longer = evaluate(replace(data, cohort=data.cohort.assign(os_days=others)), arms=("clinical",))
    moved = summarise(longer, SETTINGS, seed=1, task=TASK)["arms"]["clinical"]
    assert moved["auc"] == found["clinical"]["auc"]
    assert moved["survival"]["harrell_c"] != found["clinical"]["survival"]["harrell_c"]


def test_neither_workers_nor_order_change_a_byte_of_the_censored(evaluated, tmp_path):
    data, evaluation = evaluated
    shuffled = replace(data, cohort=data.cohort.iloc[::-1], folds=data.folds.iloc[::-1])
    again = evaluate(shuffled, workers=2)
    for name, one in (("first", evaluation), ("second", again)):
        one.censored.to_parquet(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    figures = [
        {arm: facts["survival"] for arm, facts in summarise(one, SETTINGS, seed=1, task=TASK)["arms"].items()}
        for one in (evaluation, again)
    ]
    assert json.dumps(figures[0]) == json.dumps(figures[1])


def test_small_numbers_are_called_not_estimable(evaluated):
    _, evaluation = evaluated
    strict = SETTINGS.model_copy(update={"survival": SurvivalSettings(min_deaths=40)})
    hazard = summarise(evaluation, strict, seed=1, task=TASK)["arms"]["clinical"]["survival"][
        "hazard_ratio_per_sd"
    ]
    assert hazard["status"].startswith("not estimable: ")
    assert hazard["status"].endswith(" deaths, 40 needed")
    X = pd.DataFrame({"age_years": [1.0, 2.0]}, index=["A", "B"])
    few = FollowUp(np.array(["A", "B"], object), np.ones(2), np.ones(2, bool), {0: np.arange(2)}, HORIZON)
    assert cox_baseline(X, few, SETTINGS.survival) == "2 deaths, 10 needed"


def test_the_guard_stops_a_cox_model_that_is_given_a_censored_test_patient():
    risk, days, died = survival(30)
    ids = np.array([f"P{row}" for row in range(30)], dtype=object)
    died[7] = False
    train = ids, risk[:, None], days, died
    with pytest.raises(LeakageError, match=r"fit of preprocessing of the Cox baseline: .*got P7"):
        fold_risk(train, risk[:2, None], LeakageGuard(["P7"]), 0.1)


def test_the_guard_stops_a_fit_that_is_given_a_censored_patient_of_its_fold(evaluated):
    data, _ = evaluated
    patients = data.cohort[data.cohort["benefit"].notna()]
    censored = data.cohort[data.cohort["benefit"].isna()]
    table = assemble_arm("clinical", patients, data.blocks)
    labels = patients.set_index("subject_id")["benefit"]
    design = arm_design(table, labels, data.folds, SETTINGS, 1)
    others = unlabelled_rows(table, censored, data.blocks, data.folds, design.repeats)
    design = replace(design, unlabelled=others)
    _, scores = score_everybody(design, None, [0], compute=ComputeSettings(workers=1))
    assert sorted(scores["subject_id"]) == sorted(others.ids)
    fold = int(others.folds[0][0])
    outsider = next(s for s, f in zip(design.sample.ids, design.folds[0], strict=True) if f != fold)
    taught = replace(others, ids=np.array([outsider, *others.ids[1:]], dtype=object))
    with pytest.raises(LeakageError, match=f"got {outsider}"):
        fold_model(replace(design, unlabelled=taught), 0, fold)
