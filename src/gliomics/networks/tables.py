"""The embeddings table: from the vectors of crops to one row a patient and network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.networks.settings import NetworkName, Pooling, Sampling

KEY_COLUMNS = (
    "subject_id",
    "network",
    "sampling",
    "weights",
    "permutation",
    "repeat",
    "fold",
    "role",
)
VARIANCE_COLUMNS = (*KEY_COLUMNS, "n_patches", "mean_variance")
CURVE_COLUMNS = (
    "sampling",
    "permutation",
    "repeat",
    "fold",
    "phase",
    "epoch",
    "train_loss",
    "validation_loss",
)
EMBEDDING, VARIANCE = "emb", "var"
TRAIN, TEST = "train", "test"


@dataclass(frozen=True)
class NetworkVectors:
    """What one network made of every usable case in one sampling.

    Attributes
    ----------
    network : str
        ``cnn3d`` or ``medicalnet``.
    sampling : str
    weights : str
        ``trained_in_fold``, ``trained_on_all``, ``untrained``, or the first 12 digits of the weights' sha256.
    permutation : int
        0 = observed labels.
    repeat, fold : int or None
        None for a network that belongs to no fold.
    roles : mapping of str to str
        ``train`` or ``test`` of each patient who is in the folds; empty for a network that belongs to none.
    vectors : mapping of str to ndarray, shape (crops, dimensions)
        Of each patient.
    """

    network: NetworkName
    sampling: Sampling
    weights: str
    permutation: int
    repeat: int | None
    fold: int | None
    roles: Mapping[str, str]
    vectors: Mapping[str, NDArray[np.float32]]

    def key(self, subject_id: str) -> dict[str, Any]:
        """Give the key columns of a patient's row."""
        return {
            "subject_id": subject_id,
            "network": self.network,
            "sampling": self.sampling,
            "weights": self.weights,
            "permutation": self.permutation,
            "repeat": self.repeat,
            "fold": self.fold,
            "role": self.roles.get(subject_id),
        }

    @property
    def subjects(self) -> list[str]:
        """Patients who get a row, sorted: those of the folds, or all when the network belongs to none."""
        return sorted(self.vectors) if self.fold is None else sorted(set(self.vectors) & set(self.roles))


def pool(vectors: NDArray[np.float32], sampling: Sampling, pooling: Sequence[Pooling]) -> NDArray[np.float32]:
    """Make one vector of a patient's crops.

    Parameters
    ----------
    vectors : ndarray, shape (crops, dimensions)
        One row a crop.
    sampling : str
        The bounding box has one crop and is taken as it is.
    pooling : sequence of str
        ``mean``, ``std`` (population) and ``max`` over patches, joined in this order.

    Returns
    -------
    ndarray of float32, shape (dimensions,) or (len(pooling) x dimensions,)

    Examples
    --------
    >>> pool(np.array([[1.0, 2.0], [3.0, 2.0]], np.float32), "patches", ("mean", "std", "max")).tolist()
    [2.0, 2.0, 1.0, 0.0, 3.0, 2.0]
    """
    if sampling == "bounding_box":
        only: NDArray[np.float32] = vectors[0]
        return only
    wide = vectors.astype(np.float64)
    parts = {"mean": wide.mean(axis=0), "std": wide.std(axis=0), "max": wide.max(axis=0)}
    return np.concatenate([parts[name] for name in pooling]).astype(np.float32)


def embeddings_table(
    networks: Iterable[NetworkVectors], pooling: Mapping[str, Sequence[Pooling]]
) -> pd.DataFrame:
    """Gather the long table.

    Parameters
    ----------
    networks : iterable of NetworkVectors
        In the order of the rows.
    pooling : mapping of str to sequence of str
        Of each network.

    Returns
    -------
    DataFrame
        `KEY_COLUMNS` and ``emb_000``... float32, NaN where a network has fewer dimensions.
    """
    keys, rows = [], []
    for network in networks:
        for subject in network.subjects:
            keys.append(network.key(subject))
            rows.append(pool(network.vectors[subject], network.sampling, pooling[network.network]))
    return pd.concat([_keys(keys), _numbers(rows, EMBEDDING)], axis=1)


def patch_variance_table(networks: Iterable[NetworkVectors]) -> pd.DataFrame:
    """Gather the variance between the patches of each patient, for networks of observed labels.

    Parameters
    ----------
    networks : iterable of NetworkVectors
        Those of other samplings and of permuted labels are passed over.

    Returns
    -------
    DataFrame
        `VARIANCE_COLUMNS` and ``var_000``...: variance (n - 1) of each dimension over a patient's patches.
    """
    keys, rows = [], []
    for network in networks:
        if network.sampling != "patches" or network.permutation:
            continue
        for subject in network.subjects:
            variance = network.vectors[subject].astype(np.float64).var(axis=0, ddof=1)
            keys.append(
                {
                    **network.key(subject),
                    "n_patches": len(network.vectors[subject]),
                    "mean_variance": float(variance.mean()),
                }
            )
            rows.append(variance.astype(np.float32))
    facts = _keys(keys)
    facts["n_patches"] = pd.Series([key["n_patches"] for key in keys], dtype="int64")
    facts["mean_variance"] = pd.Series([key["mean_variance"] for key in keys], dtype="float64")
    return pd.concat([facts, _numbers(rows, VARIANCE)], axis=1)


def _keys(keys: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(
        [{name: key[name] for name in KEY_COLUMNS} for key in keys], columns=list(KEY_COLUMNS)
    )
    return table.astype(
        {
            **dict.fromkeys(("subject_id", "network", "sampling", "weights", "role"), "object"),
            "permutation": "int64",
            "repeat": "Int64",
            "fold": "Int64",
        }
    )


def _numbers(rows: list[NDArray[np.float32]], prefix: str) -> pd.DataFrame:
    width = max(map(len, rows), default=0)
    numbers = np.full((len(rows), width), np.nan, dtype=np.float32)
    for place, row in zip(numbers, rows, strict=True):
        place[: len(row)] = row
    return pd.DataFrame(numbers, columns=[f"{prefix}_{number:03d}" for number in range(width)])
