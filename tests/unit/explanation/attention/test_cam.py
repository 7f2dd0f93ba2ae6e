"""MONAI's maps of networks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.explanation.attention.cam import (
    CASCADE,
    CaseCam,
    HowPooled,
    ScoredCrops,
    as_batch,
    correlation,
    randomise_downwards,
    shuffled_weights,
)
from gliomics.networks.cnn3d.network import build_cnn3d
from gliomics.networks.encoding import one_channel_each
from gliomics.networks.inference import encode_on_cpu
from gliomics.networks.medicalnet.network import build_medicalnet
from gliomics.networks.tables import pool
from network_cases import QUICK, wired_cnn3d

POOLING = ("mean", "std", "max")


def some_crops(n: int, edge: int = 16, modalities: int = 2) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(n, modalities, edge, edge, edge)).astype(np.float16)


def camera(name, network, how, passes=1) -> CaseCam:
    return CaseCam(ScoredCrops(name, network, how, passes))


def test_the_heat_of_a_network_that_is_wired_to_one_region_lies_there():
    crops = np.zeros((1, 2, 32, 32, 32), dtype=np.float16)
    crops[0, 0, :16, 16:, :16] = 3.0  # what it looks at
    crops[0, 1, 16:, :16, 16:] = 3.0  # as bright, in the modality that it does not look at
    cam = camera("cnn3d", wired_cnn3d(2, modality=0), HowPooled("bounding_box", POOLING))
    heat = cam.maps(as_batch(crops, 1), np.eye(QUICK.dimensions)[0], 1).maps[0, 0]
    assert heat.shape == (4, 4, 4)
    assert heat[:2, 2:, :2].sum() >= 0.95 * heat.sum() > 0


def test_a_map_is_what_the_definition_says():
    # Two patches, mean pooling, the linear layer fed by the mean over space alone: the gradient of the score
    # is the same in every cell, so that Selvaraju's weights can be written down.
    network = build_cnn3d(2, QUICK, 4).eval()
    width = QUICK.channels[-1]
    with torch.no_grad():
        network.project.weight[:, width:] = 0
    crops, weights = some_crops(2), np.array([0.5, -1.0, 2.0, 0.25])
    with torch.no_grad():
        features = network.features(as_batch(crops, 1)).numpy()
        alpha = weights @ network.project.weight[:, :width].numpy() / (2 * np.prod(features.shape[2:]))
    found = camera("cnn3d", network, HowPooled("patches", ("mean",))).maps(as_batch(crops, 1), weights, 1)
    expected = np.maximum(np.einsum("c,ncxyz->nxyz", alpha, features), 0)
    np.testing.assert_allclose(found.maps[:, 0], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("sampling", ["bounding_box", "patches"])
def test_the_score_is_that_of_the_embeddings_table(sampling):
    crops = some_crops(1 if sampling == "bounding_box" else 3)
    vectors = encode_on_cpu(build_cnn3d(2, QUICK, 4).eval().encode, crops)
    embedding = pool(vectors, sampling, POOLING)
    weights = np.random.default_rng(0).normal(size=len(embedding))
    cam = camera("cnn3d", build_cnn3d(2, QUICK, 4), HowPooled(sampling, POOLING))
    for called in (0, 1):
        made = cam.maps(as_batch(crops, 1), weights, called)
        assert made.log_odds == pytest.approx(float(embedding @ weights), rel=1e-4)


def test_what_speaks_for_one_class_does_not_speak_for_the_other():
    cam = camera("cnn3d", build_cnn3d(2, QUICK, 4), HowPooled("patches", ("mean",)))
    short, long = (cam.maps(as_batch(some_crops(3), 1), np.ones(4), called).maps for called in (0, 1))
    assert short.any() and long.any()
    assert not (short * long).any()


@pytest.mark.parametrize("concatenate", [False, True])
def test_medicalnet_has_a_map_a_pass_and_the_score_of_the_joined_passes(concatenate):
    crops = some_crops(2)
    vectors = encode_on_cpu(build_medicalnet(5), one_channel_each(crops)).reshape(2, 2, -1)
    joined = vectors.reshape(2, -1) if concatenate else vectors.mean(axis=1)
    weights = np.random.default_rng(1).normal(size=len(pool(joined, "patches", POOLING)))
    cam = camera("medicalnet", build_medicalnet(5), HowPooled("patches", POOLING, concatenate), 2)
    made = cam.maps(as_batch(crops, 2), weights, 1)
    assert made.maps.shape == (2, 2, 2, 2, 2)
    assert made.log_odds == pytest.approx(float(pool(joined, "patches", POOLING) @ weights), rel=1e-4)
    if not concatenate:
        swapped = cam.maps(as_batch(np.ascontiguousarray(crops[:, ::-1]), 2), weights, 1)
        np.testing.assert_allclose(swapped.maps[:, ::-1], made.maps, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "build"), [("cnn3d", lambda seed: build_cnn3d(2, QUICK, seed)), ("medicalnet", build_medicalnet)]
)
def test_the_cascade_goes_down_layer_by_layer_and_leaves_nothing(name, build):
    network, fresh = build(1), build(2)
    trained = {key: value.clone() for key, value in network.state_dict().items()}
    unused = ("head.",)  # the networks' own head scores nobody here
    still = [key for key in trained if not key.startswith(unused)]
    for number, stage in enumerate(randomise_downwards(name, network, fresh)):
        done = tuple(prefix for _, prefixes in CASCADE[name][: number + 1] for prefix in prefixes)
        assert stage == CASCADE[name][number][0]
        for key in still:
            wanted = fresh.state_dict() if key.startswith(done) else trained
            assert torch.equal(network.state_dict()[key], wanted[key]), key
    assert all(key.startswith(done) for key in still)


def test_a_shuffled_head_keeps_the_size_of_its_weights_and_moves_them():
    weights, spread = np.array([2.0, 0, 0, -1, 0, 5]), np.array([1.0, 2, 4, 0.5, 0, 0.1])
    rng = np.random.default_rng(2)
    dealt = shuffled_weights(weights, spread, rng)
    varying = spread > 0
    np.testing.assert_allclose(np.sort((dealt * spread)[varying]), np.sort((weights * spread)[varying]))
    assert dealt[4] == 0
    assert (dealt != weights).any()


def test_the_correlation_of_maps_goes_by_ranks():
    one = np.array([0, 0, 1, 2, 8], dtype=np.float32)
    assert correlation(one, one**3) == pytest.approx(1)
    assert correlation(one, -one) == pytest.approx(-1)
    assert np.isnan(correlation(one, np.zeros_like(one)))
