"""Settings of the embedding stage."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

Sampling = Literal["bounding_box", "patches"]
NetworkName = Literal["cnn3d", "medicalnet"]
Pooling = Literal["mean", "std", "max"]
SAMPLINGS: tuple[Sampling, ...] = ("bounding_box", "patches")
UNTRAINED = "untrained"
TRAINED_IN_FOLD = "trained_in_fold"
TRAINED_ON_ALL = "trained_on_all"
HUB = "hub"
SHA256 = re.compile(r"[0-9a-f]{64}")


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError(f"each must be named once, got {', '.join(values)}")
    return values


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BoundingBoxSettings(_Settings):
    """The tumour's box, widened and resampled to a cube.

    Attributes
    ----------
    margin_mm : float
        Added on every side.
    voxels : int
        Edge of the cube; its voxels are as large as the longest side of the box needs.
    """

    margin_mm: float = Field(default=8.0, ge=0, le=60)
    voxels: int = Field(default=32, ge=16, le=192)


class PatchSettings(_Settings):
    """Cubes drawn inside the tumour core and along its infiltrating margin.

    Attributes
    ----------
    n : int
        Cubes a case.
    size_mm : float
        Edge of a cube.
    voxels : int
        Edge of the resampled cube.
    margin_share : float
        Share of the cubes that are centred in the margin; rounded to whole cubes.
    margin_mm : float
        The margin is the shell of brain at most this far from the tumour's boundary, on both sides.
    core_labels : tuple of int
        Labels of the core.
    """

    n: int = Field(default=6, ge=2, le=128)
    size_mm: float = Field(default=32.0, gt=1, le=160)
    voxels: int = Field(default=16, ge=16, le=128)
    margin_share: float = Field(default=0.5, ge=0, le=1)
    margin_mm: float = Field(default=5.0, gt=0, le=40)
    core_labels: tuple[int, ...] = Field(default=(1, 4), min_length=1)

    @property
    def n_margin(self) -> int:
        """Cubes that are centred in the margin."""
        return int(self.n * self.margin_share + 0.5)


class SamplingSettings(_Settings):
    """Where the networks look.

    Attributes
    ----------
    samplings : tuple of str
        ``bounding_box`` and ``patches``, or one of them.
    modalities : tuple of str
        Channels, in this order.
    bounding_box : BoundingBoxSettings
    patches : PatchSettings
    label_map : dict of int to int
        Labels that are renamed first, such as ``{3: 4}`` for BraTS 2023.
    clip : float
        Intensities are z-scores over brain voxels, cut off here; everything that is no brain is 0.
    """

    samplings: Annotated[tuple[Sampling, ...], AfterValidator(_each_once)] = Field(
        default=SAMPLINGS, min_length=1
    )
    modalities: Annotated[tuple[str, ...], AfterValidator(_each_once)] = Field(
        default=("t1", "t1ce", "t2", "flair"), min_length=1
    )
    bounding_box: BoundingBoxSettings = BoundingBoxSettings()
    patches: PatchSettings = PatchSettings()
    label_map: dict[int, int] = Field(default={})
    clip: float = Field(default=5.0, gt=0, le=100)
    max_failed_fraction: float = Field(default=0.2, ge=0, le=1)


class TrainingSettings(_Settings):
    """How a network of a fold is trained.

    Attributes
    ----------
    epochs : int
        Upper limit with early stopping, the exact number without.
    batch_size : int
        Crops a step.
    crops_per_patient : int
        Patches of a patient that an epoch draws anew (the bounding box is one).
    learning_rate, weight_decay : float
        Of AdamW.
    patience : int
        Epochs without a better validation loss before training stops.
    validation_share : float
        Share of the training patients that the inner split sets aside.
    min_validation_minority : int
        Early stopping needs this many validation patients of the smaller class (PROTOCOL 2); else the number
        of epochs is fixed and every training patient trains.
    self_supervised_epochs : int
        Epochs of masked reconstruction on the training patients before the labels are used.
    mask_share : float
        Share of the blocks that masked reconstruction hides.
    """

    epochs: int = Field(default=25, ge=1, le=2000)
    batch_size: int = Field(default=8, ge=2, le=512)
    crops_per_patient: int = Field(default=2, ge=1, le=64)
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    weight_decay: float = Field(default=1e-2, ge=0, le=1)
    patience: int = Field(default=10, ge=1, le=1000)
    validation_share: float = Field(default=0.2, gt=0, lt=0.6)
    min_validation_minority: int = Field(default=4, ge=1, le=1000)
    self_supervised_epochs: int = Field(default=0, ge=0, le=2000)
    mask_share: float = Field(default=0.5, gt=0, lt=1)


class VariationSettings(_Settings):
    """Light random changes of training crops.

    Attributes
    ----------
    flip_probability : float
        Left and right exchanged.
    affine_probability : float
        Rotation, scaling and shift together, within the limits that follow.
    rotation_degrees, scaling, shift_voxels : float
        Limits along each axis.
    intensity_scale, intensity_shift, noise_sd : float
        Limits, in units of the normalised intensities.
    """

    flip_probability: float = Field(default=0.5, ge=0, le=1)
    affine_probability: float = Field(default=0.3, ge=0, le=1)
    rotation_degrees: float = Field(default=10.0, ge=0, le=90)
    scaling: float = Field(default=0.1, ge=0, lt=0.5)
    shift_voxels: float = Field(default=2.0, ge=0, le=16)
    intensity_scale: float = Field(default=0.1, ge=0, lt=1)
    intensity_shift: float = Field(default=0.1, ge=0, le=2)
    noise_sd: float = Field(default=0.05, ge=0, le=2)


class PermutationControlSettings(_Settings):
    """Networks trained on permuted labels (PROTOCOL 4): how many permutations, on how many repeats."""

    n: int = Field(default=1, ge=0, le=10_000)
    repeats: int = Field(default=1, ge=1, le=1000)


class Cnn3dSettings(_Settings):
    """The lightweight network, its training and for which repeats it is trained.

    Attributes
    ----------
    enabled : bool
        Whether the stage has it.
    untrained_stand_in : bool
        Whether seeded random weights stand in where no network can be trained. Otherwise such a cohort has
        no vectors of this network, and an arm that needs them is skipped with the reason.
    repeats : int
        Repeats of the folds table for which networks are trained, from the first; the arms that use them are
        compared on these.
    permutation_control : PermutationControlSettings
    channels : tuple of int
        Of the four convolutions.
    dimensions : int
        Of a vector.
    dropout : float
        Before the head.
    pooling : tuple of str
        How the patches of a case become one vector; the parts are joined.
    training : TrainingSettings
    variation : VariationSettings
    """

    enabled: bool = True
    untrained_stand_in: bool = False
    repeats: int = Field(default=1, ge=1, le=1000)
    permutation_control: PermutationControlSettings = PermutationControlSettings()
    channels: tuple[int, int, int, int] = (8, 16, 32, 64)
    dimensions: int = Field(default=32, ge=2, le=512)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    pooling: Annotated[tuple[Pooling, ...], AfterValidator(_each_once)] = Field(
        default=("mean", "std", "max"), min_length=1
    )
    training: TrainingSettings = TrainingSettings()
    variation: VariationSettings = VariationSettings()

    @field_validator("channels")
    @classmethod
    def _divisible(cls, channels: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        if any(width < 4 or width % 4 for width in channels) or max(channels) > 128:
            raise ValueError(f"channels must be multiples of 4 from 4 to 128, got {channels}")
        return channels


class MedicalNetSettings(_Settings):
    """MedicalNet's 3D ResNet-18, frozen.

    Attributes
    ----------
    enabled : bool
        Whether the stage has it.
    weights : str
        A checkpoint file (relative to the project), ``hub`` for the Hugging Face hub, or ``untrained``:
        seeded random weights, which stand in where there is no checkpoint and are called untrained
        everywhere.
    sha256 : str or None
        Of the checkpoint; required for a file and for the hub.
    hub_repository, hub_file : str
        Where ``hub`` fetches from.
    modalities : str
        ``average`` or ``concatenate`` the vectors of the modalities.
    pooling : tuple of str
        As for the lightweight network.
    """

    enabled: bool = True
    weights: str = Field(min_length=1)
    sha256: str | None = None
    hub_repository: str = "TencentMedicalNet/MedicalNet-Resnet18"
    hub_file: str = "resnet_18_23dataset.pth"
    modalities: Literal["average", "concatenate"] = "average"
    pooling: Annotated[tuple[Pooling, ...], AfterValidator(_each_once)] = Field(
        default=("mean", "std", "max"), min_length=1
    )

    @model_validator(mode="after")
    def _checkpoint_has_a_hash(self) -> Self:
        if self.weights != UNTRAINED and not SHA256.fullmatch(self.sha256 or ""):
            raise ValueError(
                f"weights {self.weights!r} need sha256, the 64 hexadecimal digits of the checkpoint file "
                f"(`sha256sum <file>`), got {self.sha256!r}; without a checkpoint say weights: {UNTRAINED}"
            )
        if self.weights == UNTRAINED and self.sha256 is not None:
            raise ValueError(f"weights: {UNTRAINED} is no file, so that sha256 must be null")
        return self


class InferenceSettings(_Settings):
    """Where vectors are computed.

    Attributes
    ----------
    device : str
        ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
    gpu_batch : int
        Crops of one channel that a GPU takes at once.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    gpu_batch: int = Field(default=128, ge=1, le=65_536)
