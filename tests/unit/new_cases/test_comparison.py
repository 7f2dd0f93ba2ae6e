"""New cases beside training patients: silent when nothing has changed, and not when it has."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from gliomics.model_package.training_profile import TrainingProfile, profile_column, profile_training
from gliomics.new_cases.monitoring.comparison import NewCases, compare, facts
from gliomics.new_cases.monitoring.page import monitoring_page, summary
from gliomics.new_cases.monitoring.settings import MonitoringSettings

SETTINGS = MonitoringSettings(draws=100_000)
COLUMNS = (*(f"f{n}" for n in range(30)), "region_present__et")
USED = frozenset({"f0", "f1"})
CARD = {
    "arm": "radiomics",
    "outcome": "survival",
    "probability": "12-month survival",
    "synthetic": True,
    "untrained": [],
}


def patients(rng, n: int, shift: float = 0.0) -> np.ndarray:
    """Features that go together, as those of images do, and a region that one in eight lacks."""
    common = rng.normal(size=(n, 1))
    values = shift + common + 0.5 * rng.normal(size=(n, len(COLUMNS) - 1))
    return np.c_[values, (np.arange(n) % 8 > 0).astype(float)]


def trained(rng, n: int = 60) -> TrainingProfile:
    values = patients(rng, n)
    profile = profile_training(COLUMNS, values, rng.random(n))
    return profile.model_copy(update={"out_of_fold": profile_column(rng.random(n))})


def incoming(values: np.ndarray, scores=None, failed: int = 0) -> NewCases:
    outcomes = [(f"C{n:02d}", "processed", "") for n in range(len(values))]
    outcomes += [(f"Q{n:02d}", "failed", "flair must be there, got none") for n in range(failed)]
    scores = np.random.default_rng(3).random(len(values)) if scores is None else scores
    return NewCases(COLUMNS, values, scores, USED, outcomes=tuple(outcomes))


def limits(comparison) -> set[str]:
    return {alarm.limit for alarm in comparison.alarms}


@pytest.mark.parametrize("cases", [5, 24])
def test_without_change_there_is_an_alarm_no_more_often_than_stated(cases):
    settings = SETTINGS.model_copy(update={"draws": 20_000})
    alarmed, large = 0, 0
    for place in range(60):
        rng = np.random.default_rng([20261125, cases, place])
        found = compare(trained(rng), incoming(patients(rng, cases), rng.random(cases)), settings, seed=1)
        alarmed += bool(found.alarms)
        large += any(column.psi > settings.psi for column in found.columns)
    assert alarmed <= binom.ppf(0.975, 60, settings.false_alarm), "400 such trials gave 0.3 % and 2.8 %"
    assert large > 30, "the index alone would have cried wolf"


def test_a_shifted_scanner_is_an_alarm_that_names_first_what_the_model_uses():
    rng = np.random.default_rng(1)
    profile = trained(rng)
    found = compare(profile, incoming(patients(rng, 20, shift=4.0)), SETTINGS, seed=1)
    assert {"psi", "outside_share"} <= limits(found)
    assert {alarm.where for alarm in found.alarms if alarm.used} == USED
    assert {column.column for column in found.columns[:2]} == USED
    assert summary(found).endswith("limits are exceeded by 20 cases.")


def test_a_missing_region_and_missing_values_are_alarms():
    rng = np.random.default_rng(2)
    profile, values = trained(rng), patients(rng, 20)
    values[:, -1] = 0.0
    values[:12, 0] = np.nan
    found = compare(profile, incoming(values), SETTINGS, seed=1)
    assert {(alarm.limit, alarm.where) for alarm in found.alarms} == {
        ("missing_increase", "region_present__et"),
        ("missing_increase", "f0"),
    }
    region = next(column for column in found.columns if column.column == "region_present__et")
    assert (region.missing_share, round(region.missing_share_training, 3)) == (1.0, 0.133)


def test_the_score_is_an_alarm_only_where_it_looks_like_neither_reference():
    rng = np.random.default_rng(4)
    profile, values = trained(rng), patients(rng, 20)
    high = np.full(20, 0.99)
    found = compare(profile, incoming(values, high), SETTINGS, seed=1)
    assert [(alarm.limit, alarm.where) for alarm in found.alarms] == [("psi", "score")]
    overfitted = profile.model_copy(update={"fitted": profile_column(np.full(60, 0.99))})
    assert not compare(overfitted, incoming(values, high), SETTINGS, seed=1).alarms
    unknown = replace(incoming(values, high), not_given=("f0",))
    silent = compare(profile, unknown, SETTINGS, seed=1)
    assert not silent.alarms
    assert "f0" not in {column.column for column in silent.columns}


def test_a_few_quarantined_cases_are_named_and_many_are_an_alarm():
    rng = np.random.default_rng(5)
    profile, values = trained(rng), patients(rng, 9)
    one = compare(profile, incoming(values, failed=1), SETTINGS, seed=1)
    assert (one.alarms, one.reasons) == ((), (("Q00", "flair must be there, got none"),))
    many = compare(profile, incoming(values, failed=20), SETTINGS, seed=1)
    assert [(alarm.limit, round(alarm.value, 2)) for alarm in many.alarms] == [("quarantined_share", 0.69)]
    nobody = compare(profile, incoming(values[:0], failed=9), SETTINGS, seed=1)
    assert limits(nobody) == {"quarantined_share"}
    assert summary(nobody).startswith("1 limit is exceeded by the quarantine. Features and score were not")
    assert monitoring_page(nobody, CARD, SETTINGS, "none")


def test_with_too_few_cases_nothing_is_tested_and_it_is_said():
    rng = np.random.default_rng(6)
    found = compare(trained(rng), incoming(patients(rng, 4, shift=9.0)), SETTINGS, seed=1)
    assert not found.tested and not found.alarms
    assert summary(found) == "Features and score were not tested: 4 usable cases are too few."


def test_same_input_and_seed_give_the_same_bytes_whatever_the_order_of_columns():
    rng = np.random.default_rng(8)
    profile, values = trained(rng), patients(rng, 12, shift=2.0)
    new = incoming(values, failed=1)
    turned = replace(new, columns=COLUMNS[::-1], values=values[:, ::-1])
    written = {
        (
            json.dumps(facts(found, SETTINGS), sort_keys=True, allow_nan=False),
            monitoring_page(found, CARD, SETTINGS, "model"),
        )
        for found in (compare(profile, each, SETTINGS, seed=1) for each in (new, new, turned))
    }
    assert len(written) == 1
    page = next(iter(written))[1]
    assert "predicted probability of 12-month survival" in page
    assert "http://" not in page.replace("http://www.w3.org", "") and "SYNTHETIC" in page
