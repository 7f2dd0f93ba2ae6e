from dataclasses import asdict

import pandas as pd
import pytest

from gliomics.errors import ResultsError
from gliomics.hooks.run_record import curve_metrics, flat_metrics
from gliomics.reporting.result_lines import summary_lines
from tasks import TASK

EVALUATED = {
    "status": "evaluated",
    "n": 30,
    "n_short": 7,
    "auc": {"value": 0.7, "low": 0.5, "high": 0.9},
    "candidates": {"C=0.03": 4},
    "permutation_control": {"n": 200, "mean": 0.5, "bound": 0.54, "passed": True},
}
METRICS = {
    "task": asdict(TASK),
    "populations": {
        "treated": {
            "status": "evaluated",
            "arms": {"clinical": EVALUATED, "radiomics": {"status": "skipped", "reason": "no panel"}},
        },
        "all": {"status": "refused", "reason": "one class is empty", "arms": {}},
    },
}


def test_numbers_get_names_that_mlflow_allows():
    flat = flat_metrics(METRICS)
    assert flat["treated.clinical.auc.low"] == 0.5
    assert flat["treated.clinical.permutation_control.passed"] == 1.0
    assert not any("=" in name for name in flat)


def test_each_arm_gets_a_line_also_when_it_could_not_be_evaluated():
    lines = summary_lines(METRICS)
    assert lines[0] == (
        "treated  clinical           AUC 0.700 (0.500 to 0.900), n = 30 (7 short survivors); "
        "permuted labels 0.500, bound 0.540: holds"
    )
    assert lines[1].endswith("skipped: no panel")
    assert lines[2] == "all      refused: one class is empty"


def test_a_control_that_fails_is_shouted():
    failing = {**EVALUATED, "permutation_control": {"mean": 0.7, "bound": 0.54, "passed": False}}
    metrics = {
        "task": METRICS["task"],
        "populations": {"treated": {"status": "evaluated", "arms": {"radiomics": failing}}},
    }
    assert summary_lines(metrics)[0].endswith("FAILS")


def test_metrics_of_an_earlier_version_are_refused_in_words():
    with pytest.raises(ResultsError, match=r"an earlier version of gliomics wrote it\. Run modelling"):
        summary_lines({"populations": METRICS["populations"]})


def test_loss_curves_become_histories_of_observed_labels_only():
    curves = pd.DataFrame(
        {
            "sampling": "patches",
            "permutation": [0, 0, 0, 1],
            "repeat": [1, 1, None, 1],
            "fold": [2, 2, None, 2],
            "phase": "supervised",
            "epoch": [1, 2, 1, 1],
            "train_loss": [0.7, 0.6, 0.5, 0.1],
            "validation_loss": [0.8, None, None, 0.1],
        }
    )
    points = [(metric.key, metric.value, metric.step) for metric in curve_metrics(curves)]
    assert points == [
        ("cnn3d.patches.repeat1_fold2.supervised.train_loss", 0.7, 1),
        ("cnn3d.patches.repeat1_fold2.supervised.validation_loss", 0.8, 1),
        ("cnn3d.patches.repeat1_fold2.supervised.train_loss", 0.6, 2),
        ("cnn3d.patches.final.supervised.train_loss", 0.5, 1),
    ]
