"""Which weights the frozen network has, said without loading torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.networks.settings import UNTRAINED

if TYPE_CHECKING:
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.settings import MedicalNetSettings

CHECKPOINTS = "gliomics.networks.medicalnet.weights"
"""Loaded only for a checkpoint that the store does not know yet."""


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
        To be loaded by `gliomics.networks.medicalnet.weights.load_medicalnet`.

    Raises
    ------
    WeightsError
        If they cannot be had, are not the ones of the configuration or do not fit the network.
    """
    if settings.weights == UNTRAINED:
        return Weights(UNTRAINED, None, torch_seed)
    key = weights_key(settings)
    if store.get(key) is None:
        import_module(CHECKPOINTS).keep_checkpoint(settings, store, key)
    return Weights(str(settings.sha256)[:12], key, torch_seed)


def weights_key(settings: MedicalNetSettings) -> str:
    """Name the record of the checked copy of a checkpoint."""
    return fingerprint_json({"what": "medicalnet weights", "sha256": settings.sha256})
