"""Training one light network: seeded, class-weighted, stopped early only where that can be judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.transforms.compose import Compose
from monai.transforms.intensity.array import RandGaussianNoise, RandScaleIntensity, RandShiftIntensity
from monai.transforms.spatial.array import RandAffine, RandFlip
from torch.nn.functional import binary_cross_entropy_with_logits

from gliomics.networks.cnn3d.network import REDUCTION, BlockDecoder, build_cnn3d
from gliomics.networks.execution import one_thread
from gliomics.networks.training.learning import separation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.networks.cnn3d.network import LightCnn3d
    from gliomics.networks.settings import Cnn3dSettings, TrainingSettings, VariationSettings

SELF_SUPERVISED = "self_supervised"
SUPERVISED = "supervised"


@dataclass(frozen=True)
class TrainedNetwork:
    """What training made.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The network's state dict.
    curve : list of dict
        ``phase``, ``epoch`` (from 1), ``train_loss`` and ``validation_loss`` (None without inner split); a
        loss that is not finite is None.
    stopping : str
        ``early`` or ``fixed_epochs``.
    best_epoch : int
        Whose weights these are; 0 when no epoch had a validation loss that could be compared.
    train_auc : float
        Of these weights on the patients they were fitted on.
    """

    arrays: dict[str, NDArray[Any]]
    curve: list[dict[str, Any]]
    stopping: str
    best_epoch: int
    train_auc: float

    @property
    def train_loss(self) -> float | None:
        """Training loss of the epoch whose weights these are; None when it was not finite."""
        losses = {p["epoch"]: p["train_loss"] for p in self.curve if p["phase"] == SUPERVISED}
        loss: float | None = losses.get(self.best_epoch)
        return loss


def train_network(
    crops: Mapping[str, NDArray[np.float16]],
    labels: Mapping[str, int],
    settings: Cnn3dSettings,
    rng: np.random.Generator,
) -> TrainedNetwork:
    """Train one network on some patients.

    Parameters
    ----------
    crops : mapping of str to ndarray
        Each training patient's crops, shape (crops, modalities, voxels, voxels, voxels).
    labels : mapping of str to int
        1 long, 0 short, of the same patients.
    settings : Cnn3dSettings
        Network, training and variation.
    rng : Generator
        Source of every chance: weights, order, variation, dropout.

    Returns
    -------
    TrainedNetwork
        The same for the same arguments, on any number of workers.
    """
    n_modalities = next(iter(crops.values())).shape[1]
    torch_seed = int(rng.integers(2**31))
    with one_thread(), torch.random.fork_rng(devices=[]):
        network = build_cnn3d(n_modalities, settings, torch_seed)
        torch.manual_seed(torch_seed)
        curve: list[dict[str, Any]] = []
        if settings.training.self_supervised_epochs:
            curve += _reconstruct(network, crops, settings, rng)
        return _supervise(network, crops, labels, settings, rng, curve=curve)


def inner_split(
    labels: Mapping[str, int], settings: TrainingSettings, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Set some training patients aside to stop early by, if there are enough of them (PROTOCOL 2).

    Parameters
    ----------
    labels : mapping of str to int
        Of the training patients.
    settings : TrainingSettings
        Share, and how many patients of the smaller class are enough.
    rng : Generator
        Chooses them.

    Returns
    -------
    list of str, list of str
        Patients to fit on and patients to stop by; the second is empty when there are too few.
    """
    classes = [sorted(s for s, label in labels.items() if label == wanted) for wanted in (0, 1)]
    taken = [round(len(group) * settings.validation_share) for group in classes]
    if min(taken) < settings.min_validation_minority:
        return sorted(labels), []
    aside: list[str] = []
    for group, n in zip(classes, taken, strict=True):
        aside += [group[row] for row in rng.permutation(len(group))[:n]]
    return sorted(set(labels) - set(aside)), sorted(aside)


def class_weights(labels: Sequence[int]) -> dict[int, float]:
    """Weigh the classes so that both count the same in the loss; the mean weight is 1."""
    counts = {label: list(labels).count(label) for label in (0, 1)}
    return {label: len(labels) / (2 * n) for label, n in counts.items() if n}


def variation(settings: VariationSettings, rng: np.random.Generator) -> Compose:
    """Build the light random changes of training crops.

    Parameters
    ----------
    settings : VariationSettings
        Kinds and limits; one that is 0 is left out.
    rng : Generator
        Seeds them.

    Returns
    -------
    monai.transforms.Compose
        Maps a float32 crop, shape (modalities, x, y, z), to another one.
    """
    steps: list[Any] = [RandFlip(prob=settings.flip_probability, spatial_axis=0)]
    if settings.affine_probability:
        steps.append(
            RandAffine(
                prob=settings.affine_probability,
                rotate_range=[math.radians(settings.rotation_degrees)] * 3,
                scale_range=[settings.scaling] * 3,
                translate_range=[settings.shift_voxels] * 3,
                padding_mode="zeros",
            )
        )
    if settings.intensity_scale:
        steps.append(RandScaleIntensity(factors=settings.intensity_scale, prob=0.5, channel_wise=True))
    if settings.intensity_shift:
        steps.append(RandShiftIntensity(offsets=settings.intensity_shift, prob=0.5, channel_wise=True))
    if settings.noise_sd:
        steps.append(RandGaussianNoise(prob=0.25, std=settings.noise_sd))
    changes = Compose(steps)
    changes.set_random_state(seed=int(rng.integers(2**31)))
    return changes


