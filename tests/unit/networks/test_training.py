"""Training one light network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.networks.cnn3d.network import BlockDecoder, build_cnn3d, load_cnn3d, parameter_count
from gliomics.networks.execution import choose_device, one_thread
from gliomics.networks.settings import (
    Cnn3dSettings,
    InferenceSettings,
    TrainingSettings,
    VariationSettings,
)
from gliomics.networks.training import light_network as training
from gliomics.networks.training.light_network import class_weights, inner_split, train_network, variation

STILL = VariationSettings(
    flip_probability=0, affine_probability=0, intensity_scale=0, intensity_shift=0, noise_sd=0
)


def patients(n: int, crops: int = 1, edge: int = 16) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Patients whose label shows as brightness of a corner."""
    rng = np.random.default_rng(3)
    images, labels = {}, {}
    for number in range(n):
        subject, label = f"P{number:02d}", number % 2
        image = rng.normal(size=(crops, 2, edge, edge, edge))
        image[:, 0, :8, :8, :8] += 3 * label
        images[subject], labels[subject] = image.astype(np.float16), label
    return images, labels


def settings(quick: Cnn3dSettings, **training_settings) -> Cnn3dSettings:
    return quick.model_copy(update={"training": TrainingSettings(**training_settings)})


def test_the_default_network_is_small():
    network = build_cnn3d(4, Cnn3dSettings(), 0)
    assert parameter_count(network) == 77_841
    assert network.encode(torch.zeros(2, 4, 48, 48, 48)).shape == (2, 32)
    assert network(torch.zeros(2, 4, 32, 32, 32)).shape == (2,)


