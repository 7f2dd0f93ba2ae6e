"""Encoding every case with every network: fanned out over cases or networks, found again in the store."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from gliomics.compute import is_needed, lost_case, map_cases
from gliomics.errors import ScanError, WeightsError
from gliomics.lineage.case_store import CaseRecord
from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.networks.code_version import code_version
from gliomics.networks.sampling.crops import load_crops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from gliomics.compute import ComputeSettings
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.medicalnet.weights import Weights
    from gliomics.networks.settings import Cnn3dSettings, InferenceSettings, MedicalNetSettings

VECTORS = "vectors"


def encode_medicalnet(
    keys: Mapping[str, str],
    weights: Weights,
    store: CaseStore,
    settings: MedicalNetSettings,
    inference: InferenceSettings,
    *,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, NDArray[np.float32]], dict[str, ScanError]]:
    """Encode every case with MedicalNet, one pass a modality.

    Parameters
    ----------
    keys : mapping of str to str
        Each patient's crops in one sampling.
    weights : Weights
        As prepared.
    store : CaseStore
        Holds crops and weights, takes the vectors of each case.
    settings : MedicalNetSettings
        How modalities are joined.
    inference : InferenceSettings
        Where.
    compute : ComputeSettings
        How cases are spread on a CPU; each is computed on one thread.
    on_progress : callable, optional
        Called with the number of cases done and of all.

    Returns
    -------
    dict of str to ndarray of float32, shape (crops, dimensions)
        Per patient: 512 dimensions, or 512 a modality when they are concatenated.
    dict of str to ScanError
        The cases that could not be encoded, because every worker died on them.
    """
    from gliomics.networks.execution import choose_device

    device = choose_device(inference)
    named = {s: _vector_key(key, weights.identity, device.type, {}) for s, key in keys.items()}
    lost: dict[str, ScanError] = {}
    if device.type != "cpu":
        found = _encode_missing_on_device(keys, named, weights, store, inference, device=device)
    else:
        work = [(subject, key, named[subject]) for subject, key in keys.items()]
        found = {}
        encode = partial(_encode_case, weights=weights, store=store)
        for subject, vectors in map_cases(encode, work, compute, on_lost=_lost):
            if isinstance(vectors, ScanError):
                lost[subject] = vectors
            else:
                found[subject] = vectors
            if on_progress is not None:
                on_progress(len(found) + len(lost), len(work))
    join = _average if settings.modalities == "average" else _concatenate
    return {subject: join(vectors) for subject, vectors in found.items()}, lost


def encode_cnn3d(
    networks: Sequence[tuple[str | None, int]],
    keys: Mapping[str, str],
    store: CaseStore,
    settings: Cnn3dSettings,
    *,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, NDArray[np.float32]]]:
    """Encode every case with each of some light networks, always on a CPU: they are small.

    Parameters
    ----------
    networks : sequence of (str or None, int)
        Key of the trained network, or none and the seed of an untrained one.
    keys : mapping of str to str
        Each patient's crops in the networks' sampling.
    store : CaseStore
        Holds crops and networks, takes the vectors that each network made of all cases.
    settings : Cnn3dSettings
        The network.
    compute : ComputeSettings
        How networks are spread.
    on_progress : callable, optional
        Called with the number of networks done and of all.

    Returns
    -------
    list of dict of str to ndarray of float32, shape (crops, dimensions)
        Per network, per patient.
    """
    encode = partial(_encode_with, keys=dict(keys), store=store, settings=settings)
    results = []
    for vectors in map_cases(encode, list(networks), compute, on_lost=is_needed(_name)):
        results.append(vectors)
        if on_progress is not None:
            on_progress(len(results), len(networks))
    return results


def _lost(work: tuple[str, str, str], reason: str) -> tuple[str, NDArray[np.float32] | ScanError]:
    return work[0], lost_case(work[0], reason)


def _name(network: tuple[str | None, int]) -> str:
    return f"vectors of cnn3d network {(network[0] or 'untrained')[:12]}"


def _encode_case(
    work: tuple[str, str, str], weights: Weights, store: CaseStore
) -> tuple[str, NDArray[np.float32] | ScanError]:
    from gliomics.networks.inference import encode_on_cpu

    subject, crop_key, key = work
    record = store.get(key)
    if record is not None:
        return subject, record.arrays[VECTORS]
    crops = load_crops(store, {subject: crop_key})[subject]
    network = _network(weights, store)
    flat = encode_on_cpu(network, one_channel_each(crops))
    vectors = flat.reshape(*crops.shape[:2], -1)
    store.put(key, CaseRecord({VECTORS: vectors}))
    return subject, vectors


@cache
def _network(weights: Weights, store: CaseStore) -> Any:
    """Build MedicalNet once a process."""
    from gliomics.networks.medicalnet.weights import load_medicalnet

    return load_medicalnet(weights, store)


def _encode_missing_on_device(
    keys: Mapping[str, str],
    named: Mapping[str, str],
    weights: Weights,
    store: CaseStore,
    inference: InferenceSettings,
    *,
    device: Any,
) -> dict[str, NDArray[np.float32]]:
    """Encode on a GPU the cases that the store does not have, in one stream."""
    from gliomics.networks.inference import encode_on_device

    found = {s: record.arrays[VECTORS] for s, key in named.items() if (record := store.get(key)) is not None}
    missing = [subject for subject in keys if subject not in found]
    shapes: dict[str, tuple[int, int]] = {}

    def cases() -> Iterator[NDArray[np.float16]]:
        for subject in missing:
            crops = load_crops(store, {subject: keys[subject]})[subject]
            shapes[subject] = crops.shape[:2]
            yield one_channel_each(crops)

    network = _network(weights, store).to(device)
    stream = encode_on_device(
        network, cases(), device, batch=inference.gpu_batch, autocast=device.type == "cuda"
    )
    for subject, flat in zip(missing, stream, strict=True):
        found[subject] = flat.reshape(*shapes[subject], -1)
        store.put(named[subject], CaseRecord({VECTORS: found[subject]}))
    return {subject: found[subject] for subject in keys}


def _encode_with(
    network: tuple[str | None, int], keys: Mapping[str, str], store: CaseStore, settings: Cnn3dSettings
) -> dict[str, NDArray[np.float32]]:
    network_key, torch_seed = network
    identity = network_key or f"untrained-{torch_seed}"
    widths = settings.model_dump(mode="json", include={"channels", "dimensions"})
    key = _vector_key(fingerprint_json(dict(keys)), identity, "cpu", widths)
    record = store.get(key)
    if record is None:
        build = partial(_light_network, network, store, settings)
        record = CaseRecord(_encode_each(keys, store, build))
        store.put(key, record)
    return dict(record.arrays)


def _light_network(
    network: tuple[str | None, int], store: CaseStore, settings: Cnn3dSettings, n_modalities: int
) -> Any:
    from gliomics.networks.cnn3d.network import build_cnn3d, load_cnn3d

    key, torch_seed = network
    if key is None:
        return build_cnn3d(n_modalities, settings, torch_seed).eval()
    return load_cnn3d(n_modalities, settings, _trained(store, key))


def _encode_each(
    keys: Mapping[str, str], store: CaseStore, build: Callable[[int], Any]
) -> dict[str, NDArray[np.float32]]:
    """Encode case after case; one case's crops are in memory."""
    from gliomics.networks.inference import encode_on_cpu

    network, vectors = None, {}
    for subject, key in keys.items():
        crops = load_crops(store, {subject: key})[subject]
        network = network or build(crops.shape[1])
        vectors[subject] = encode_on_cpu(network.encode, crops)
    return vectors


def _trained(store: CaseStore, key: str) -> Mapping[str, NDArray[Any]]:
    record = store.get(key)
    if record is None:
        raise WeightsError(
            where="cnn3d",
            expected="the store must hold the network of every fold",
            got=f"no whole record {key}",
            fix="Run the embedding stage again.",
        )
    return record.arrays


def one_channel_each(crops: NDArray[np.float16]) -> NDArray[np.float16]:
    """Take the modalities apart: (crops, modalities, x, y, z) to (crops x modalities, 1, x, y, z)."""
    return crops.reshape(-1, 1, *crops.shape[2:])


def _average(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    averaged: NDArray[np.float32] = vectors.mean(axis=1)
    return averaged


def _concatenate(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors.reshape(len(vectors), -1)


def _vector_key(crops: str, network: str, device: str, settings: Mapping[str, object]) -> str:
    return fingerprint_json(
        {
            "what": "vectors",
            "crops": crops,
            "network": network,
            "device": device,
            "settings": settings,
            "code": code_version(),
        }
    )
