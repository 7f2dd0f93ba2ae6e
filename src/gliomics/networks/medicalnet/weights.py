"""MedicalNet's weights: found, checked, kept as safetensors.

Starting Kedro must not wait for torch: it is imported where weights are read.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from gliomics.errors import WeightsError
from gliomics.lineage.case_store import CaseRecord
from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.networks.settings import HUB, UNTRAINED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.medicalnet.network import MedicalNetResNet18
    from gliomics.networks.settings import MedicalNetSettings

WHERE = "embedding.medicalnet.weights"
SHOWN_KEYS = 3
HUB_TIMEOUT_S = 5
PREFIX = "module."
GET_THEM = (
    "Download resnet_18_23dataset.pth from huggingface.co/TencentMedicalNet/MedicalNet-Resnet18, name the "
    f"file in embedding.medicalnet.weights and its sha256 beside it; or set weights: {UNTRAINED}, and the "
    "vectors will be called untrained."
)


@dataclass(frozen=True)
class Weights:
    """Which weights a frozen network has.

    Attributes
    ----------
    name : str
        As the embeddings table says it: ``untrained``, or the first 12 digits of the checkpoint's sha256.
    key : str or None
        Where the store keeps them; none for untrained ones, which follow from the seed.
    torch_seed : int
        Of untrained weights.
    """

    name: str
    key: str | None
    torch_seed: int

    @property
    def identity(self) -> str:
        """What a vector's key holds of them."""
        return self.key or f"{UNTRAINED}-{self.torch_seed}"


def prepare_weights(settings: MedicalNetSettings, store: CaseStore, torch_seed: int) -> Weights:
    """Find the weights that the settings ask for and keep a checked safetensors copy in the store.

    Parameters
    ----------
    settings : MedicalNetSettings
        Which weights.
    store : CaseStore
        Keeps the copy; with it the checkpoint is not opened again.
    torch_seed : int
        Of untrained weights.

    Returns
    -------
    Weights
        To be loaded by `load_medicalnet`.

    Raises
    ------
    WeightsError
        If they cannot be had, are not the ones of the configuration or do not fit the network.
    """
    if settings.weights == UNTRAINED:
        return Weights(UNTRAINED, None, torch_seed)
    key = weights_key(settings)
    if store.get(key) is None:
        keep_checkpoint(settings, store, key)
    return Weights(str(settings.sha256)[:12], key, torch_seed)


def weights_key(settings: MedicalNetSettings) -> str:
    """Name the record of the checked copy of a checkpoint."""
    return fingerprint_json({"what": "medicalnet weights", "sha256": settings.sha256})


