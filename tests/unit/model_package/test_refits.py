"""Refits on resamples: they move, they are seeded, a stack keeps its weights."""

from __future__ import annotations

import numpy as np

from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.blocks import embedding_block, final_block
from gliomics.evaluation.settings import ModellingSettings
from gliomics.model_package.final_model import fit_final_model
from prediction_tables import fold_embeddings, frozen_embeddings
from tasks import TASK


def late_fusion(data, **more):
    patients = data.cohort[data.cohort["benefit"].notna()]
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    blocks = {**data.blocks, "embeddings": embedding_block(frozen_embeddings(data.cohort, signal=1.0))}
    table = assemble_arm("fusion", patients, blocks)
    settings = ModellingSettings(fusion={"mode": "late"})
    return fit_final_model(table, labels, settings, 1, population="all", **more, task=TASK), table


def test_refits_differ_from_each_other_and_are_the_same_for_the_same_seed(make_generated):
    data = make_generated(40, 20, signal=1.0)
    model, table = late_fusion(data, refits=3)
    again, _ = late_fusion(data, refits=3)
    X = model.pipeline[0].transform(table.X)
    scores = np.stack([refit.predict_proba(X)[:, 1] for refit in model.refits])
    assert (np.ptp(scores, axis=0) > 0).all()
    np.testing.assert_array_equal(scores, [refit.predict_proba(X)[:, 1] for refit in again.refits])
    fitted = model.pipeline.predict_proba(table.X)[:, 1]
    assert np.corrcoef(scores.mean(axis=0), fitted)[0, 1] > 0.8


def test_the_refits_of_a_stack_take_over_its_weights(make_generated):
    model, _ = late_fusion(make_generated(40, 20, signal=1.0), refits=2)
    stack = model.pipeline[-1]
    assert len(set(stack.weights)) == 2, "weights that were learned, not halves"
    for refit in model.refits:
        assert (refit[-1].weights, refit[-1].intercept) == (stack.weights, stack.intercept)
        assert not np.array_equal(refit[-1].coef_, stack.coef_)


def test_final_networks_take_the_place_of_those_of_the_folds(make_generated):
    data = make_generated(30, 14, signal=1.0)
    in_folds = fold_embeddings(data)
    final = in_folds[(in_folds["permutation"] == 0) & (in_folds["fold"] == 0)].assign(
        weights="trained_on_all"
    )
    final[["repeat", "fold", "role"]] = None
    final = final.astype({"repeat": "Int64", "fold": "Int64"})
    block, expected = final_block(in_folds, final), embedding_block(in_folds)
    assert not block.depends_on_fold
    assert tuple(block.frozen.columns) == expected.columns_of_folds
