"""The lightweight 3D CNN, and the decoder that it is taught with when labels are few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gliomics.networks.settings import Cnn3dSettings

STRIDES = (2, 2, 2, 1)
REDUCTION = 8
"""Voxels of the input along an edge of a voxel of the last map."""
LEAK = 0.1
"""Slope of the activations below 0, so that no unit dies."""


class LightCnn3d(nn.Module):
    """Four convolutions, mean and maximum over space, one linear layer to a vector, one to a logit.

    Batches are normalised, with running statistics: differences of amplitude between patients stay, which
    texture is made of. In evaluation mode a vector depends on its own image only.

    Parameters
    ----------
    n_modalities : int
        Channels of the input.
    settings : Cnn3dSettings
        Widths.
    """

    def __init__(self, n_modalities: int, settings: Cnn3dSettings) -> None:
        super().__init__()
        widths = (n_modalities, *settings.channels)
        layers: list[nn.Module] = []
        for before, after, stride in zip(widths[:-1], widths[1:], STRIDES, strict=True):
            layers += [
                nn.Conv3d(before, after, kernel_size=3, stride=stride, padding=1, bias=False),
                nn.BatchNorm3d(after),
                nn.LeakyReLU(LEAK),
            ]
        layers[-1] = nn.ReLU()  # Grad-CAM reads the last map: what is absent there must be 0, not negative
        self.features = nn.Sequential(*layers)
        self.project = nn.Linear(2 * widths[-1], settings.dimensions)
        self.drop = nn.Dropout(settings.dropout)
        self.head = nn.Linear(settings.dimensions, 1)

    def encode(self, crops: Tensor) -> Tensor:
        """Make the vector of each crop: (n, modalities, x, y, z) to (n, dimensions)."""
        features = self.features(crops)
        pooled = torch.cat([features.mean(dim=(2, 3, 4)), features.amax(dim=(2, 3, 4))], dim=1)
        vectors: Tensor = self.project(pooled)
        return vectors

    def forward(self, crops: Tensor) -> Tensor:
        """Make the logit of long survival of each crop: (n, modalities, x, y, z) to (n,)."""
        logits: Tensor = self.head(self.drop(leaky_relu(self.encode(crops), LEAK)))
        return logits.squeeze(1)


class BlockDecoder(nn.Module):
    """From a voxel of the last map back to the block of the input that it stands for.

    Parameters
    ----------
    n_modalities : int
        Channels of the input.
    settings : Cnn3dSettings
        Widths.
    """

    def __init__(self, n_modalities: int, settings: Cnn3dSettings) -> None:
        super().__init__()
        self.n_modalities = n_modalities
        self.blocks = nn.Conv3d(settings.channels[-1], n_modalities * REDUCTION**3, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        """Rebuild the input: (n, channels, x, y, z) to (n, modalities, 8 x, 8 y, 8 z)."""
        blocks: Tensor = self.blocks(features)
        n, _, x, y, z = blocks.shape
        r = REDUCTION
        blocks = blocks.reshape(n, self.n_modalities, r, r, r, x, y, z).permute(0, 1, 5, 2, 6, 3, 7, 4)
        return blocks.reshape(n, self.n_modalities, r * x, r * y, r * z)


def build_cnn3d(n_modalities: int, settings: Cnn3dSettings, torch_seed: int) -> LightCnn3d:
    """Build the network with seeded random weights.

    Parameters
    ----------
    n_modalities : int
        Channels of the input.
    settings : Cnn3dSettings
        Widths.
    torch_seed : int
        Of its weights; torch's own generator is left as it was.

    Returns
    -------
    LightCnn3d
        On the CPU, in training mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed)
        return LightCnn3d(n_modalities, settings)


def load_cnn3d(n_modalities: int, settings: Cnn3dSettings, arrays: Mapping[str, NDArray[Any]]) -> LightCnn3d:
    """Build the network with trained weights.

    Parameters
    ----------
    n_modalities : int
        Channels of the input.
    settings : Cnn3dSettings
        Widths.
    arrays : mapping of str to ndarray
        Its state dict.

    Returns
    -------
    LightCnn3d
        On the CPU, in evaluation mode.
    """
    network = build_cnn3d(n_modalities, settings, 0)
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
    return network.eval()


def parameter_count(network: nn.Module) -> int:
    """Count the numbers that a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())