def keep_checkpoint(settings: MedicalNetSettings, store: CaseStore, key: str) -> None:
    """Read the checkpoint that the settings name, check it and keep a safetensors copy in the store.

    Parameters
    ----------
    settings : MedicalNetSettings
        A file or the hub, and the sha256.
    store : CaseStore
        Takes the copy.
    key : str
        Where.

    Raises
    ------
    WeightsError
        If it cannot be had, is not the one of the configuration or does not fit the network.
    """
    from gliomics.networks.medicalnet.network import build_medicalnet

    path = _from_hub(settings) if settings.weights == HUB else Path(settings.weights)
    if not path.is_file():
        raise WeightsError(
            where=f"{WHERE}: {path.name}", expected="the file must be there", got="no such file", fix=GET_THEM
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != settings.sha256:
        raise WeightsError(
            where=f"{WHERE}: {path.name}",
            expected=f"its sha256 must be the configured {settings.sha256}",
            got=found,
            fix="Fetch the file again, or correct embedding.medicalnet.sha256.",
        )
    state = read_state_dict(path)
    fit_state_dict(build_medicalnet(), state, path.name)
    store.put(key, CaseRecord({name: tensor.numpy() for name, tensor in state.items()}))


def load_medicalnet(weights: Weights, store: CaseStore) -> MedicalNetResNet18:
    """Build the network with the prepared weights.

    Parameters
    ----------
    weights : Weights
        As `prepare_weights` gave them.
    store : CaseStore
        That keeps them.

    Returns
    -------
    MedicalNetResNet18
        In evaluation mode, frozen.

    Raises
    ------
    WeightsError
        If the store has lost them.
    """
    from gliomics.networks.medicalnet.network import build_medicalnet

    network = build_medicalnet(weights.torch_seed)
    if weights.key is None:
        return network
    record = store.get(weights.key)
    if record is None:
        raise WeightsError(
            where=WHERE,
            expected="the store must hold the checked copy",
            got=f"no whole record {weights.key}",
            fix="Run the embedding stage again.",
        )
    fit_state_dict(network, to_tensors(record.arrays, network), weights.name)
    return network


def to_tensors(arrays: Mapping[str, Any], network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Turn a record's arrays into tensors of a network's shapes (a record has no numbers without axes)."""
    import torch

    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    return {
        name: torch.from_numpy(array.copy()).reshape(shapes[name])
        if name in shapes and array.size == 1
        else torch.from_numpy(array.copy())
        for name, array in arrays.items()
    }


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read a checkpoint without running anything that it holds.

    Parameters
    ----------
    path : Path
        Made by ``torch.save``: a state dict, or a dictionary with one under ``state_dict``; keys with or
        without the prefix ``module.``.

    Returns
    -------
    dict of str to Tensor
        Without the prefix, on the CPU.

    Raises
    ------
    WeightsError
        If it is no such file.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise _no_checkpoint(path, (str(error).splitlines() or [type(error).__name__])[0]) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise _no_checkpoint(path, f"a {type(content).__name__} that is no state dict")
    return {str(name).removeprefix(PREFIX): tensor for name, tensor in content.items()}


def fit_state_dict(network: torch.nn.Module, state: Mapping[str, torch.Tensor], name: str) -> None:
    """Load weights into a network if every key and shape fits.

    Parameters
    ----------
    network : Module
        Is changed.
    state : mapping of str to Tensor
        The weights.
    name : str
        Of the checkpoint, for the message.

    Raises
    ------
    WeightsError
        Naming the first keys that are missing, unexpected or of another shape.
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    given = {key: tuple(tensor.shape) for key, tensor in state.items()}
    offending = {
        "missing": [key for key in wanted if key not in given],
        "unexpected": [key for key in given if key not in wanted],
        "of another shape": [key for key in wanted if key in given and wanted[key] != given[key]],
    }
    wrong = [f"{len(keys)} {kind} ({_first(keys)})" for kind, keys in offending.items() if keys]
    if wrong:
        raise WeightsError(
            where=f"{WHERE}: {name}",
            expected="every key must be one of MedicalNet's 3D ResNet-18",
            got="; ".join(wrong),
            fix=f"Take the checkpoint of ResNet-18 with shortcut A. {GET_THEM}",
        )
    network.load_state_dict(dict(state), strict=True)


def _first(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    return ", ".join(keys[:SHOWN_KEYS]) + more


def _no_checkpoint(path: Path, found: str) -> WeightsError:
    return WeightsError(
        where=f"{WHERE}: {path.name}",
        expected="it must be a checkpoint of tensors only",
        got=found,
        fix=GET_THEM,
    )


def _from_hub(settings: MedicalNetSettings) -> Path:
    """Fetch the checkpoint or find it in the hub's cache; without a network fail at once."""
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise WeightsError(
            where=WHERE,
            expected="weights: hub needs the extra `hub`",
            got="no huggingface_hub",
            fix=f"Install it with `pip install 'gliomics[hub]'`. {GET_THEM}",
        ) from error
    try:
        found = hub.try_to_load_from_cache(settings.hub_repository, settings.hub_file)
        if isinstance(found, str):
            return Path(found)
        _reach(hub.constants.ENDPOINT)
        return Path(
            hub.hf_hub_download(settings.hub_repository, settings.hub_file, etag_timeout=HUB_TIMEOUT_S)
        )
    except (OSError, hub.errors.HfHubHTTPError, hub.errors.LocalEntryNotFoundError) as error:
        raise WeightsError(
            where=WHERE,
            expected=f"{settings.hub_repository} must be reachable",
            got=type(error).__name__,
            fix=GET_THEM,
        ) from error


def _reach(endpoint: str) -> None:
    """Open one connection: the hub's own client would try again and again for most of a minute."""
    urlopen(endpoint, timeout=HUB_TIMEOUT_S).close()  # noqa: S310  (the hub's own address)