def _batches(
    crops: Mapping[str, NDArray[np.float16]],
    subjects: Sequence[str],
    settings: TrainingSettings,
    changes: Compose,
    rng: np.random.Generator,
) -> Iterator[tuple[list[str], torch.Tensor]]:
    """Give an epoch's batches: of each patient some crops, drawn anew, changed a little."""
    items = [
        (subject, int(number))
        for subject in subjects
        for number in rng.permutation(len(crops[subject]))[: settings.crops_per_patient]
    ]
    items = [items[row] for row in rng.permutation(len(items))]
    for start in range(0, len(items), settings.batch_size):
        chosen = items[start : start + settings.batch_size]
        changed = [changes(torch.from_numpy(crops[s][number].astype(np.float32))) for s, number in chosen]
        # MONAI's tensors carry a history of their own; the network wants plain ones.
        yield [s for s, _ in chosen], torch.stack([crop.as_subclass(torch.Tensor) for crop in changed])


def _supervise(
    network: LightCnn3d,
    crops: Mapping[str, NDArray[np.float16]],
    labels: Mapping[str, int],
    settings: Cnn3dSettings,
    rng: np.random.Generator,
    *,
    curve: list[dict[str, Any]],
) -> TrainedNetwork:
    training = settings.training
    fit_on, stop_by = inner_split(labels, training, rng)
    weights = class_weights([labels[s] for s in fit_on])
    changes = variation(settings.variation, rng)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    best, best_epoch, best_loss = _state(network), 0, math.inf
    for epoch in range(1, training.epochs + 1):
        network.train()
        total, seen = 0.0, 0
        for subjects, batch in _batches(crops, fit_on, training, changes, rng):
            loss = _loss(network(batch), [labels[s] for s in subjects], weights)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total, seen = total + float(loss.detach()) * len(subjects), seen + len(subjects)
        judged = _validation_loss(network, crops, labels, stop_by, weights) if stop_by else None
        curve.append(_point(SUPERVISED, epoch, total / seen, judged))
        if judged is None or judged < best_loss:
            best, best_epoch, best_loss = _state(network), epoch, judged if judged is not None else math.inf
        elif epoch - best_epoch >= training.patience:
            break
    network.load_state_dict({name: torch.from_numpy(array) for name, array in best.items()})
    logits = _mean_logits(network, crops, fit_on)
    train_auc = separation(logits.tolist(), [labels[s] for s in fit_on])
    return TrainedNetwork(best, curve, "early" if stop_by else "fixed_epochs", best_epoch, train_auc)


def _loss(logits: torch.Tensor, labels: Sequence[int], weights: Mapping[int, float]) -> torch.Tensor:
    target = torch.tensor(labels, dtype=logits.dtype)
    weight = torch.tensor([weights[label] for label in labels], dtype=logits.dtype)
    return binary_cross_entropy_with_logits(logits, target, weight=weight)


@torch.no_grad()
def _mean_logits(
    network: LightCnn3d, crops: Mapping[str, NDArray[np.float16]], subjects: Sequence[str]
) -> torch.Tensor:
    network.eval()
    return torch.stack([network(torch.from_numpy(crops[s].astype(np.float32))).mean() for s in subjects])


def _validation_loss(
    network: LightCnn3d,
    crops: Mapping[str, NDArray[np.float16]],
    labels: Mapping[str, int],
    subjects: Sequence[str],
    weights: Mapping[int, float],
) -> float:
    logits = _mean_logits(network, crops, subjects)
    return float(_loss(logits, [labels[s] for s in subjects], weights))


def _reconstruct(
    network: LightCnn3d,
    crops: Mapping[str, NDArray[np.float16]],
    settings: Cnn3dSettings,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Teach the convolutions to rebuild hidden blocks of the training patients' crops; no label is used."""
    training = settings.training
    decoder = BlockDecoder(next(iter(crops.values())).shape[1], settings)
    learned = [*network.features.parameters(), *decoder.parameters()]
    optimiser = torch.optim.AdamW(learned, lr=training.learning_rate, weight_decay=training.weight_decay)
    changes = variation(settings.variation, rng)
    curve = []
    network.train()
    for epoch in range(1, training.self_supervised_epochs + 1):
        total, seen = 0.0, 0
        for subjects, batch in _batches(crops, sorted(crops), training, changes, rng):
            hidden = _hidden_blocks(batch.shape, training.mask_share, rng)
            rebuilt = decoder(network.features(batch * ~hidden))
            loss = (rebuilt - batch).square()[hidden.expand_as(batch)].mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total, seen = total + float(loss.detach()) * len(subjects), seen + len(subjects)
        curve.append(_point(SELF_SUPERVISED, epoch, total / seen, None))
    return curve


def _hidden_blocks(shape: torch.Size, share: float, rng: np.random.Generator) -> torch.Tensor:
    """Choose the blocks to hide, the same number in every crop, all modalities together."""
    n, _, *edges = shape
    grid = [edge // REDUCTION for edge in edges]
    count = max(1, round(math.prod(grid) * share))
    hidden = np.zeros((n, math.prod(grid)), dtype=bool)
    for row in hidden:
        row[rng.permutation(len(row))[:count]] = True
    blocks = hidden.reshape(n, 1, *grid)
    for axis in (2, 3, 4):
        blocks = blocks.repeat(REDUCTION, axis=axis)
    return torch.from_numpy(blocks)


def _point(phase: str, epoch: int, train_loss: float, validation_loss: float | None) -> dict[str, Any]:
    losses = {"train_loss": train_loss, "validation_loss": validation_loss}
    kept = {name: loss if loss is not None and math.isfinite(loss) else None for name, loss in losses.items()}
    return {"phase": phase, "epoch": epoch, **kept}


def _state(network: LightCnn3d) -> dict[str, NDArray[Any]]:
    return {name: tensor.detach().clone().numpy() for name, tensor in network.state_dict().items()}
