"""The directions in which neighbours are looked for."""

from __future__ import annotations

import numpy as np

from gliomics.radiomics.native.compilation import compiled

ANGLES = np.array(
    [(dz, dy, dx) for dz in (-1, 0, 1) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dz, dy, dx) > (0, 0, 0)],
    dtype=np.int64,
)
"""The thirteen directions of 26-connectivity at distance 1, one of each opposite pair, as (z, y, x)."""

EPSILON = float(np.spacing(1))
"""Added within logarithms, as pyradiomics does."""


@compiled
def flat_offset(shape: tuple[int, int, int], angle: int) -> int:
    """Give the step in a flattened C-ordered array that goes one voxel along an angle."""
    return int((ANGLES[angle, 0] * shape[1] + ANGLES[angle, 1]) * shape[2] + ANGLES[angle, 2])
