"""Which network a patient's map is made with: the one that never saw the patient, built from the store."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gliomics.errors import WeightsError
from gliomics.learning.guard import LeakageGuard
from gliomics.networks.settings import TRAINED_IN_FOLD, UNTRAINED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.medicalnet.weights import Weights
    from gliomics.networks.settings import Cnn3dSettings, MedicalNetSettings, Pooling


@dataclass(frozen=True)
class OutOfFoldNetwork:
    """A network and how to build it.

    Attributes
    ----------
    network : str
        ``cnn3d`` or ``medicalnet``.
    sampling : str
    key : str or None
        Where the store keeps the weights of ``cnn3d``.
    frozen : Weights or None
        Those of ``medicalnet``.
    n_modalities : int
        Channels that the crops have.
    cnn3d : Cnn3dSettings
    medicalnet : MedicalNetSettings
    """

    network: str
    sampling: str
    key: str | None
    frozen: Weights | None
    n_modalities: int
    cnn3d: Cnn3dSettings
    medicalnet: MedicalNetSettings

    @property
    def passes(self) -> int:
        """Passes that the network makes over a crop: one a modality, or one over all of them."""
        return self.n_modalities if self.network == "medicalnet" else 1

    @property
    def pooling(self) -> tuple[Pooling, ...]:
        """How the vectors of patches are pooled."""
        return self.cnn3d.pooling if self.network == "cnn3d" else self.medicalnet.pooling

    @property
    def concatenate(self) -> bool:
        """Whether the vectors of the passes stand side by side."""
        return self.network == "medicalnet" and self.medicalnet.modalities == "concatenate"

    def build(self, store: CaseStore) -> Any:
        """Build it with its weights, in evaluation mode.

        Raises
        ------
        WeightsError
            If the store has lost them.
        """
        if self.frozen is not None:
            return copy.deepcopy(_frozen(self.frozen, store))
        record = store.get(str(self.key))
        if record is None:
            raise WeightsError(
                where="cnn3d",
                expected="the store must hold the network of every fold",
                got=f"no whole record {self.key}",
                fix="Run the embedding stage again.",
            )
        from gliomics.networks.cnn3d.network import load_cnn3d

        return load_cnn3d(self.n_modalities, self.cnn3d, record.arrays)

    def fresh(self, torch_seed: int) -> Any:
        """Give one with random weights, which is not to be changed."""
        return _fresh(self.network, self.n_modalities, self.cnn3d, torch_seed)


def trained_out_of_fold(
    fold_networks: Mapping[str, Any], sampling: str, repeat: int, fold: int, subject_id: str
) -> str:
    """Find the network of the observed labels that was trained without a patient's fold.

    Parameters
    ----------
    fold_networks : mapping
        As `gliomics.networks.training.cohort_networks.train_cohort` gives it.
    sampling : str
        Of the network.
    repeat, fold : int
        Where the patient is tested.
    subject_id : str
        The patient.

    Returns
    -------
    str
        Its key in the store.

    Raises
    ------
    WeightsError
        If there is none.
    LeakageError
        If the patient's image was among those that it was trained on.
    """
    for network in fold_networks["networks"]:
        place = network["sampling"], network["permutation"], network["repeat"], network["fold"]
        if place == (sampling, 0, repeat, fold):
            part = f"cnn3d ({sampling}) of repeat {repeat}, fold {fold}"
            LeakageGuard([subject_id]).check(part, network["train_subjects"])
            return str(network["network_key"])
    raise WeightsError(
        where=f"{subject_id} [cnn3d, {sampling}]",
        expected=f"there must be a network of repeat {repeat}, fold {fold}",
        got=f"none among the {len(fold_networks['networks'])} in fold_networks",
        fix="Run the embedding stage again.",
    )


def is_explained(weights: str) -> bool:
    """Whether a network of these weights, as the embeddings table names them, has learned anything."""
    return weights != UNTRAINED


def in_fold(weights: str) -> bool:
    """Whether these weights were trained inside the folds."""
    return weights == TRAINED_IN_FOLD


@cache
def _frozen(weights: Weights, store: CaseStore) -> Any:
    from gliomics.networks.medicalnet.weights import load_medicalnet

    return load_medicalnet(weights, store)


@cache
def _fresh(network: str, n_modalities: int, cnn3d: Cnn3dSettings, torch_seed: int) -> Any:
    from gliomics.networks.cnn3d.network import build_cnn3d
    from gliomics.networks.medicalnet.network import build_medicalnet

    if network == "cnn3d":
        return build_cnn3d(n_modalities, cnn3d, torch_seed).eval()
    return build_medicalnet(torch_seed)
