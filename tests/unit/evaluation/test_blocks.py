"""Features that depend on the fold: a model of fold k uses vectors of network k, and the guard knows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from gliomics.compute import ComputeSettings
from gliomics.errors import FeatureTableError, LeakageError
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.controls.permutation import NotCovered
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.summary import summarise
from prediction_tables import fold_embeddings, frozen_embeddings
from tasks import TASK

ARMS = ("radiomics", "deep", "fusion")


def evaluate(data, settings, embeddings, *, arms=ARMS, workers=1, population="all", **more):
    blocks = {**data.blocks, "embeddings": embedding_block(embeddings)}
    return evaluate_population(
        data.cohort,
        data.folds,
        blocks,
        arms=arms,
        population=population,
        settings=settings,
        seed=1,
        compute=ComputeSettings(workers=workers),
        **more,
    )


def summary(data, settings, embeddings, **more):
    return summarise(evaluate(data, settings, embeddings, **more), settings, 1, task=TASK)["arms"]


def test_the_empty_table_is_no_block(generated):
    assert embedding_block(frozen_embeddings(generated.cohort).iloc[:0]) is None


def test_a_network_keeps_the_dimensions_that_it_has(generated):
    block = embedding_block(frozen_embeddings(generated.cohort))
    assert list(block.frozen.columns) == [f"emb_medicalnet_{number:03d}" for number in range(6)]
    assert not block.depends_on_fold
    assert block.vectors_of(block.subjects) is None


def test_two_samplings_of_a_network_keep_their_names(generated):
    box = frozen_embeddings(generated.cohort)
    block = embedding_block(pd.concat([box, box.assign(sampling="patches")]))
    assert {name.rsplit("_", 1)[0] for name in block.frozen.columns} == {
        "emb_medicalnet_bounding_box",
        "emb_medicalnet_patches",
    }


def test_frozen_networks_are_scored_on_every_repeat_with_the_usual_control(generated, quick):
    arms = summary(generated, quick, frozen_embeddings(generated.cohort))
    for arm in ("deep", "fusion"):
        assert (arms[arm]["repeats"], arms[arm]["permutation_control"]["n"]) == (2, 3)
        assert arms[arm]["untrained"] == ["medicalnet"]
        assert arms[arm]["train_test_note"] is None


def test_fold_networks_are_scored_on_their_repeats_only(generated, quick):
    arms = summary(generated, quick, fold_embeddings(generated, repeats=1))
    assert (arms["radiomics"]["repeats"], arms["deep"]["repeats"]) == (2, 1)
    assert arms["deep"]["folds_used"] == 5
    assert arms["deep"]["permutation_control"]["sd_source"] == "exact_null"
    assert arms["deep"]["permutation_control"]["n"] == 1
    assert arms["deep"]["untrained"] == []
    assert "in-sample" in arms["deep"]["train_test_note"]


def test_every_model_gets_the_vectors_of_its_own_network(generated, quick):
    """The rotations differ, so that vectors of any other network would score a planted signal at chance."""
    data = generated
    embeddings = fold_embeddings(data, signal=4.0)
    assert summary(data, quick, embeddings, arms=("deep",))["deep"]["auc"]["value"] > 0.9


def test_a_network_that_was_trained_on_a_scored_patient_is_stopped(generated, quick):
    embeddings = fold_embeddings(generated)
    victim = embeddings.loc[(embeddings["role"] == "test") & (embeddings["fold"] == 2), "subject_id"].min()
    seen = (embeddings["subject_id"] == victim) & (embeddings["fold"] == 2)
    embeddings.loc[seen, "role"] = "train"
    with pytest.raises(LeakageError, match=f"the network of permutation 0, repeat 0, fold 2: .*got {victim}"):
        evaluate(generated, quick, embeddings, arms=("deep",))


def test_vectors_of_another_fold_are_stopped(generated, quick):
    embeddings = fold_embeddings(generated)
    embeddings["fold"] = (embeddings["fold"] + 1) % 5
    with pytest.raises(LeakageError, match="the network of permutation 0, repeat 0, fold 0"):
        evaluate(generated, quick, embeddings, arms=("deep",))


def test_networks_that_were_not_trained_on_permuted_labels_are_no_control(generated, quick):
    """True-label networks under the name of a permutation have seen images of the permuted test folds."""
    embeddings = fold_embeddings(generated, permutations=0)
    pretended = pd.concat([embeddings, embeddings.assign(permutation=1)])
    with pytest.raises(LeakageError, match="the network of permutation 1"):
        evaluate(generated, quick, pretended, arms=("deep",))


def test_without_permuted_networks_the_control_is_not_covered(generated, quick):
    embeddings = fold_embeddings(generated, permutations=0)
    control = summary(generated, quick, embeddings)["deep"]["permutation_control"]
    assert control["status"] == "not covered"
    assert "permuted labels" in control["reason"]
    assert (control["n"], control["bound"], control["passed"]) == (0, None, None)


def test_permuted_networks_of_another_population_are_not_used(generated, quick):
    evaluation = evaluate(generated, quick, fold_embeddings(generated), networks_permuted=False)
    control = evaluation.arms["fusion"].control
    assert isinstance(control, NotCovered)
    assert "primary population only" in control.reason


def test_a_permutation_leaves_out_pairs_whose_image_has_no_other_features(generated, quick):
    generated.blocks["radiomics"] = generated.blocks["radiomics"].iloc[3:]
    evaluation = evaluate(generated, quick, fold_embeddings(generated))
    rows = evaluation.predictions.query("permutation == 1 and arm == 'fusion'")
    assert 44 - 6 <= len(rows) <= 44 - 3
    assert len(evaluation.predictions.query("permutation == 1 and arm == 'deep'")) == 44


def test_permutations_are_drawn_over_patients_without_an_image_too(generated, quick):
    """As the embedding stage draws it: a patient without scans must not shift the order of the others."""
    embeddings = fold_embeddings(generated)
    lost = generated.cohort.loc[generated.cohort["benefit"] == 1, "subject_id"].min()
    evaluation = evaluate(generated, quick, embeddings[embeddings["subject_id"] != lost], arms=("deep",))
    assert 44 - 2 <= len(evaluation.predictions.query("permutation == 1")) < 44


def test_workers_change_no_byte(generated, quick):
    embeddings = pd.concat([fold_embeddings(generated), frozen_embeddings(generated.cohort)])
    one = evaluate(generated, quick, embeddings)
    two = evaluate(generated, quick, embeddings.sample(frac=1, random_state=1), workers=2)
    assert_frame_equal(one.predictions, two.predictions)


def test_noise_is_at_chance_and_its_permutations_too(make_generated):
    data = make_generated(200, 200, 0, columns=10, repeats=1)
    settings = ModellingSettings(bootstrap={"n": 100}, permutation_control={"n": 10})
    embeddings = fold_embeddings(data, permutations=3)
    arms = summary(data, settings, embeddings)
    for arm in ("deep", "fusion"):
        assert 0.42 < arms[arm]["auc"]["value"] < 0.58
        assert abs(arms[arm]["permutation_control"]["mean"] - 0.5) < 0.08
        assert arms[arm]["permutation_control"]["passed"]


def test_fusion_of_two_complementary_blocks_beats_either(make_generated):
    data = make_generated(250, 250, 0, signal=0.75, columns=10, repeats=2)
    settings = ModellingSettings(bootstrap={"n": 100}, permutation_control={"n": 2})
    embeddings = frozen_embeddings(data.cohort, signal=1.1)
    arms = summary(data, settings, embeddings)
    alone = max(arms["radiomics"]["auc"]["value"], arms["deep"]["auc"]["value"])
    assert arms["fusion"]["auc"]["value"] > alone + 0.03


@pytest.mark.parametrize("damage", ["a patient is missing", "a patient is twice"])
def test_a_table_with_gaps_or_repeats_is_refused(generated, damage):
    embeddings = fold_embeddings(generated)
    broken = embeddings.drop(index=7) if "missing" in damage else pd.concat([embeddings, embeddings.loc[[7]]])
    with pytest.raises(FeatureTableError, match=r"embeddings of .*Run the embedding stage again"):
        embedding_block(broken)


def test_two_kinds_of_weights_are_refused(generated):
    embeddings = frozen_embeddings(generated.cohort)
    embeddings.loc[0, "weights"] = "0123456789ab"
    with pytest.raises(FeatureTableError, match="weights of one kind, got 0123456789ab, untrained"):
        embedding_block(embeddings)


def test_inputs_are_left_as_they_were(generated, quick):
    embeddings = fold_embeddings(generated)
    before = embeddings.copy()
    evaluate(generated, quick, embeddings, arms=("deep",))
    assert_frame_equal(embeddings, before)
    assert np.isnan(embeddings["emb_007"]).all()
