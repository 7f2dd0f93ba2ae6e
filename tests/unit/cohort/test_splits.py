"""Folds: everybody once a repeat, balanced in every stratum, blind to the order of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from gliomics.cohort.splits import FoldSettings, deal, make_folds
from gliomics.errors import ClinicalDataError, ValidationDesignError


def table(counts: dict[tuple[object, bool], int]) -> pd.DataFrame:
    """A cohort with so many patients of each (benefit, treated)."""
    rows = [(benefit, treated) for (benefit, treated), n in counts.items() for _ in range(n)]
    return pd.DataFrame(
        {
            "subject_id": [f"TCGA-XX-{number:04d}" for number in range(len(rows))],
            "benefit": pd.array([benefit for benefit, _ in rows], dtype="Int64"),
            "chemotherapy": pd.array([treated for _, treated in rows], dtype="boolean"),
            "exclusion_reason": pd.array([None] * len(rows), dtype="string"),
        }
    )


@pytest.fixture
def panel() -> pd.DataFrame:
    """The counts of the real panel."""
    return table({(1, True): 23, (0, True): 7, (pd.NA, True): 16, (1, False): 12, (pd.NA, False): 7})


def spread(folds: pd.DataFrame, subjects: pd.Series, n_splits: int) -> int:
    """Largest difference of two folds' counts of some patients, over the repeats."""
    chosen = folds[folds["subject_id"].isin(subjects)]
    counts = pd.crosstab(chosen["repeat"], chosen["fold"]).reindex(columns=range(n_splits), fill_value=0)
    return int((counts.max(axis=1) - counts.min(axis=1)).max())


def test_every_eligible_patient_is_in_one_fold_of_every_repeat(panel):
    panel.loc[3, "exclusion_reason"] = "no follow-up"
    folds = make_folds(panel, FoldSettings(), seed=1)
    assert len(folds) == 64 * 10
    assert "TCGA-XX-0003" not in set(folds["subject_id"])
    assert (folds.groupby("subject_id")["repeat"].nunique() == 10).all()
    assert set(folds["fold"]) == {0, 1, 2, 3, 4}
    assert folds["repeat"].min() == 0
    assert folds.dtypes["fold"] == np.int64


def test_counts_differ_by_at_most_one_in_every_stratum_and_among_the_treated(panel):
    folds = make_folds(panel, FoldSettings(), seed=1)
    stratum = panel["benefit"].fillna(-1)
    for label in (1, 0, -1):
        members = panel[stratum == label]
        assert spread(folds, members["subject_id"], 5) <= 1
        assert spread(folds, members.loc[members["chemotherapy"], "subject_id"], 5) <= 1
    assert spread(folds, panel["subject_id"], 5) <= 1


def test_the_order_of_rows_is_irrelevant(panel, rng):
    shuffled = panel.iloc[rng.permutation(len(panel))]
    assert_frame_equal(make_folds(panel, FoldSettings(), 1), make_folds(shuffled, FoldSettings(), 1))


def test_a_repeat_depends_on_the_seed_and_its_number_only(panel):
    few, many = (make_folds(panel, FoldSettings(repeats=r), 1) for r in (2, 4))
    assert_frame_equal(few, many[many["repeat"] < 2].reset_index(drop=True))
    assert not few["fold"].equals(make_folds(panel, FoldSettings(repeats=2), 2)["fold"])
    first, second = (few.loc[few["repeat"] == r, "fold"].to_numpy() for r in (0, 1))
    assert (first != second).any()


def test_unknown_treatment_counts_as_not_treated(panel):
    unknown = panel.assign(chemotherapy=panel["chemotherapy"].where(panel["chemotherapy"], pd.NA))
    assert_frame_equal(make_folds(panel, FoldSettings(), 1), make_folds(unknown, FoldSettings(), 1))


def test_more_folds_than_the_smaller_class_are_refused(panel):
    message = r"n_splits: .*got 7 short and 35 long survivors\. Set ingestion\.folds\.n_splits to at most 7"
    with pytest.raises(ValidationDesignError, match=message):
        make_folds(panel, FoldSettings(n_splits=8), seed=1)
    assert make_folds(panel, FoldSettings(n_splits=7), seed=1)["fold"].nunique() == 7


def test_a_patient_with_two_rows_is_refused(panel):
    with pytest.raises(ClinicalDataError, match="several rows for TCGA-XX-0004"):
        make_folds(pd.concat([panel, panel.iloc[[4]]]), FoldSettings(), seed=1)


def test_dealing_goes_on_where_the_last_group_ended():
    fold = deal([np.array([0, 1]), np.array([2]), np.array([3, 4, 5])], 3, np.random.default_rng(0))
    assert sorted(fold[[0, 1, 2]]) == [0, 1, 2]
    assert sorted(fold[[3, 4, 5]]) == [0, 1, 2]


@pytest.mark.parametrize("wrong", [{"n_splits": 1}, {"repeats": 0}, {"n_folds": 5}])
def test_settings_are_bounded_and_closed(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FoldSettings(**wrong)
