"""Arms: what each learns from, and what none ever does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gliomics.errors import FeatureTableError, LeakageError, SettingsError
from gliomics.evaluation.arms import ARMS, NEVER_PREDICTORS, ArmSkipped, ArmTable, assemble_arm, get_arm
from gliomics.evaluation.blocks import embedding_block
from gliomics.learning.registry import get_recipe
from prediction_tables import fold_embeddings, frozen_embeddings


def test_clinical_takes_age_sex_and_grade(generated):
    table = assemble_arm("clinical", generated.cohort, {})
    assert list(table.X.columns) == ["age_years", "sex", "grade"]
    assert list(table.X.index) == sorted(generated.cohort["subject_id"])
    assert table.columns_left_out == ()


@pytest.mark.parametrize("absent", ["missing", "no column"])
def test_a_column_without_values_is_left_out_and_named(generated, absent):
    cohort = (
        generated.cohort.assign(grade=pd.NA)
        if absent == "missing"
        else generated.cohort.drop(columns="grade")
    )
    table = assemble_arm("clinical", cohort, {})
    assert list(table.X.columns) == ["age_years", "sex"]
    assert table.columns_left_out == ("grade",)


def test_clinical_without_any_value_is_skipped(generated):
    cohort = generated.cohort.drop(columns=["age_years", "sex", "grade"])
    skipped = assemble_arm("clinical", cohort, {})
    assert skipped == ArmSkipped("clinical", "no patient has a value of age_years, sex, grade")


def test_clinical_molecular_exists_only_with_molecular_values(generated):
    skipped = assemble_arm("clinical_molecular", generated.cohort.assign(idh=None), {})
    assert isinstance(skipped, ArmSkipped)
    assert "idh, codel_1p19q, mgmt, kps" in skipped.reason
    some = pd.Series([None] * (len(generated.cohort) - 1) + ["mutant"], dtype="string")
    table = assemble_arm("clinical_molecular", generated.cohort.assign(idh=some), {})
    assert list(table.X.columns) == ["age_years", "sex", "grade", "idh"]
    assert table.columns_left_out == ("codel_1p19q", "mgmt", "kps")


def test_radiomics_joins_region_presence_when_there_is_one(generated):
    table = assemble_arm("radiomics", generated.cohort, generated.blocks)
    assert table.X.shape == (50, 12)
    presence = pd.DataFrame(
        {"subject_id": generated.cohort["subject_id"][:9], "region_present__et": np.ones(9)}
    )
    joined = assemble_arm("radiomics", generated.cohort, {**generated.blocks, "region_presence": presence})
    assert joined.X.shape == (50, 13)
    assert joined.X["region_present__et"].notna().sum() == 9


def test_radiomics_without_its_table_is_skipped(generated):
    skipped = assemble_arm("radiomics", generated.cohort, {})
    assert skipped == ArmSkipped("radiomics", "the cohort has no radiomics")
    others = generated.blocks["radiomics"].assign(subject_id=lambda t: "Z-" + t["subject_id"])
    skipped = assemble_arm("radiomics", generated.cohort, {"radiomics": others})
    assert skipped == ArmSkipped("radiomics", "no patient has a row in radiomics")


def test_patients_without_a_row_are_named(generated):
    blocks = {"radiomics": generated.blocks["radiomics"].iloc[2:]}
    table = assemble_arm("radiomics", generated.cohort, blocks)
    assert len(table.X) == 48
    assert table.subjects_without_row == tuple(sorted(generated.cohort["subject_id"][:2]))


def test_treatment_outcome_and_postoperative_variables_never_predict(generated):
    assert {
        "chemotherapy",
        "radiotherapy",
        "extent_of_resection",
        "os_days",
        "death_observed",
    } <= NEVER_PREDICTORS
    cohort = generated.cohort.assign(idh="mutant", kps=90.0, extent_of_resection="gross total")
    blocks = {**generated.blocks, "embeddings": embedding_block(frozen_embeddings(generated.cohort))}
    blocks["features"] = blocks["radiomics"]
    for arm in ARMS:
        table = assemble_arm(arm, cohort, blocks)
        assert isinstance(table, ArmTable)
        assert NEVER_PREDICTORS.isdisjoint(table.X.columns)


@pytest.mark.parametrize("column", sorted(NEVER_PREDICTORS))
def test_a_feature_table_cannot_smuggle_one_in(generated, column):
    smuggled = generated.blocks["radiomics"].assign(**{column: 1.0})
    with pytest.raises(LeakageError, match=f"arm radiomics: .*got predictor {column}"):
        assemble_arm("radiomics", generated.cohort, {"radiomics": smuggled})


def test_a_patient_with_two_rows_is_refused(generated):
    twice = pd.concat([generated.blocks["radiomics"]] * 2)
    with pytest.raises(FeatureTableError, match="radiomics: each patient must have one row"):
        assemble_arm("radiomics", generated.cohort, {"radiomics": twice})


def test_an_unknown_arm_lists_the_valid_ones():
    names = "clinical, clinical_molecular, deep, features, fusion, "
    with pytest.raises(SettingsError, match=rf"{names}.*got 'radiomic'.*'radiomics'"):
        get_arm("radiomic")


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_names_itself_and_an_existing_recipe(name):
    assert ARMS[name].name == name
    assert get_recipe(ARMS[name].recipe).name == ARMS[name].recipe


def test_fusion_needs_both_blocks_and_counts_their_columns(generated):
    assert assemble_arm("fusion", generated.cohort, generated.blocks).reason == "the cohort has no embeddings"
    embeddings = pd.concat([frozen_embeddings(generated.cohort), fold_embeddings(generated)])
    blocks = {**generated.blocks, "embeddings": embedding_block(embeddings)}
    table = assemble_arm("fusion_clinical", generated.cohort, blocks)
    assert table.sizes == (3, 12, 6 + 5)
    assert table.X.shape == (50, 3 + 12 + 6)
    assert table.depends_on_fold
    assert table.X.columns[15] == "emb_medicalnet_000"


def test_a_patient_without_an_embedding_is_not_scored_by_fusion(generated):
    embeddings = frozen_embeddings(generated.cohort).iloc[3:]
    blocks = {**generated.blocks, "embeddings": embedding_block(embeddings)}
    table = assemble_arm("fusion", generated.cohort, blocks)
    assert (len(table.X), len(table.subjects_without_row)) == (47, 3)
