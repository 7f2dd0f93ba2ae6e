"""The stage's two steps on a whole cohort: networks of the folds, vectors of everybody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gliomics.compute import fresh_workers
from gliomics.networks.encoding import encode_cnn3d, encode_medicalnet
from gliomics.networks.medicalnet.weights import prepare_weights
from gliomics.networks.sampling.crops import crop_keys, load_crops
from gliomics.networks.settings import SAMPLINGS, TRAINED_IN_FOLD, TRAINED_ON_ALL, UNTRAINED
from gliomics.networks.tables import TEST, TRAIN, NetworkVectors, embeddings_table, patch_variance_table
from gliomics.networks.training.fold_networks import curves_table, train_networks, untrained_seed
from gliomics.networks.training.fold_plan import design_folds, plan_networks, untrainable
from gliomics.networks.training.learning import summarise_learning

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from gliomics.compute import ComputeSettings
    from gliomics.errors import ScanError
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.medicalnet.weights import Weights
    from gliomics.networks.settings import Cnn3dSettings, InferenceSettings, MedicalNetSettings, Sampling

TRAINED, PRETRAINED, SKIPPED, DISABLED = "trained", "pretrained", "skipped", "disabled"
NO_SCANS = "no patient has usable scans"
HOW_TO_STAND_IN = "embedding.cnn3d.untrained_stand_in: true lets random weights stand in"


@dataclass(frozen=True)
class EmbeddingNetworks:
    """Settings of both networks and of where they run."""

    cnn3d: Cnn3dSettings
    medicalnet: MedicalNetSettings
    inference: InferenceSettings


@dataclass(frozen=True)
class CohortEmbeddings:
    """What the stage leaves.

    Attributes
    ----------
    embeddings : DataFrame
        Vectors of frozen networks and of the networks of the folds.
    final_embeddings : DataFrame
        Vectors of the networks trained on every labelled patient: only for models that are fitted on all
        of them, never for cross-validation, whose test patients these networks have seen.
    patch_variance : DataFrame
        Variance between the patches of a patient.
    summary : dict
        What each network is, whether it is trained, and why not if it is not.
    lost : dict of str to ScanError
        Cases that every worker died on: no network has a vector of them.
    """

    embeddings: pd.DataFrame
    final_embeddings: pd.DataFrame
    patch_variance: pd.DataFrame
    summary: dict[str, Any]
    lost: dict[str, ScanError]


def train_cohort(
    patients: pd.DataFrame,
    folds: pd.DataFrame,
    crop_index: pd.DataFrame,
    store: CaseStore,
    settings: Cnn3dSettings,
    *,
    compute: ComputeSettings,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train the light network of every fold, permutation and sampling, and the final ones.

    Parameters
    ----------
    patients : DataFrame
        Labelled patients of the primary population: ``subject_id``, ``benefit``.
    folds : DataFrame
        ``subject_id``, ``repeat``, ``fold``.
    crop_index : DataFrame
        As `gliomics.networks.sampling.cohort_crops.sample_cohort` makes it.
    store : CaseStore
        Holds the crops and takes the networks.
    settings : Cnn3dSettings
        Network, training, repeats, permutations.
    compute : ComputeSettings
        How networks are spread.
    seed : int
        The run's seed.
    on_progress : callable, optional
        Called with the number of networks done and of all.

    Returns
    -------
    dict
        ``status`` (trained, skipped or disabled), ``reason``, ``networks``: where each is and on whom it was
        trained, and ``learning``: how many of them did not learn
        (`gliomics.networks.training.learning.summarise_learning`).
    DataFrame
        The loss curves.
    """
    samplings = _samplings(crop_index)
    keys = {sampling: crop_keys(crop_index, sampling) for sampling in samplings}
    reason = None if samplings else NO_SCANS
    tasks = []
    if settings.enabled and samplings:
        design = design_folds(patients, folds, sorted(keys[samplings[0]]), settings, seed)
        tasks = plan_networks(design, samplings, settings)
        reason = untrainable(tasks)
    if not settings.enabled or reason is not None:
        status = SKIPPED if settings.enabled else DISABLED
        return {"status": status, "reason": reason, "networks": [], "learning": []}, curves_table([])
    trained = train_networks(
        tasks, keys, store, settings, compute=compute, seed=seed, on_progress=on_progress
    )
    networks = [
        {
            "sampling": done.task.sampling,
            "permutation": done.task.permutation,
            "repeat": done.task.repeat,
            "fold": done.task.fold,
            "network_key": done.key,
            "train_subjects": list(done.task.train_subjects),
            "labels": list(done.task.labels),
            "test_subjects": sorted(done.task.test_subjects),
            **{name: done.facts[name] for name in ("stopping", "best_epoch", "train_loss", "train_auc")},
        }
        for done in trained
    ]
    made = {"status": TRAINED, "reason": None, "networks": networks, "learning": summarise_learning(networks)}
    return made, curves_table(trained)


