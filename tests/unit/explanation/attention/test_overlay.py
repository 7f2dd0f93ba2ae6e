"""Pictures: the right way round, the same bytes, small."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gliomics.explanation.attention.overlay import TUMOUR_COLOUR, Scene, triplanar
from gliomics.explanation.attention.settings import OverlaySettings

SHARP = OverlaySettings(quality=100)
N = 40


def scene(*, heat_on: str = "left", affine: np.ndarray | None = None) -> Scene:
    """A round brain with a tumour in the middle and heat on one side, in RAS or another orientation."""
    affine = np.eye(4) if affine is None else affine
    flip = tuple(slice(None, None, -1 if affine[axis, axis] < 0 else 1) for axis in range(3))
    x, y, z = np.indices((N, N, N)) - N / 2 + 0.5
    radius = np.sqrt(x**2 + y**2 + z**2)
    heat = np.full((N, N, N), np.nan, dtype=np.float32)
    heat[4:36, 12:28, 12:28] = 0.0
    heat[4 : 12 if heat_on == "left" else 4, 12:28, 12:28] = 1.0
    heat[28 if heat_on == "right" else 36 : 36, 12:28, 12:28] = 1.0
    layers = (np.where(radius < 18, 100, 0).astype(np.int16), radius < 5, heat)
    return Scene(*(layer[flip] for layer in layers), affine)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def warmth(picture: np.ndarray) -> tuple[float, float]:
    """Red over blue in the left and the right half of the axial panel."""
    axial = picture[40:120, :160]
    warm = axial[:, :, 0] - axial[:, :, 2]
    return float(warm[:, :70].max()), float(warm[:, 90:].max())


@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-1.0, -1, 1, 1]), np.diag([-1.0, 1, -1, 1])])
def test_the_patients_left_is_on_the_right_whatever_the_orientation_of_the_file(affine):
    on_left, on_right = warmth(pixels(triplanar(scene(heat_on="left", affine=affine), SHARP)))
    assert on_right > 80
    assert on_left < 30
    on_left, on_right = warmth(pixels(triplanar(scene(heat_on="right", affine=affine), SHARP)))
    assert on_left > 80
    assert on_right < 30


def test_orientations_of_one_patient_give_one_picture_and_always_the_same_bytes():
    first = triplanar(scene(), OverlaySettings())
    assert first == triplanar(scene(), OverlaySettings())
    assert first == triplanar(scene(affine=np.diag([-1.0, -1, 1, 1])), OverlaySettings())
    assert len(first) < 12_000


def test_the_tumour_has_a_contour_and_no_heat_means_no_colour():
    plain = scene()
    cold = Scene(plain.image, plain.tumour, np.where(np.isnan(plain.heat), np.nan, 0).astype("f4"), np.eye(4))
    picture = pixels(triplanar(cold, SHARP))
    near = np.abs(picture - TUMOUR_COLOUR).max(axis=2) < 60
    assert near[:, :160].sum() > 40
    left, right = warmth(picture)
    assert max(left, right) < 30


def test_slices_go_through_the_heat_when_asked():
    plain = scene()
    heat = plain.heat.copy()
    heat[8, 20, 14] = 9.0
    one = Scene(plain.image, plain.tumour, heat, np.eye(4))
    assert triplanar(one, SHARP) != triplanar(one, SHARP.model_copy(update={"slices_through": "heat"}))
