"""How tissue looks in each modality: contrast, texture, bias field, noise, scanner scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.ndimage import gaussian_filter

from gliomics.demo.anatomy import Brain, smooth_noise
from gliomics.demo.tumour import EDEMA, ENHANCING, NON_ENHANCING, Tumour

if TYPE_CHECKING:
    from numpy.typing import NDArray

# modality: white, grey, fluid, edema, non-enhancing core, necrosis in its middle, enhancing, texture
CONTRAST: Final = {
    "t1": (0.86, 0.64, 0.26, 0.58, 0.48, 0.36, 0.56, 0.055),
    "t1ce": (0.88, 0.66, 0.27, 0.60, 0.50, 0.36, 1.20, 0.090),
    "t2": (0.46, 0.62, 1.05, 0.86, 0.92, 1.02, 0.76, 0.075),
    "flair": (0.50, 0.62, 0.16, 0.98, 0.84, 0.52, 0.88, 0.085),
}
NOISE: Final = 0.025
BIAS: Final = 0.07


def render(
    modality: str, brain: Brain, tumour: Tumour, *, scale: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Draw one image.

    Parameters
    ----------
    modality : str
        ``t1``, ``t1ce``, ``t2`` or ``flair``.
    brain, tumour
        What is in the head.
    scale : float
        Intensity of the scanner: the value of 1.0 in `CONTRAST`.
    rng : Generator
        Source of the bias field and the noise.

    Returns
    -------
    ndarray of int16, shape (x, y, z)
        Exactly 0 outside the brain, at least 1 inside.
    """
    white, grey, fluid, edema, core, necrosis, enhancing, texture = CONTRAST[modality]
    image = white * brain.white + grey * brain.grey + fluid * brain.fluid
    inside = np.clip((1.06 - tumour.level) / 0.12, 0, 1) * (tumour.labels == EDEMA)
    image += inside * (edema - image)
    solid = tumour.labels == NON_ENHANCING
    middle = np.clip((0.45 - tumour.level) / 0.2, 0, 1)
    image[solid] = (core + (necrosis - core) * middle)[solid]
    image[tumour.labels == ENHANCING] = enhancing
    image += texture * tumour.texture * (tumour.labels > 0)
    image = gaussian_filter(image, 0.55)
    image *= np.exp(BIAS * smooth_noise(rng, 45.0))
    noise = rng.standard_normal((2, *image.shape), dtype=np.float32) * NOISE
    image = np.hypot(np.maximum(image, 0.02) + noise[0], noise[1])
    return np.asarray(np.where(brain.mask, np.clip(np.rint(image * scale), 1, 32_000), 0), dtype=np.int16)
