"""A brain on the grid of the demo: brain mask and soft tissue maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from gliomics.demo.settings import BOX, SPACING_MM

if TYPE_CHECKING:
    from numpy.typing import NDArray

RADII_MM = (66.0, 84.0, 60.0)


@dataclass(frozen=True)
class Brain:
    """A healthy brain.

    Attributes
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Inside the brain.
    depth : ndarray, shape (x, y, z)
        0 at the surface, 1 in the middle; negative outside.
    white, grey, fluid : ndarray, shape (x, y, z)
        Shares of tissue, adding up to 1 inside the brain.
    """

    mask: NDArray[np.bool_]
    depth: NDArray[np.float32]
    white: NDArray[np.float32]
    grey: NDArray[np.float32]
    fluid: NDArray[np.float32]


def coordinates_mm() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Distances from the centre of the box along (left, posterior, superior), in mm; broadcastable."""
    axes = [(np.arange(size, dtype=np.float32) - (size - 1) / 2) * SPACING_MM for size in BOX]
    return axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]


def smooth_noise(rng: np.random.Generator, scale_mm: float) -> NDArray[np.float32]:
    """Draw a smooth random field with unit variance and structures of about `scale_mm`."""
    sigma = scale_mm / SPACING_MM
    step = max(1, int(sigma))
    coarse_shape = [int(np.ceil(size / step)) + 3 for size in BOX]
    coarse = gaussian_filter(rng.standard_normal(coarse_shape).astype(np.float32), sigma / step)
    field = coarse if step == 1 else zoom(coarse, step, order=1)
    field = field[tuple(slice(step, step + size) for size in BOX)]
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float32)


def make_brain(rng: np.random.Generator) -> Brain:
    """Draw a brain: folded cortex over white matter, sulci and two lateral ventricles.

    Parameters
    ----------
    rng : Generator
        Source of chance.

    Returns
    -------
    Brain
        In the box that is drawn.
    """
    x, y, z = coordinates_mm()
    radii = np.asarray(RADII_MM) * rng.uniform(0.95, 1.05, 3)
    radius = np.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / radii[2]) ** 2)
    folds = smooth_noise(rng, 6.0)
    radius = radius + 0.02 * smooth_noise(rng, 24.0) + 0.01 * np.abs(folds)
    fissure = 0.4 * np.exp(-((x / 2.5) ** 2)) * (z > -10) * np.clip(radius - 0.55, 0, None)
    depth = (1.0 - radius - fissure).astype(np.float32)
    mask = depth > 0
    # Sulci are sheets where a smooth field changes its sign; cortex lines them and the surface.
    near_surface = _soft(0.25 - depth, 0.05)
    sulci = _soft(0.13 - np.abs(folds), 0.08) * near_surface
    fluid = np.clip(np.maximum(sulci, _soft(0.012 - depth, 0.012)) + _ventricles(x, y, z, rng), 0, 1)
    cortex = np.maximum(_soft(0.11 - depth, 0.03), _soft(0.75 - np.abs(folds), 0.2) * near_surface)
    grey = np.clip(np.maximum(cortex, _deep_nuclei(x, y, z)) - fluid, 0, 1)
    white = np.clip(1 - fluid - grey, 0, 1)
    inside = mask.astype(np.float32)
    return Brain(mask, depth, white * inside, grey * inside, fluid * inside)


def _soft(signed: NDArray[Any], width: float) -> NDArray[np.float32]:
    """1 where `signed` is well above 0, 0 where well below, a ramp of `width` between."""
    return np.asarray(np.clip(0.5 + signed / (2 * width), 0, 1), dtype=np.float32)


def _ventricles(
    x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Two curved ellipsoids beside the midline, and the slit of the third ventricle."""
    size = rng.uniform(0.85, 1.2)
    centre = 11.0 + 0.004 * y**2
    body = ((np.abs(x) - centre) / (7.5 * size)) ** 2 + (y / 38.0) ** 2
    lateral = body + ((z - 8.0 + 0.006 * y**2) / (13.0 * size)) ** 2
    third = (x / 2.6) ** 2 + ((y - 4.0) / 13.0) ** 2 + ((z + 8.0) / 9.0) ** 2
    return _soft((1.0 - np.minimum(lateral, third)).astype(np.float32), 0.25)


def _deep_nuclei(
    x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Basal ganglia and thalami as two ellipsoids."""
    shape = ((np.abs(x) - 21.0) / 8.0) ** 2 + ((y - 2.0) / 19.0) ** 2 + ((z + 4.0) / 12.0) ** 2
    return 0.85 * _soft((1.0 - shape).astype(np.float32), 0.3)
