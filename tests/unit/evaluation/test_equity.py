"""Groups are counted, and scored only where PROTOCOL 3 allows it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from gliomics.evaluation.equity import COLUMNS, group_patients, subgroup_performance
from gliomics.evaluation.equity_settings import EquitySettings
from gliomics.evaluation.settings import BootstrapSettings

QUICK = BootstrapSettings(n=100)


def cohort(n=40) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": [f"TCGA-{'AB' if k < n - 6 else 'CD'}-{k:04d}" for k in range(n)],
            "age_years": [39.99 if k % 2 else 40.0 for k in range(n)],
            "sex": ["female" if k < n // 2 else "male" for k in range(n)],
            "grade": pd.array([2] * (n - 1) + [pd.NA], dtype="Int64"),
        }
    )


def predictions(table: pd.DataFrame, score) -> pd.DataFrame:
    n = len(table)
    facts = {
        "row_kind": "real",
        "arm": "clinical",
        "dataset": "dataset1",
        "protocol": "leakage_free",
        "permutation": 0,
        "repeat": 0,
        "fold": np.arange(n) // (n // 2),
        "y_true": np.arange(n) % 2,
        "y_score": score,
        "threshold": 0.5,
        "candidate": "C=1",
    }
    return pd.DataFrame({"subject_id": table["subject_id"]}).assign(**facts)


def test_every_patient_is_once_in_every_grouping_and_the_unknown_are_a_group():
    table = cohort()
    groups = group_patients(
        table,
        EquitySettings(),
        enhancement=pd.Series({table["subject_id"][0]: 1.0, table["subject_id"][1]: 0.0}),
        volume=pd.Series(np.arange(39.0), index=table["subject_id"][:39]),
    )
    assert (groups.groupby("grouping")["subject_id"].nunique() == 40).all()
    counted = groups.value_counts(["grouping", "group"]).to_dict()
    assert counted["age", "0 to 40"] == counted["age", "40 to 60"] == 20
    assert counted["grade", "unknown"] == 1
    assert counted["site", "CD"] == 6
    assert counted["enhancing tumour", "absent"] == 1
    assert counted["tumour size", "3 of 3 (largest)"] == 13
    largest = groups[groups["group"] == "3 of 3 (largest)"]["subject_id"]
    assert set(largest) == set(table["subject_id"][26:39])


def test_a_grouping_of_which_nothing_is_known_is_left_out():
    table = cohort().assign(subject_id=[f"HOSPITAL-{k}" for k in range(40)])
    assert set(group_patients(table, EquitySettings())["grouping"]) == {"sex", "age", "grade"}


def test_the_auc_of_a_group_uses_its_pairs_within_folds_only():
    table = cohort()
    y = np.arange(40) % 2
    # Right in the first fold, wrong in the second; the folds' scores are far apart.
    score = np.where(np.arange(40) < 20, y, 1 - y) + np.where(np.arange(40) < 20, 0.0, 100.0)
    groups = group_patients(table, EquitySettings())
    found = subgroup_performance(predictions(table, score), groups, EquitySettings(), QUICK, 1)
    by_sex = found[found["grouping"] == "sex"].set_index("group")
    assert by_sex.loc["female", "auc"] == 1.0
    assert by_sex.loc["male", "auc"] == 0.0
    assert by_sex.loc["male", ["n", "n_long", "n_short"]].tolist() == [20, 10, 10]


def test_a_group_with_too_few_of_a_class_has_counts_and_no_auc():
    table = cohort()
    groups = group_patients(table, EquitySettings())
    found = subgroup_performance(predictions(table, np.arange(40.0)), groups, EquitySettings(), QUICK, 1)
    small = found[(found["grouping"] == "site") & (found["group"] == "CD")].iloc[0]
    assert (small["n_long"], small["n_short"]) == (3, 3)
    assert np.isnan(small["auc"])
    assert small["note"] == "fewer than 5 in a class: counts only"
    assert tuple(found.columns) == COLUMNS
    assert not any("p_value" in column for column in found.columns)


def test_fewer_than_five_a_class_cannot_be_asked_for():
    with pytest.raises(ValidationError, match="greater than or equal to 5"):
        EquitySettings(min_per_class=4)
    with pytest.raises(ValidationError, match="ascend"):
        EquitySettings(age_limits_years=(60, 40))
