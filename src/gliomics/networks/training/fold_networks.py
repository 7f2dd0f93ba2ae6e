"""Training the network of every fold, each found again in the store when nothing about it has changed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pandas as pd

from gliomics.compute import fresh_workers, is_needed, map_cases
from gliomics.lineage.case_store import CaseRecord
from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.networks.code_version import code_version
from gliomics.networks.sampling.crops import load_crops
from gliomics.networks.tables import CURVE_COLUMNS
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gliomics.compute import ComputeSettings
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.settings import Cnn3dSettings, Sampling
    from gliomics.networks.training.fold_plan import NetworkTask

logger = logging.getLogger(__name__)

FINAL = -1


@dataclass(frozen=True)
class TrainedTask:
    """A task and where the store keeps its network.

    Attributes
    ----------
    task : NetworkTask
    key : str
        Of the record with the network's state dict.
    facts : mapping
        ``curve``, ``stopping``, ``best_epoch``, ``train_loss`` of that epoch, ``train_auc``.
    reused : bool
        Whether it was found and not trained.
    """

    task: NetworkTask
    key: str
    facts: Mapping[str, Any]
    reused: bool


def train_networks(
    tasks: Sequence[NetworkTask],
    keys: Mapping[Sampling, Mapping[str, str]],
    store: CaseStore,
    settings: Cnn3dSettings,
    *,
    compute: ComputeSettings,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[TrainedTask]:
    """Train the networks that the store does not have yet.

    Each is put into the store as soon as it is trained, so that a run that was killed goes on where it was.

    Parameters
    ----------
    tasks : sequence of NetworkTask
        What is to be trained.
    keys : mapping of str to mapping
        By sampling, each patient's crops in the store.
    store : CaseStore
        Holds the crops and takes the networks.
    settings : Cnn3dSettings
        Network and training.
    compute : ComputeSettings
        How networks are spread; each trains on one thread.
    seed : int
        The run's seed.
    on_progress : callable, optional
        Called with the number of networks done and of all.

    Returns
    -------
    list of TrainedTask
        In the order of the tasks; the same for any number of workers.
    """
    work = [(task, {s: keys[task.sampling][s] for s in task.train_subjects}) for task in tasks]
    train = partial(_train, store=store, settings=settings, seed=seed)
    trained = []
    fresh_workers()
    for done in map_cases(train, work, compute, on_lost=is_needed(_name)):
        trained.append(done)
        if on_progress is not None:
            on_progress(len(trained), len(tasks))
    return trained


def curves_table(trained: Sequence[TrainedTask]) -> pd.DataFrame:
    """Gather the loss curves.

    Parameters
    ----------
    trained : sequence of TrainedTask
        Networks.

    Returns
    -------
    DataFrame
        One row a network, phase and epoch (`CURVE_COLUMNS`); repeat and fold missing for the final network.
    """
    rows = [
        {
            "sampling": done.task.sampling,
            "permutation": done.task.permutation,
            "repeat": done.task.repeat,
            "fold": done.task.fold,
            **point,
        }
        for done in trained
        for point in done.facts["curve"]
    ]
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS)).astype(
        {
            "sampling": "object",
            "permutation": "int64",
            "repeat": "Int64",
            "fold": "Int64",
            "phase": "object",
            "epoch": "int64",
            "train_loss": "float64",
            "validation_loss": "float64",
        }
    )


def _name(work: tuple[NetworkTask, dict[str, str]]) -> str:
    return f"training of {work[0].name}"


def _train(
    work: tuple[NetworkTask, dict[str, str]], store: CaseStore, settings: Cnn3dSettings, seed: int
) -> TrainedTask:
    from gliomics.networks.training.light_network import train_network

    task, keys = work
    key = network_key(task, keys, settings, seed)
    record = store.get(key)
    if record is not None:
        return TrainedTask(task, key, record.facts, reused=True)
    crops = load_crops(store, keys)
    labels = dict(zip(task.train_subjects, task.labels, strict=True))
    place = [FINAL if number is None else number for number in (task.repeat, task.fold)]
    rng = generator(seed, f"network {task.sampling}", task.permutation, *(number + 1 for number in place))
    network = train_network(crops, labels, settings, rng)
    facts = {
        "curve": network.curve,
        "stopping": network.stopping,
        "best_epoch": network.best_epoch,
        "train_loss": network.train_loss,
        "train_auc": network.train_auc,
    }
    store.put(key, CaseRecord(network.arrays, facts))
    logger.debug("%s: trained on %d patients", task.name, len(labels))
    return TrainedTask(task, key, facts, reused=False)


def network_key(task: NetworkTask, keys: Mapping[str, str], settings: Cnn3dSettings, seed: int) -> str:
    """Name a network by everything that it follows from.

    Parameters
    ----------
    task : NetworkTask
        Its training patients and labels.
    keys : mapping of str to str
        Their crops.
    settings : Cnn3dSettings
        Network and training; how many repeats and permutations there are, and what stands in, does not
        count.
    seed : int
        The run's seed.

    Returns
    -------
    str
        sha256 as 64 hexadecimal digits.
    """
    return fingerprint_json(
        {
            "what": "cnn3d",
            "place": [task.sampling, task.permutation, task.repeat, task.fold],
            "training": [[s, keys[s], y] for s, y in zip(task.train_subjects, task.labels, strict=True)],
            "settings": settings.model_dump(
                mode="json",
                exclude={"enabled", "untrained_stand_in", "repeats", "permutation_control", "pooling"},
            ),
            "seed": seed,
            "code": code_version(),
        }
    )


def untrained_seed(seed: int, network: str, sampling: str) -> int:
    """Draw the seed of weights that are never trained."""
    return int(generator(seed, f"untrained {network}", crc32(sampling.encode())).integers(2**31))