def embed_cohort(
    crop_index: pd.DataFrame,
    fold_networks: dict[str, Any],
    folds: pd.DataFrame,
    store: CaseStore,
    settings: EmbeddingNetworks,
    *,
    compute: ComputeSettings,
    seed: int,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> CohortEmbeddings:
    """Encode every patient with usable scans with every network.

    Parameters
    ----------
    crop_index : DataFrame
        Where the crops are.
    fold_networks : dict
        As `train_cohort` gave it. Where no network could be trained, there are no rows of it, or, if the
        settings ask for it, those of a seeded untrained one, which say so.
    folds : DataFrame
        Who has a role in which fold.
    store : CaseStore
        Holds crops and networks, takes vectors.
    settings : EmbeddingNetworks
        The networks and where they run.
    compute : ComputeSettings
        How cases and networks are spread.
    seed : int
        Of untrained weights.
    on_progress : callable, optional
        Called with what is being done, how much of it is done and how much there is.

    Returns
    -------
    CohortEmbeddings
        Tables with the right columns even where there are no scans.
    """
    samplings = _samplings(crop_index)
    fresh_workers()
    light = _LightNetworks(fold_networks, folds, store, settings.cnn3d, compute, seed)
    weights = _weights(settings.medicalnet, store, seed) if samplings else None
    keys = {sampling: crop_keys(crop_index, sampling) for sampling in samplings}
    networks: list[NetworkVectors] = []
    lost: dict[str, ScanError] = {}
    if weights is not None:  # first, so that a worker has its full size after its first case
        for sampling in samplings:
            vectors, given_up = encode_medicalnet(
                keys[sampling],
                weights,
                store,
                settings.medicalnet,
                settings.inference,
                compute=compute,
                on_progress=_named(on_progress, f"medicalnet, {sampling}"),
            )
            lost |= given_up
            networks.append(NetworkVectors("medicalnet", sampling, weights.name, 0, None, None, {}, vectors))
    if settings.cnn3d.enabled:
        for sampling in samplings:
            whole = {subject: key for subject, key in keys[sampling].items() if subject not in lost}
            networks += light.encode(sampling, whole, _named(on_progress, f"cnn3d, {sampling}"))
    networks = [_without(network, lost) for network in networks]
    pooling = {"cnn3d": settings.cnn3d.pooling, "medicalnet": settings.medicalnet.pooling}
    in_folds = [network for network in networks if network.weights != TRAINED_ON_ALL]
    final = [network for network in networks if network.weights == TRAINED_ON_ALL]
    return CohortEmbeddings(
        embeddings_table(in_folds, pooling),
        embeddings_table(final, pooling),
        patch_variance_table(in_folds),
        {
            "patients": int(crop_index["subject_id"].nunique()) - len(lost),
            "samplings": list(samplings),
            "cnn3d": light.summary(crop_index),
            "medicalnet": _medicalnet_summary(settings.medicalnet, weights, samplings),
        },
        lost,
    )


@dataclass(frozen=True)
class _LightNetworks:
    """The trained networks, or the untrained ones that stand in if asked, and how they are applied."""

    fold_networks: dict[str, Any]
    folds: pd.DataFrame
    store: CaseStore
    settings: Cnn3dSettings
    compute: ComputeSettings
    seed: int

    def encode(
        self, sampling: Sampling, keys: dict[str, str], on_progress: Callable[[int, int], None] | None
    ) -> list[NetworkVectors]:
        """Encode with every trained network of a sampling; without any, with an untrained one if asked."""
        trained = [network for network in self.fold_networks["networks"] if network["sampling"] == sampling]
        if not trained and not self.settings.untrained_stand_in:
            return []
        wanted: list[tuple[str | None, int]] = [(network["network_key"], 0) for network in trained]
        vectors = encode_cnn3d(
            wanted or [(None, untrained_seed(self.seed, "cnn3d", sampling))],
            keys,
            self.store,
            self.settings,
            compute=self.compute,
            on_progress=on_progress,
        )
        if not trained:
            return [NetworkVectors("cnn3d", sampling, UNTRAINED, 0, None, None, {}, vectors[0])]
        return [
            NetworkVectors(
                "cnn3d",
                sampling,
                TRAINED_ON_ALL if network["repeat"] is None else TRAINED_IN_FOLD,
                network["permutation"],
                network["repeat"],
                network["fold"],
                self._roles(network),
                found,
            )
            for network, found in zip(trained, vectors, strict=True)
        ]

    def summary(self, crop_index: pd.DataFrame) -> dict[str, Any]:
        """Say what they are."""
        status, reason = self.fold_networks["status"], self.fold_networks["reason"]
        if status == SKIPPED and not crop_index.empty:
            if self.settings.untrained_stand_in:
                status = UNTRAINED
            else:
                reason = f"{reason}; {HOW_TO_STAND_IN}"
        facts = {
            "status": status,
            "reason": reason,
            "networks_trained": len(self.fold_networks["networks"]),
            "learning": self.fold_networks.get("learning", []),
            "dimensions": self.settings.dimensions,
        }
        if crop_index.empty or not self.settings.enabled:
            return facts
        first = crop_index.iloc[0]
        crops = load_crops(self.store, {first["subject_id"]: first["crop_key"]})[first["subject_id"]]
        from gliomics.networks.cnn3d.network import build_cnn3d, parameter_count

        return {**facts, "parameters": parameter_count(build_cnn3d(crops.shape[1], self.settings, 0))}

    def _roles(self, network: dict[str, Any]) -> dict[str, str]:
        if network["repeat"] is None:
            return {}
        test = set(network["test_subjects"])
        eligible = self.folds.loc[self.folds["repeat"] == network["repeat"], "subject_id"]
        return {subject: TEST if subject in test else TRAIN for subject in eligible}


def _without(network: NetworkVectors, lost: dict[str, ScanError]) -> NetworkVectors:
    return replace(network, vectors={s: found for s, found in network.vectors.items() if s not in lost})


def _weights(settings: MedicalNetSettings, store: CaseStore, seed: int) -> Weights | None:
    if not settings.enabled:
        return None
    return prepare_weights(settings, store, untrained_seed(seed, "medicalnet", "any"))


def _medicalnet_summary(
    settings: MedicalNetSettings, weights: Weights | None, samplings: list[Sampling]
) -> dict[str, Any]:
    if weights is None:
        skipped = settings.enabled and not samplings
        return {"status": SKIPPED if skipped else DISABLED, "reason": NO_SCANS if skipped else None}
    status = UNTRAINED if weights.name == UNTRAINED else PRETRAINED
    return {"status": status, "reason": None, "weights": weights.name, "modalities": settings.modalities}


def _samplings(crop_index: pd.DataFrame) -> list[Sampling]:
    there = set(crop_index["sampling"])
    return [sampling for sampling in SAMPLINGS if sampling in there]


def _named(
    on_progress: Callable[[str, int, int], None] | None, doing: str
) -> Callable[[int, int], None] | None:
    return None if on_progress is None else partial(on_progress, doing)
