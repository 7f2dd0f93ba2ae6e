"""Any table: the same protocol, named refusals, groups that stay together."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import average_precision_score

from gliomics.cli.main import cli
from gliomics.cohort.splits import FoldSettings
from gliomics.compute import ComputeSettings
from gliomics.errors import FeatureTableError, ValidationDesignError
from gliomics.evaluation.any_table import TableColumns, evaluate_table
from gliomics.evaluation.settings import ModellingSettings
from gliomics.synthesis.pca_gmm import PcaGmmSampler

QUICK = ModellingSettings(
    bootstrap={"n": 100},
    permutation_control={"n": 3},
    dataset2={"permutations": 2},
    audit={"estimators": [], "repeats": 1, "permutations": 1},
)


def table(n=80, signal=2.0):
    rng = np.random.default_rng(1)
    label = np.where(np.arange(n) % 3 == 0, "malignant", "benign")
    X = rng.normal(size=(n, 6))
    X[:, 0] += signal * (label == "malignant")
    made = pd.DataFrame(X, columns=[f"f{k}" for k in range(6)])
    made.insert(0, "case", [f"c{k:03d}" for k in range(n)])
    return made.assign(diagnosis=label, hospital=[f"h{k % 8}" for k in range(n)], scanner="A")


def evaluate(data, group=None, label="diagnosis", positive=None):
    return evaluate_table(
        data,
        TableColumns(label, "case", group, positive),
        folds=FoldSettings(n_splits=4, repeats=2),
        settings=QUICK,
        sampler=PcaGmmSampler(),
        seed=1,
        compute=ComputeSettings(workers=1),
    )


def test_a_table_gets_the_metrics_of_a_cohort():
    found = evaluate(table())
    arm = found.metrics["populations"]["all"]["arms"]["features"]
    assert arm["auc"]["value"] > 0.85
    assert (arm["n"], arm["n_long"], arm["n_columns"]) == (80, 27, 6)
    assert found.metrics["populations"]["all"]["positive_class"].startswith("diagnosis = malignant")
    assert found.metrics["columns_that_are_no_numbers"] == ["hospital", "scanner"]
    assert arm["dataset2"]["status"] == "evaluated"
    assert arm["audit_augment_before_split"]["status"] == "audited"
    json.dumps(found.metrics, allow_nan=False)


def test_the_command_counts_and_finds_the_label_that_is_asked_for(tmp_path):
    """Of 34 cases 11 have the label: they are the events, not the 23 others."""
    rng = np.random.default_rng(2)
    died = np.r_[np.ones(11, dtype=int), np.zeros(23, dtype=int)]
    feature = rng.normal(size=34) + 2 * died
    made = pd.DataFrame({"case": [f"c{k}" for k in range(34)], "died": died, "f": feature})
    made.to_csv(tmp_path / "table.csv", index=False)
    asked = ["--label", "died", "--id", "case", "--positive", "1", "--folds", "3", "--repeats", "2"]
    asked += ["--permutations", "2", "--workers", "1"]
    arguments = ["evaluate", str(tmp_path / "table.csv"), *asked, "--audit", "svm_rbf"]
    output = tmp_path / "out"
    done = CliRunner().invoke(cli, [*arguments, "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert "n = 34 (11 cases with died = 1)" in done.output
    page = (output / "report.html").read_text() + (output / "methods.md").read_text()
    assert "Recall (share of cases with died = 1 found)" in page
    assert not re.search(r"short surviv|long surviv|\bgrades?\b|glioma|24[- ]month", page)

    arm = json.loads((output / "metrics.json").read_text())["populations"]["all"]["arms"]["features"]
    precision = arm["average_precision"]
    assert precision["chance"] == pytest.approx(11 / 34)
    assert precision["note"].startswith("Of finding cases with died = 1, within folds.")
    rows = pd.read_parquet(output / "cv_predictions.parquet")
    rows = rows[(rows["dataset"] == "dataset1") & (rows["permutation"] == 0)].groupby(["repeat", "fold"])
    expected = [average_precision_score(fold["y_true"], fold["y_score"]) for _, fold in rows]
    assert precision["value"] == pytest.approx(np.mean(expected))


def test_the_other_class_can_be_predicted_and_cases_without_a_label_are_counted():
    data = table()
    data.loc[:4, "diagnosis"] = None
    found = evaluate(data, positive="benign").metrics
    assert found["cases_without_label"] == 5
    assert found["populations"]["all"]["arms"]["features"]["n_long"] == 50


def test_a_batch_column_is_harmonised_and_is_no_feature():
    data = table().assign(machine=np.arange(80) % 2)
    settings = ModellingSettings(
        bootstrap={"n": 100},
        permutation_control={"n": 2},
        harmonisation={"method": "combat", "batch": "machine"},
        selection={"methods": {"features": "mrmr_quotient"}},
    )
    found = evaluate_table(
        data,
        TableColumns("diagnosis", "case"),
        folds=FoldSettings(n_splits=4, repeats=1),
        settings=settings,
        sampler=None,
        seed=1,
        compute=ComputeSettings(workers=1),
    )
    arm = found.metrics["populations"]["all"]["arms"]["features"]
    assert arm["n_columns"] == 6
    assert (arm["harmonisation"]["batch"], arm["harmonisation"]["folds_harmonised"]) == ("machine", 4)
    assert arm["selection"]["method"] == "mrmr_quotient"


def test_a_group_is_never_split():
    data = table()
    rows = evaluate(data, "hospital").predictions.query("protocol == 'leakage_free' and permutation == 0")
    hospital = data.set_index("case")["hospital"]
    folds = rows.assign(hospital=hospital.loc[rows["subject_id"]].to_numpy())
    assert folds.groupby(["repeat", "hospital"])["fold"].agg(np.ptp).max() == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"drop": "diagnosis"}, "it must have the columns diagnosis, case, got no diagnosis"),
        ({"repeat": True}, "each case must have one row and an id, got several rows for c001"),
        ({"third": True}, "the label must have two values, got benign, malignant, unsure"),
        ({"text": True}, "at least one numeric column"),
    ],
)
def test_what_is_wrong_is_named(change, says):
    data = table()
    if "drop" in change:
        data = data.drop(columns="diagnosis")
    if "repeat" in change:
        data.loc[2, "case"] = "c001"
    if "third" in change:
        data.loc[3, "diagnosis"] = "unsure"
    if "text" in change:
        data = data[["case", "diagnosis", "scanner"]]
    with pytest.raises(FeatureTableError, match=says):
        evaluate(data)


def test_too_few_groups_are_refused():
    data = table().assign(hospital=lambda t: np.where(t.index % 2 == 0, "a", "b"))
    with pytest.raises(ValidationDesignError, match=r"at least 4 groups.*got 2 groups"):
        evaluate(data, "hospital")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_the_command_writes_metrics_and_predictions(tmp_path, suffix):
    path = tmp_path / f"table.{suffix}"
    data = table(40).drop(columns=["f1", "f2", "f3"])
    if suffix == "parquet":
        data.to_parquet(path)
    else:
        data.to_csv(path, index=False, sep="," if suffix == "csv" else "\t")
    options = [
        "--folds",
        "3",
        "--repeats",
        "1",
        "--permutations",
        "2",
        "--workers",
        "1",
        "--audit",
        "svm_rbf",
    ]
    done = CliRunner().invoke(
        cli,
        [
            "evaluate",
            str(path),
            "--label",
            "diagnosis",
            "--id",
            "case",
            "--output",
            str(tmp_path / "o"),
            *options,
        ],
    )
    assert done.exit_code == 0, done.output
    assert "AUC" in done.output
    assert "AUDIT" in done.output
    assert json.loads((tmp_path / "o" / "metrics.json").read_text())["populations"]["all"]["n"] == 40
    assert (tmp_path / "o" / "cv_predictions.parquet").exists()
    report = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert 'id="audit"' in report
    assert "SYNTHETIC" not in report
    assert (tmp_path / "o" / "figures" / "roc.svg").exists()
