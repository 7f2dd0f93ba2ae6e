"""Outcomes of all stages in one table, and the patients who are misjudged most."""

from __future__ import annotations

import pandas as pd

from gliomics.evaluation.failures import join_outcomes, worst_errors


def outcomes(**status) -> pd.DataFrame:
    return pd.DataFrame(
        {"subject_id": list(status), "status": list(status.values()), "code": None, "reason": None}
    )


def test_outcomes_are_joined_by_subject_with_the_stages_in_their_order():
    joined = join_outcomes(
        {"ingestion": outcomes(b="processed", a="failed"), "embedding": outcomes(a="skipped", b="processed")}
    )
    rows = joined[["subject_id", "stage", "status"]].to_numpy().tolist()
    assert rows == [
        ["a", "ingestion", "failed"],
        ["a", "embedding", "skipped"],
        ["b", "ingestion", "processed"],
        ["b", "embedding", "processed"],
    ]


def test_a_stage_without_cases_adds_nothing():
    assert len(join_outcomes({"ingestion": outcomes(), "embedding": outcomes(a="processed")})) == 1


def test_the_worst_errors_are_those_of_the_mean_over_repeats():
    rows = [
        ("a", 0, 1, 0.9),
        ("a", 1, 1, 0.1),
        ("b", 0, 0, 0.8),
        ("b", 1, 0, 0.8),
        ("c", 0, 1, 1.0),
        ("c", 1, 1, 1.0),
    ]
    table = pd.DataFrame(rows, columns=["subject_id", "repeat", "y_true", "y_score"]).assign(
        arm="clinical", dataset="dataset1", protocol="leakage_free", permutation=0, fold=0, threshold=0.5
    )
    worst = worst_errors(table, 2)
    assert worst["subject_id"].tolist() == ["b", "a"]
    assert worst["error"].round(3).tolist() == [0.8, 0.5]
    assert worst["wrong_share"].tolist() == [1.0, 0.5]
    assert worst_errors(table, 0).empty
