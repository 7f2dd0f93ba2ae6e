"""Trainings that did not learn are named, and no others."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gliomics.compute import ComputeSettings
from gliomics.networks.settings import (
    Cnn3dSettings,
    InferenceSettings,
    MedicalNetSettings,
    PermutationControlSettings,
    TrainingSettings,
    VariationSettings,
)
from gliomics.networks.training.cohort_networks import EmbeddingNetworks, embed_cohort
from gliomics.networks.training.learning import learned, learning_warnings, separation, summarise_learning
from gliomics.networks.training.light_network import train_network
from gliomics.pipelines.embedding.nodes import train_fold_networks
from network_cases import put_crops

ONE = ComputeSettings(workers=1)
N = 12
LN2 = math.log(2)
LEARNING = Cnn3dSettings(
    channels=(4, 4, 8, 8),
    dimensions=4,
    dropout=0.0,
    permutation_control=PermutationControlSettings(n=1),
    variation=VariationSettings(
        flip_probability=0, affine_probability=0, intensity_scale=0, intensity_shift=0, noise_sd=0
    ),
    training=TrainingSettings(epochs=25, batch_size=4, learning_rate=0.01),
)


def images(*, learnable: bool) -> dict[str, np.ndarray]:
    """Crops of one grey value, or with a corner whose brightness is the label."""
    rng = np.random.default_rng(3)
    made = {}
    for number in range(N):
        crop = np.ones((1, 2, 16, 16, 16))
        if learnable:
            crop = rng.normal(size=crop.shape)
            crop[:, 0, :8, :8, :8] += 3 * (number % 2)
        made[f"P{number:02d}"] = crop.astype(np.float16)
    return made


@pytest.mark.parametrize(
    ("loss", "auc", "judged"),
    [
        (LN2, None, False),
        (LN2 - 0.009, None, False),
        (LN2 - 0.011, None, True),
        (LN2 + 0.05, 0.9, False),
        (0.5, 0.649, False),
        (0.5, 0.65, True),
        (math.nan, None, False),
        (math.inf, 0.9, False),
        (None, 0.9, False),
    ],
)
def test_a_training_learned_when_its_loss_and_its_auc_say_so(loss, auc, judged):
    assert learned(loss, auc) is judged


def test_separation_counts_pairs_and_ties_half():
    assert separation([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == 0.75
    assert separation([0.2, 0.2, 0.2], [0, 1, 1]) == 0.5
    assert separation([math.nan] * 3, [0, 1, 1]) == 0.5


def trained(sampling="patches", permutation=0, loss: float | None = 0.4, auc=0.9) -> dict:
    return {"sampling": sampling, "permutation": permutation, "train_loss": loss, "train_auc": auc}


def test_the_line_counts_by_sampling_and_gives_the_figures_found():
    networks = [
        trained(loss=0.701, auc=0.48),
        trained(loss=0.688, auc=0.61),
        trained(),
        trained(loss=None, auc=0.5),
        trained("bounding_box"),
        trained(permutation=1, loss=0.7),
    ]
    rows = summarise_learning(networks)
    assert [(row["sampling"], row["not_learned"], row["trainings"]) for row in rows] == [
        ("patches", 3, 4),
        ("bounding_box", 0, 1),
    ]
    (line,) = learning_warnings(rows, "treated")
    assert line.startswith("cnn3d (patches, population treated): 3 of 4 trainings did not learn.")
    assert "Training loss 0.688 to 0.701, not finite in 1 (answering 0.5 for everybody gives 0.693)" in line
    assert "AUC on their own training patients 0.480 to 0.610" in line
    (one,) = learning_warnings(summarise_learning([trained(loss=None, auc=0.5)]), "treated")
    assert "Training loss not finite (" in one
    assert "patients 0.500." in one


@pytest.fixture
def run(store, caplog):
    """Train and encode a cohort by the stage's own functions: summary and warnings."""

    def run(*, learnable: bool) -> tuple[dict, list[str]]:
        crops = images(learnable=learnable)
        cohort = pd.DataFrame(
            {
                "subject_id": list(crops),
                "benefit": [number % 2 for number in range(N)],
                "exclusion_reason": None,
                "chemotherapy": True,
            }
        )
        folds = pd.DataFrame({"subject_id": list(crops), "repeat": 0, "fold": [k // 2 % 2 for k in range(N)]})
        index = put_crops(store, crops)
        with caplog.at_level(logging.WARNING):
            networks, _ = train_fold_networks(
                cohort=cohort,
                folds=folds,
                crop_index=index,
                embedding_store=store,
                cohort_settings=SimpleNamespace(primary_population="treated"),
                settings=LEARNING,
                compute=ONE,
                seed=1,
            )
        none = MedicalNetSettings(enabled=False, weights="untrained")
        both = EmbeddingNetworks(LEARNING, none, InferenceSettings(device="cpu"))
        made = embed_cohort(index, networks, folds, store, both, compute=ONE, seed=1)
        return made.summary["cnn3d"], [record.getMessage() for record in caplog.records]

    return run


def test_trainings_on_constant_images_end_at_ln_2_and_are_named_in_log_and_summary(run):
    summary, messages = run(learnable=False)
    (row,) = summary["learning"]
    assert (row["sampling"], row["trainings"], row["not_learned"]) == ("bounding_box", 3, 3)
    assert row["train_loss"] == pytest.approx([LN2] * 3, abs=0.02)
    assert row["train_auc"] == [0.5] * 3
    (message,) = messages
    assert "cnn3d (bounding_box, population treated): 3 of 3 trainings did not learn" in message


def test_trainings_that_learn_are_not_named(run):
    summary, messages = run(learnable=True)
    assert [(row["trainings"], row["not_learned"]) for row in summary["learning"]] == [(3, 0)]
    assert messages == []


def test_a_training_whose_loss_is_not_finite_is_kept_and_did_not_learn():
    crops = images(learnable=True)
    crops["P00"][:] = np.nan
    network = train_network(
        crops, {s: k % 2 for k, s in enumerate(crops)}, LEARNING, np.random.default_rng(0)
    )
    assert network.train_loss is None
    assert network.train_auc == 0.5
    assert not learned(network.train_loss, network.train_auc)
