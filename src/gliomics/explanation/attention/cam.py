"""Grad-CAM by MONAI, of the score that a patient's crops give together, and of randomised networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.visualize.class_activation_maps import GradCAM
from torch import Tensor, nn

from gliomics.networks.execution import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gliomics.networks.settings import Pooling

LAST_MAP = {"cnn3d": "features", "medicalnet": "layer4"}
"""The part of each network that ends in its last map."""
CASCADE: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "cnn3d": (
        ("project", ("project.",)),
        ("conv4", ("features.9.", "features.10.")),
        ("conv3", ("features.6.", "features.7.")),
        ("conv2", ("features.3.", "features.4.")),
        ("conv1", ("features.0.", "features.1.")),
    ),
    "medicalnet": (
        ("layer4", ("layer4.",)),
        ("layer3", ("layer3.",)),
        ("layer2", ("layer2.",)),
        ("layer1", ("layer1.",)),
        ("conv1", ("conv1.", "bn1.")),
    ),
}
"""Layers from the top to the bottom: a control's name, and the weights that it randomises beyond the last."""


@dataclass(frozen=True)
class HowPooled:
    """How the vectors of a case's crops become its embedding.

    Attributes
    ----------
    sampling : str
        The bounding box has one crop, which is taken as it is.
    pooling : tuple of str
        ``mean``, ``std`` and ``max`` over patches, in the order of the columns.
    concatenate : bool
        Whether the passes of modalities stand side by side; otherwise they are averaged.
    """

    sampling: str
    pooling: tuple[Pooling, ...]
    concatenate: bool = False


class ScoredCrops(nn.Module):
    """A network, the pooling of a case's crops and the head: all crops in, one pair of scores out.

    The gradient reaches each crop, and each pass of a modality, by its own share in the pooled vector. It
    stops below the last map, whose gradient is all that Grad-CAM asks for.

    Parameters
    ----------
    name : str
        Of the network.
    network : Module
        Is changed: frozen, and cut behind its last map.
    how : HowPooled
        Pooling.
    passes : int
        Passes a crop: the number of modalities for MedicalNet, 1 for a network that sees all at once.
    """

    def __init__(self, name: str, network: nn.Module, how: HowPooled, passes: int) -> None:
        super().__init__()
        self.network = network.requires_grad_(requires_grad=False).eval()
        self.how, self.passes = how, passes
        last = network.get_submodule(LAST_MAP[name])
        last.add_module("cut", _Cut())
        last.add_module("seen", nn.Identity())
        self.target = f"network.{LAST_MAP[name]}.seen"
        self.weights = torch.zeros(0)

    def forward(self, crops: Tensor) -> Tensor:
        """Give minus and plus the log-odds that the network contributes: (n, ...) to (1, 2)."""
        encode = getattr(self.network, "encode", self.network)
        vectors = encode(crops).double().reshape(len(crops) // self.passes, self.passes, -1)
        joined = vectors.flatten(start_dim=1) if self.how.concatenate else vectors.mean(dim=1)
        log_odds = (self._pooled(joined) * self.weights).sum()
        return torch.stack([-log_odds, log_odds])[None]

    def _pooled(self, vectors: Tensor) -> Tensor:
        if self.how.sampling == "bounding_box":
            return vectors[0]
        parts = {
            "mean": vectors.mean(dim=0),
            "std": vectors.std(dim=0, correction=0),
            "max": vectors.amax(dim=0),
        }
        return torch.cat([parts[name] for name in self.how.pooling])


class _Cut(nn.Module):
    """Where the graph begins."""

    def forward(self, features: Tensor) -> Tensor:
        return features.detach().requires_grad_()


@dataclass(frozen=True)
class Maps:
    """The raw maps of a case.

    Attributes
    ----------
    maps : ndarray, shape (crops, passes, x, y, z)
        Not negative; in the units of the score over the units of the map, not normalised.
    log_odds : float
        What the network contributes to the log-odds of long survival.
    """

    maps: NDArray[np.float32]
    log_odds: float


class CaseCam:
    """Asks one network for the maps of any number of cases and heads.

    Parameters
    ----------
    scored : ScoredCrops
        Network and pooling.
    """

    def __init__(self, scored: ScoredCrops) -> None:
        self._scored = scored
        self._cam: Any = GradCAM(nn_module=scored, target_layers=scored.target)

    def maps(self, crops: Tensor, weights: NDArray[np.float64], called: int) -> Maps:
        """Make the maps of a case's crops.

        Parameters
        ----------
        crops : Tensor, shape (crops x passes, channels, x, y, z)
            Of one case.
        weights : ndarray, shape (columns of the network,)
            The head's.
        called : int
            1: what speaks for long survival; 0: for short.

        Returns
        -------
        Maps
            On one thread, so that the bytes do not depend on where they are made.
        """
        self._scored.weights = torch.from_numpy(np.array(weights, dtype=np.float64))
        with one_thread():
            maps = self._cam.compute_map(crops, class_idx=called).detach()
        log_odds = float(self._cam.nn_module.score.detach()) * (1 if called else -1)
        shape = (len(crops) // self._scored.passes, self._scored.passes, *maps.shape[2:])
        return Maps(maps.reshape(shape).numpy().astype(np.float32), log_odds)


def as_batch(crops: NDArray[np.float16], passes: int) -> Tensor:
    """Turn the crops of a case, (crops, modalities, x, y, z), into what the network is shown."""
    batch = torch.from_numpy(crops.astype(np.float32))
    if passes > 1:
        batch = batch.reshape(-1, 1, *crops.shape[2:])
    return batch.contiguous(memory_format=torch.channels_last_3d)


def randomise_downwards(name: str, network: nn.Module, fresh: nn.Module) -> Iterator[str]:
    """Randomise a network's weights layer by layer from the top to the bottom, each on top of the last.

    Parameters
    ----------
    name : str
        Of the network.
    network : Module
        Is changed before each name is given.
    fresh : Module
        One with random weights.

    Yields
    ------
    str
        The lowest layer that is random.

    References
    ----------
    .. [1] Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    """
    random = fresh.state_dict()
    own = network.state_dict()
    for stage, prefixes in CASCADE[name]:
        for key, value in random.items():
            if key.startswith(prefixes):
                own[key].copy_(value)
        yield stage


def shuffled_weights(
    weights: NDArray[np.float64], spread: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Deal the weights of a head anew over a network's columns, each in the units of the column's spread.

    Parameters
    ----------
    weights, spread : ndarray, shape (columns,)
        Log-odds for a unit of each column, and its standard deviation in training.
    rng : Generator
        Deals.

    Returns
    -------
    ndarray, shape (columns,)
        0 for a column that did not vary in training.
    """
    varies = spread > 0
    dealt = np.zeros_like(weights)
    dealt[varies] = rng.permutation((weights * spread)[varies]) / spread[varies]
    return dealt


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Compute the Spearman correlation of two maps' cells; NaN where one of them is constant."""
    ranks = [_ranks(np.ravel(values)) for values in (one, other)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts)
    ranks: NDArray[np.float64] = (upto - (counts - 1) / 2)[place]
    return ranks
