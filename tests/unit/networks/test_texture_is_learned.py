"""The light network learns a clean planted texture; with its former normalisation it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from gliomics.networks.cnn3d import network as cnn3d
from gliomics.networks.settings import Cnn3dSettings, TrainingSettings, VariationSettings
from gliomics.networks.training import light_network as training

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_TRAIN, N_TEST, EDGE = 48, 60, 16


def patients(n: int, rng: np.random.Generator) -> tuple[dict[str, NDArray[np.float16]], dict[str, int]]:
    """Draw crops of white noise: label 1 has the larger amplitude, nothing else differs."""
    labels = {f"P{number:03d}": number % 2 for number in range(n)}
    crops = {
        subject: (rng.normal(size=(2, 1, EDGE, EDGE, EDGE)) * (1.25 if label else 0.8)).astype(np.float16)
        for subject, label in labels.items()
    }
    return crops, labels


def held_out_auc() -> float:
    rng = np.random.default_rng(7)
    crops, labels = patients(N_TRAIN, rng)
    settings = Cnn3dSettings(
        training=TrainingSettings(epochs=8, patience=8), variation=VariationSettings(affine_probability=0)
    )
    trained = training.train_network(crops, labels, settings, np.random.default_rng(3))
    network = cnn3d.load_cnn3d(1, settings, trained.arrays)
    unseen, truth = patients(N_TEST, rng)
    with torch.no_grad():
        scores = [float(network(torch.from_numpy(unseen[s].astype(np.float32))).mean()) for s in unseen]
    return float(roc_auc_score(list(truth.values()), scores))


def test_a_planted_texture_is_learned() -> None:
    assert held_out_auc() >= 0.85


def test_group_normalisation_takes_the_amplitude_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn, "BatchNorm3d", lambda channels: nn.GroupNorm(channels // 4, channels))
    monkeypatch.setattr(nn, "LeakyReLU", lambda _leak: nn.ReLU())
    assert held_out_auc() < 0.75


def test_a_vector_does_not_depend_on_its_batch() -> None:
    settings = Cnn3dSettings(training=TrainingSettings(epochs=1))
    crops, labels = patients(9, np.random.default_rng(1))  # 18 crops: the last batch of 8 has two
    trained = training.train_network(crops, labels, settings, np.random.default_rng(3))
    network = cnn3d.load_cnn3d(1, settings, trained.arrays)
    batch = torch.from_numpy(np.concatenate(list(crops.values())).astype(np.float32))
    with torch.no_grad():
        together, alone = network.encode(batch), torch.cat([network.encode(crop[None]) for crop in batch])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_a_batch_of_one_crop_trains() -> None:
    crops, labels = patients(9, np.random.default_rng(1))
    settings = Cnn3dSettings(training=TrainingSettings(epochs=1, batch_size=8, crops_per_patient=1))
    trained = training.train_network(crops, labels, settings, np.random.default_rng(3))
    assert all(np.isfinite(array).all() for array in trained.arrays.values())


def test_the_map_that_grad_cam_reads_is_never_negative() -> None:
    network = cnn3d.build_cnn3d(1, Cnn3dSettings(), 0)
    last = network.features(torch.randn(4, 1, EDGE, EDGE, EDGE, generator=torch.Generator().manual_seed(0)))
    assert (last >= 0).all() and (last > 0).any()
