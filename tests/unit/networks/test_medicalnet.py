"""MedicalNet as its authors built it, held against plain torch convolutions."""

from __future__ import annotations

import hashlib
import sys
import time

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from gliomics.errors import WeightsError
from gliomics.networks.medicalnet import weights as weights_module
from gliomics.networks.medicalnet.network import build_medicalnet
from gliomics.networks.medicalnet.weights import load_medicalnet, prepare_weights
from gliomics.networks.settings import MedicalNetSettings


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights in the public key layout: random values, running statistics included."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in build_medicalnet(seed).state_dict().items():
        if tensor.dtype == torch.int64:
            state[name] = tensor
        elif name.endswith("running_var") or (name.endswith("weight") and tensor.ndim == 1):
            state[name] = torch.rand(tensor.shape, generator=generator) + 0.5
        else:
            scale = 1 / np.sqrt(max(tensor[0].numel(), 1)) if tensor.ndim > 1 else 0.1
            state[name] = torch.randn(tensor.shape, generator=generator) * scale
    return state


def plain_forward(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Tencent's models/resnet.py written out: BasicBlock x [2, 2, 2, 2], shortcut A."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        names = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(x, *(state[f"{name}.{part}"] for part in names), training=False)

    def conv(x: torch.Tensor, name: str, stride: int, dilation: int) -> torch.Tensor:
        return functional.conv3d(
            x, state[f"{name}.weight"], stride=stride, padding=dilation, dilation=dilation
        )

    x = functional.conv3d(x, state["conv1.weight"], stride=2, padding=3)
    x = functional.max_pool3d(functional.relu(norm(x, "bn1")), kernel_size=3, stride=2, padding=1)
    plan = {"layer1": (64, 1, 1), "layer2": (128, 2, 1), "layer3": (256, 1, 2), "layer4": (512, 1, 4)}
    for layer, (planes, stride, dilation) in plan.items():
        for block in range(2):
            name, step = f"{layer}.{block}", stride if block == 0 else 1
            out = functional.relu(norm(conv(x, f"{name}.conv1", step, dilation), f"{name}.bn1"))
            out = norm(conv(out, f"{name}.conv2", 1, dilation), f"{name}.bn2")
            if step != 1 or x.shape[1] != planes:
                x = functional.avg_pool3d(x, kernel_size=1, stride=step)
                zeros = torch.zeros(x.shape[0], planes - x.shape[1], *x.shape[2:])
                x = torch.cat([x, zeros], dim=1)
            x = functional.relu(out + x)
    return x.mean(dim=(2, 3, 4))


@pytest.mark.parametrize("edge", [32, 41])
def test_one_pass_equals_plain_convolutions(edge):
    state = random_state()
    network = build_medicalnet()
    network.load_state_dict(state)
    x = torch.randn(2, 1, edge, edge, edge, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours, theirs = network(x), plain_forward(state, x)
    assert ours.shape == (2, 512)
    assert float(theirs.std()) > 0.01
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_monais_own_resnet18_gives_other_vectors_from_the_same_weights():
    from monai.networks.nets.resnet import resnet18

    state = random_state()
    theirs = resnet18(spatial_dims=3, n_input_channels=1, feed_forward=False, shortcut_type="A").eval()
    theirs.load_state_dict(state, strict=True)
    x = torch.randn(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert not torch.allclose(theirs(x), plain_forward(state, x), rtol=0.1, atol=0.01)


def test_gradients_flow_through_the_shortcut():
    network = build_medicalnet()
    for layer in (network.layer2, network.layer3, network.layer4):
        for name, parameter in layer[0].named_parameters():
            if "bn2" in name:  # the block itself gives 0: only the shortcut is left
                parameter.data.zero_()
    x = torch.randn(1, 1, 32, 32, 32, requires_grad=True)
    before = network.layer1(network.maxpool(network.act(network.bn1(network.conv1(x)))))
    before.retain_grad()
    network.layer2[0](before).sum().backward()
    assert before.grad is not None
    # Shortcut A of stride 2 hands every second voxel on, unchanged where it is positive.
    expected = torch.zeros_like(before)
    expected[:, :, ::2, ::2, ::2] = (before[:, :, ::2, ::2, ::2] > 0).float()
    torch.testing.assert_close(before.grad, expected)


def test_untrained_weights_are_seeded_and_frozen_and_leave_the_generator_alone():
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    one, two, other = build_medicalnet(1), build_medicalnet(1), build_medicalnet(2)
    assert torch.equal(torch.rand(1), wanted)
    assert torch.equal(one.conv1.weight, two.conv1.weight)
    assert not torch.equal(one.conv1.weight, other.conv1.weight)
    assert not any(parameter.requires_grad for parameter in one.parameters())
    assert not one.training


def checkpoint(path, content):
    torch.save(content, path)
    return MedicalNetSettings(weights=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("prefix", ["module.", ""])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_checkpoint_in_the_public_layout_loads_in_every_spelling(tmp_path, store, prefix, wrapped):
    state = random_state(3)
    spelt = {prefix + name: tensor for name, tensor in state.items()}
    settings = checkpoint(tmp_path / "resnet_18.pth", {"state_dict": spelt} if wrapped else spelt)
    weights = prepare_weights(settings, store, 1)
    assert weights.name == settings.sha256[:12]
    network = load_medicalnet(weights, store)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def test_the_safetensors_copy_replaces_the_checkpoint(tmp_path, store):
    path = tmp_path / "resnet_18.pth"
    settings = checkpoint(path, random_state(3))
    prepare_weights(settings, store, 1)
    path.unlink()
    weights = prepare_weights(settings, store, 1)
    assert torch.equal(load_medicalnet(weights, store).conv1.weight, random_state(3)["conv1.weight"])
    assert [file.suffix for file in store.folder.rglob("*") if file.is_file()] == [".safetensors"]


def broken(change):
    state = random_state()
    change(state)
    return state


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken(lambda s: s.pop("layer1.0.conv1.weight")), r"got 1 missing \(layer1\.0\.conv1\.weight\)"),
        (broken(lambda s: s.update({"fc.weight": torch.zeros(2)})), r"got 1 unexpected \(fc\.weight\)"),
        (
            {f"layer{n}.0.downsample.0.weight": torch.zeros(1) for n in (2, 3, 4)},
            r"got \d+ missing \(conv1\.weight, bn1\.weight, bn1\.bias and \d+ more\); 3 unexpected \(layer2",
        ),
        (
            broken(lambda s: s.update({"conv1.weight": torch.zeros(64, 3, 7, 7, 7)})),
            r"got 1 of another shape",
        ),
        ({"epoch": 3}, "got a dict that is no state dict"),
    ],
)
def test_a_wrong_checkpoint_is_refused_with_the_first_offending_keys(tmp_path, store, content, message):
    with pytest.raises(WeightsError, match=message):
        prepare_weights(checkpoint(tmp_path / "wrong.pth", content), store, 1)
    assert list(store.keys()) == []


class Malicious:
    def __reduce__(self):
        return (print, ("this must never run",))


def test_nothing_in_a_checkpoint_is_run(tmp_path, store, capsys):
    settings = checkpoint(tmp_path / "evil.pth", {"state_dict": Malicious()})
    with pytest.raises(WeightsError, match="it must be a checkpoint of tensors only"):
        prepare_weights(settings, store, 1)
    assert "never run" not in capsys.readouterr().out


def test_a_file_with_another_hash_is_refused(tmp_path, store):
    settings = checkpoint(tmp_path / "resnet_18.pth", random_state())
    (tmp_path / "resnet_18.pth").write_bytes(b"other")
    with pytest.raises(WeightsError, match="its sha256 must be the configured"):
        prepare_weights(settings, store, 1)


def test_a_missing_file_says_where_to_get_it(tmp_path, store):
    settings = MedicalNetSettings(weights=str(tmp_path / "none.pth"), sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"Download .* huggingface\.co/Tencent.*weights: untrained"):
        prepare_weights(settings, store, 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": "some.pth"}, "need sha256"),
        ({"weights": "hub"}, "need sha256"),
        ({"weights": "untrained", "sha256": "0" * 64}, "is no file"),
        ({}, "weights"),
    ],
)
def test_weights_must_be_said(given, message):
    with pytest.raises(ValidationError, match=message):
        MedicalNetSettings(**given)


def test_the_hub_without_its_package_or_network_fails_at_once(store, monkeypatch):
    settings = MedicalNetSettings(weights="hub", sha256="0" * 64)
    start = time.monotonic()

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(WeightsError, match=r"needs the extra `hub`"):
        prepare_weights(settings, store, 1)

    class Offline:
        class constants:  # noqa: N801
            ENDPOINT = "http://127.0.0.1:9"

        class errors:  # noqa: N801
            HfHubHTTPError = LocalEntryNotFoundError = OSError

        @staticmethod
        def try_to_load_from_cache(repository, file):
            return None

    monkeypatch.setitem(sys.modules, "huggingface_hub", Offline)
    with pytest.raises(WeightsError, match="MedicalNet-Resnet18 must be reachable, got URLError"):
        prepare_weights(settings, store, 1)
    assert time.monotonic() - start < 2 * weights_module.HUB_TIMEOUT_S