def test_a_vector_depends_on_its_own_crop_only(quick):
    network = build_cnn3d(2, quick, 0).eval()
    crops = torch.randn(5, 2, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(network.encode(crops)[3:4], network.encode(crops[3:4]))


def test_it_learns_what_is_there_to_be_learned(quick):
    images, labels = patients(16)
    trained = train_network(
        images, labels, settings(quick, epochs=30, batch_size=4, learning_rate=0.01), np.random.default_rng(0)
    )
    assert trained.curve[-1]["train_loss"] < 0.3 < trained.curve[0]["train_loss"]
    network = load_cnn3d(2, quick, trained.arrays)
    with torch.inference_mode():
        logits = {
            s: float(network(torch.from_numpy(image.astype(np.float32)))[0]) for s, image in images.items()
        }
    assert all((logits[s] > 0) == bool(label) for s, label in labels.items())


def test_the_same_generator_gives_the_same_bytes_whatever_ran_before(quick):
    images, labels = patients(8, crops=3)
    one = train_network(images, labels, quick, np.random.default_rng(4))
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 (to show that the global generators do not matter)
    two = train_network(images, labels, quick, np.random.default_rng(4))
    other = train_network(images, labels, quick, np.random.default_rng(5))
    assert one.curve == two.curve != other.curve
    for name, array in one.arrays.items():
        assert array.tobytes() == two.arrays[name].tobytes(), name


def test_training_leaves_torch_as_it_found_it(quick):
    images, labels = patients(4)
    torch.manual_seed(1)
    wanted = torch.rand(1)
    torch.manual_seed(1)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    train_network(images, labels, quick, np.random.default_rng(0))
    assert torch.equal(torch.rand(1), wanted)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    with one_thread():
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()


def test_classes_count_the_same():
    weights = class_weights([1, 1, 1, 0])
    assert weights == {0: pytest.approx(2.0), 1: pytest.approx(2 / 3)}
    assert 1 * weights[0] == pytest.approx(3 * weights[1])


@pytest.mark.parametrize(("n_short", "aside"), [(20, (4, 8)), (17, (0, 0)), (18, (4, 8))])
def test_early_stopping_needs_four_validation_patients_of_the_smaller_class(n_short, aside):
    labels = {f"S{n}": 0 for n in range(n_short)} | {f"L{n}": 1 for n in range(40)}
    fit_on, stop_by = inner_split(labels, TrainingSettings(), np.random.default_rng(0))
    counts = tuple(sum(s.startswith(kind) for s in stop_by) for kind in "SL")
    assert counts == aside
    assert sorted(fit_on + stop_by) == sorted(labels)


def test_early_stopping_keeps_the_best_epoch(quick):
    images, labels = patients(20)
    wanted = settings(quick, epochs=60, patience=3, validation_share=0.4, learning_rate=0.02, batch_size=4)
    trained = train_network(images, labels, wanted, np.random.default_rng(0))
    losses = [point["validation_loss"] for point in trained.curve]
    assert trained.stopping == "early"
    assert trained.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == 60 or len(losses) == trained.best_epoch + 3


def test_without_enough_patients_the_epochs_are_fixed(quick):
    images, labels = patients(8)
    trained = train_network(images, labels, settings(quick, epochs=3), np.random.default_rng(0))
    assert (trained.stopping, trained.best_epoch, len(trained.curve)) == ("fixed_epochs", 3, 3)
    assert {point["validation_loss"] for point in trained.curve} == {None}


def test_masked_reconstruction_learns_to_rebuild(quick):
    images, labels = patients(12)
    for number, image in enumerate(images.values()):  # smooth images can be rebuilt
        image[:] = np.sin(np.arange(16) / 4 + number)[:, None, None]
    wanted = settings(quick, epochs=1, self_supervised_epochs=25, learning_rate=0.01)
    curve = train_network(
        images, labels, wanted.model_copy(update={"variation": STILL}), np.random.default_rng(0)
    ).curve
    rebuilt = [point["train_loss"] for point in curve if point["phase"] == "self_supervised"]
    assert len(rebuilt) == 25
    assert rebuilt[-1] < 0.5 * rebuilt[0]
    assert curve[-1]["phase"] == "supervised"


def test_the_decoder_puts_each_block_where_its_voxel_stands(quick):
    decoder = BlockDecoder(2, quick)
    features = torch.zeros(1, quick.channels[-1], 2, 2, 2, requires_grad=True)
    decoder(features)[0, 1, 8:, :8, 8:].sum().backward()
    touched = features.grad.abs().sum(dim=1)[0] > 0
    assert touched.nonzero().tolist() == [[1, 0, 1]]


def test_hidden_blocks_are_blocks_of_the_wanted_share():
    hidden = training._hidden_blocks(torch.Size((3, 2, 32, 32, 32)), 0.5, np.random.default_rng(0))
    assert hidden.shape == (3, 1, 32, 32, 32)
    assert hidden.float().mean(dim=(1, 2, 3, 4)).tolist() == [0.5] * 3
    blocks = hidden.reshape(3, 4, 8, 4, 8, 4, 8).float().mean(dim=(2, 4, 6))
    assert set(blocks.unique().tolist()) == {0.0, 1.0}


def test_variation_changes_a_little_and_only_when_asked():
    crop = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 16, 16, 16)).astype(np.float32))
    assert torch.equal(variation(STILL, np.random.default_rng(0))(crop).as_subclass(torch.Tensor), crop)
    changed = [variation(VariationSettings(), np.random.default_rng(n))(crop) for n in (0, 0, 1)]
    assert torch.equal(*(c.as_subclass(torch.Tensor) for c in changed[:2]))
    assert not torch.equal(*(c.as_subclass(torch.Tensor) for c in changed[1:]))
    flip = variation(STILL.model_copy(update={"flip_probability": 1.0}), np.random.default_rng(0))
    assert torch.equal(flip(crop).as_subclass(torch.Tensor), crop.flip(1))


def test_the_device_is_what_the_settings_say():
    assert choose_device(InferenceSettings(device="cpu")).type == "cpu"
    wanted = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device(InferenceSettings()).type == wanted
