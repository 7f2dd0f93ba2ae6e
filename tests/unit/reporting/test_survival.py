"""The survival section: what is estimated is shown, what is not says so."""

from __future__ import annotations

import pandas as pd
import pytest

from gliomics.reporting.run_results import RunResults
from gliomics.reporting.section import Figures, Table
from gliomics.reporting.sections import survival


def estimated(value: float) -> dict:
    return {"status": "estimated", "value": value, "low": value - 0.1, "high": value + 0.1}


def curve(*survival_shares: float) -> dict:
    days = [0.0, 300.0, 900.0][: len(survival_shares)]
    alike = list(survival_shares)
    return {"days": days, "survival": alike, "low": alike, "high": alike, "at_risk": [9] * len(days)}


def run_with(found: dict | None) -> RunResults:
    arm = {"status": "evaluated", "n": 20, "n_short": 8, "survival": found}
    facts = {"status": "evaluated", "arms": {"clinical": arm}, "n_short": 8, "n_long": 12}
    metrics = {"primary_population": "treated", "populations": {"treated": facts}, "cohort": "demo"}
    return RunResults(metrics=metrics, predictions=pd.DataFrame())


@pytest.fixture
def found() -> dict:
    return {
        "n": 24,
        "n_deaths": 15,
        "cutoff_days": 730.5,
        "harrell_c": estimated(0.61),
        "uno_c": estimated(0.63),
        "cumulative_dynamic_auc": estimated(0.68),
        "hazard_ratio_per_sd": {"status": "not estimable"},
        "cox_baseline": {"n": 24, "n_deaths": 15, "harrell_c": estimated(0.58), "uno_c": estimated(0.6)},
        "kaplan_meier": {
            "groups": {
                "called_long": {"n": 14, "curve": curve(1.0, 0.9, 0.7)},
                "called_short": {"n": 10, "curve": curve(1.0, 0.6, 0.2)},
            }
        },
    }


def test_arm_and_cox_baseline_have_a_line_each_and_the_groups_a_curve(found):
    section = survival.build(run_with(found))
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert table.rows[0][1:] == (
        "24",
        "15",
        "0.61 (0.51 to 0.71)",
        "0.63 (0.53 to 0.73)",
        "0.68 (0.58 to 0.78)",
        "not estimable",
    )
    assert table.rows[1][1:4] == ("24", "15", "0.58 (0.48 to 0.68)")
    drawn = next(block for block in section.blocks if isinstance(block, Figures)).figures[0]
    assert drawn.name == "kaplan_meier"
    assert drawn.svg.count("<path") > 8


def test_where_nothing_is_known_of_survival_there_is_no_section(found):
    assert survival.build(run_with(None)) is None
    assert survival.build(run_with({"status": "not estimable", "n": 24})) is None
    del found["kaplan_meier"]
    assert not any(isinstance(block, Figures) for block in survival.build(run_with(found)).blocks)
