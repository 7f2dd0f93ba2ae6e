"""The final model: what it was fitted on, saved without pickle, and a card that names nobody."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from gliomics.errors import LeakageError, ValidationDesignError
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.statistics.metrics import concordance
from gliomics.learning.harmonisation.combat import CombatHarmoniser
from gliomics.learning.registry import ESTIMATORS, TRUSTED_TYPES
from gliomics.learning.selection.selectors import SELECTORS, get_selector
from gliomics.learning.selection.stability_filter import BlankColumns
from gliomics.learning.settings import SelectionSettings
from gliomics.model_package.final_model import fit_final_model
from prediction_tables import fold_embeddings, frozen_embeddings
from tasks import TASK


@pytest.fixture
def fit(make_generated):
    data = make_generated(40, 20, signal=1.0)

    def _fit(arm="radiomics", cohort=data.cohort, seed=1):
        patients = cohort[cohort["benefit"].notna()]
        table = assemble_arm(arm, patients, data.blocks)
        labels = patients.set_index("subject_id")["benefit"]
        return (
            fit_final_model(table, labels, ModellingSettings(), seed, population="all", task=TASK),
            table,
            labels,
        )

    _fit.cohort, _fit.data = data.cohort, data
    return _fit


def fused_table(fit, arm="fusion"):
    data = fit.data
    patients = data.cohort[data.cohort["benefit"].notna()]
    frozen = embedding_block(frozen_embeddings(data.cohort, signal=1.0))
    return assemble_arm(arm, patients, {**data.blocks, "embeddings": frozen})


@pytest.mark.parametrize("arm", ["clinical", "radiomics"])
def test_it_survives_skops_with_the_trusted_types_only(fit, arm):
    model, table, _ = fit(arm)
    packed = skops.io.dumps(model.pipeline)
    again = skops.io.loads(packed, trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(again.predict_proba(table.X), model.pipeline.predict_proba(table.X))
    assert set(skops.io.get_untrusted_types(data=packed)) <= set(TRUSTED_TYPES)
    with pytest.raises(UntrustedTypesFoundException, match="TableEncoder"):
        skops.io.loads(packed, trusted=[])


def test_the_trusted_list_holds_nothing_that_is_not_needed(fit):
    _, table, labels = fit("radiomics")
    needed = set()
    for recipe in ESTIMATORS:
        model = fit_final_model(table, labels, ModellingSettings(), 1, recipe=recipe, task=TASK)
        needed |= set(skops.io.get_untrusted_types(data=skops.io.dumps(model.pipeline)))
    for fusion in ({"reduction": "pca"}, {"mode": "late"}):
        model = fit_final_model(fused_table(fit), labels, ModellingSettings(fusion=fusion), 1, task=TASK)
        needed |= set(skops.io.get_untrusted_types(data=skops.io.dumps(model.pipeline)))
    by_name = [get_selector(name)(3, SelectionSettings(), 1) for name in SELECTORS]
    for step in (*by_name, CombatHarmoniser(0), BlankColumns()):
        needed |= set(skops.io.get_untrusted_types(data=skops.io.dumps(step)))
    assert sorted(needed) == TRUSTED_TYPES


@pytest.mark.parametrize("reduction", ["selection", "pca"])
@pytest.mark.parametrize("mode", ["early", "late", "average", "tuned"])
def test_a_fused_model_survives_skops_in_every_mode(fit, mode, reduction):
    table = fused_table(fit, "fusion_clinical")
    settings = ModellingSettings(fusion={"mode": mode, "reduction": reduction})
    labels = fit.data.cohort.set_index("subject_id")["benefit"]
    model = fit_final_model(table, labels, settings, 1, task=TASK)
    again = skops.io.loads(skops.io.dumps(model.pipeline), trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(again.predict_proba(table.X), model.pipeline.predict_proba(table.X))
    modes = ("average", "early", "late") if mode == "tuned" else (mode,)
    assert model.card["candidate"].split(" k=")[0] in modes
    assert concordance(labels[table.X.index].to_numpy(int), again.predict_proba(table.X)[:, 1]) > 0.8


def test_the_card_is_json_and_names_no_patient(fit):
    model, table, _ = fit()
    text = json.dumps(model.card, allow_nan=False)
    assert "TCGA" not in text
    card = model.card
    assert (card["arm"], card["population"], card["recipe"]) == ("radiomics", "all", "ranked_logistic")
    assert (card["n_train"], card["n_long"], card["n_short"]) == (60, 40, 20)
    assert card["columns"] == list(table.X.columns)
    assert card["outcome"] == "24-month survival (surrogate for chemotherapy benefit)"
    assert 0 < card["threshold"] < 1


@pytest.mark.parametrize("arm", ["clinical", "radiomics"])
def test_its_example_can_be_scored(fit, arm):
    model, _, _ = fit(arm)
    example = pd.DataFrame([model.card["example"]])[model.card["columns"]]
    assert 0 < model.pipeline.predict_proba(example)[0, 1] < 1
    if arm == "clinical":
        assert example.loc[0, "sex"] in {"female", "male"}


def test_it_scores_rows_with_gaps(fit):
    model, table, _ = fit("clinical")
    rows = table.X.iloc[:3].astype(object)
    rows.iloc[0] = None
    assert np.isfinite(model.pipeline.predict_proba(rows)).all()


def test_it_follows_the_signal(fit):
    model, table, labels = fit()
    scores = pd.Series(model.pipeline.predict_proba(table.X)[:, 1], index=table.X.index)
    assert scores[labels[scores.index] == 1].mean() > scores[labels[scores.index] == 0].mean() + 0.1


def test_the_same_data_give_the_same_card_and_other_values_another(fit):
    first = fit("clinical")[0].card
    shuffled = fit.cohort.sample(frac=1, random_state=1)
    assert fit("clinical", shuffled)[0].card == first
    older = fit.cohort.assign(age_years=fit.cohort["age_years"] + 1)
    other = fit("clinical", older)[0].card
    assert other["training_rows_sha256"] != first["training_rows_sha256"]
    assert other["training_subjects_sha256"] == first["training_subjects_sha256"]


def test_an_unlabelled_patient_is_refused(fit):
    model_table = fit("clinical")
    with pytest.raises(
        ValidationDesignError, match=r"final model of the clinical arm: .*got 1 patients without"
    ):
        fit_final_model(model_table[1], model_table[2].iloc[1:], ModellingSettings(), 1, task=TASK)
    with pytest.raises(ValidationDesignError, match="1 classes"):
        fit_final_model(model_table[1], model_table[2] * 0 + 1, ModellingSettings(), 1, task=TASK)


def test_synthetic_rows_and_fold_networks_can_not_become_a_model(fit):
    _, table, labels = fit()
    renamed = {table.X.index[0]: "synthetic-0001"}
    audited = replace(table, X=table.X.rename(index=renamed))
    with pytest.raises(LeakageError, match=r"final model of the radiomics arm: .*got synthetic rows"):
        fit_final_model(audited, labels.rename(index=renamed), ModellingSettings(), 1, task=TASK)
    block = embedding_block(fold_embeddings(fit.data))
    with pytest.raises(ValidationDesignError, match="networks that were trained inside the folds"):
        fit_final_model(replace(table, embeddings=block), labels, ModellingSettings(), 1, task=TASK)


def test_empty_columns_are_counted_and_left_without_weight(fit):
    _, table, labels = fit()
    table.X["feature_3"] = np.nan
    model = fit_final_model(table, labels, ModellingSettings(), 1, task=TASK)
    assert model.card["columns_empty_in_training"] == 1
    scores = model.pipeline.predict_proba(table.X)
    np.testing.assert_allclose(model.pipeline.predict_proba(table.X.assign(feature_3=1e6)), scores)
