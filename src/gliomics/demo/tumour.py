"""A glioma in a brain: core, enhancing part and infiltrating edema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gliomics.demo.anatomy import Brain, coordinates_mm, smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.demo.patients import SyntheticPatient

NON_ENHANCING: Final = 1
EDEMA: Final = 2
ENHANCING: Final = 4
MEDIAN_RADIUS_MM: Final = 24.0
RADIUS_PER_EXTENT: Final = 0.16


@dataclass(frozen=True)
class Tumour:
    """A tumour in the box that is drawn.

    Attributes
    ----------
    level : ndarray, shape (x, y, z)
        0 in the middle, 1 at the outer border of the edema.
    labels : ndarray of uint8, shape (x, y, z)
        0, 1 non-enhancing core, 2 edema, 4 enhancing: the manually corrected segmentation.
    automatic : ndarray of uint8, shape (x, y, z)
        The same tumour as an algorithm would have outlined it.
    texture : ndarray, shape (x, y, z)
        Heterogeneity of the tissue, unit variance times the patient's amplitude.
    """

    level: NDArray[np.float32]
    labels: NDArray[np.uint8]
    automatic: NDArray[np.uint8]
    texture: NDArray[np.float32]


def make_tumour(patient: SyntheticPatient, brain: Brain, rng: np.random.Generator) -> Tumour:
    """Grow a tumour in white matter.

    Parameters
    ----------
    patient : SyntheticPatient
        `extent` sets the size, `heterogeneity` the contrast of the texture, `enhancing` the rim.
    brain : Brain
        Where it grows.
    rng : Generator
        Source of chance.

    Returns
    -------
    Tumour
        Inside the brain and outside its fluid.
    """
    level = _level(patient, brain, rng)
    patches = smooth_noise(rng, 5.0)
    core_radius = rng.uniform(0.56, 0.66)
    tissue = brain.mask & (brain.fluid < 0.5)
    labels = _label(level, patches, core_radius, tissue=tissue, enhancing=patient.enhancing)
    wobble = level * 1.03 + 0.03 * smooth_noise(rng, 8.0)
    automatic = _label(wobble, patches, core_radius * 0.97, tissue=tissue, enhancing=patient.enhancing)
    amplitude = float(np.exp(0.45 * patient.heterogeneity))
    texture = amplitude * (0.75 * patches + 0.66 * smooth_noise(rng, 3.0))
    return Tumour(level, labels, automatic, np.asarray(texture, dtype=np.float32))


def _level(patient: SyntheticPatient, brain: Brain, rng: np.random.Generator) -> NDArray[np.float32]:
    """Distance from the tumour's middle in units of its radius, warped; edema follows white matter."""
    x, y, z = coordinates_mm()
    side = -1.0 if rng.random() < 0.5 else 1.0
    centre = np.array([side * rng.uniform(22, 34), rng.uniform(-38, 38), rng.uniform(2, 26)])
    radius = MEDIAN_RADIUS_MM * float(np.exp(RADIUS_PER_EXTENT * patient.extent))
    axes = radius * rng.uniform(0.9, 1.12, 3)
    distance = np.sqrt(
        ((x - centre[0]) / axes[0]) ** 2 + ((y - centre[1]) / axes[1]) ** 2 + ((z - centre[2]) / axes[2]) ** 2
    )
    warp = 0.10 * smooth_noise(rng, 9.0) + 0.05 * smooth_noise(rng, 4.0)
    return np.asarray(distance + warp + 0.25 * brain.grey * (distance > 0.6), dtype=np.float32)


def _label(
    level: NDArray[np.float32],
    patches: NDArray[np.float32],
    core_radius: float,
    *,
    tissue: NDArray[np.bool_],
    enhancing: bool,
) -> NDArray[np.uint8]:
    labels = np.zeros(level.shape, dtype=np.uint8)
    labels[(level < 1.0) & tissue] = EDEMA
    labels[(level < core_radius) & tissue] = NON_ENHANCING
    if enhancing:
        rim = (level < core_radius) & (level > 0.62 * core_radius) & (patches > -0.7)
        labels[rim & tissue] = ENHANCING
    return labels
