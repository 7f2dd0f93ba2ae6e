from __future__ import annotations

import numpy as np
import pytest

from gliomics.imaging.volume import Volume
from gliomics.radiomics.extraction import extract_case
from gliomics.radiomics.grid import Grid
from gliomics.radiomics.preprocessing import intensity_scale
from gliomics.radiomics.resampling import correct_bias_field, resample
from gliomics.radiomics.settings import RadiomicsSettings
from regression.radiomics.pyradiomics_execute import differences, execute

SPACING = (2.5, 0.9, 1.1)
ONE = {"modalities": ("m",), "regions": {"r": (1,)}}


def ball(shape: tuple[int, int, int], radius: float) -> np.ndarray:
    centre = [(n - 1) / 2 for n in shape]
    away = sum((g - c) ** 2 for g, c in zip(np.indices(shape), centre, strict=True)) ** 0.5
    return away < radius


def test_brain_zscore_uses_only_voxels_that_are_not_zero() -> None:
    image = np.zeros((4, 4, 4), dtype=np.int16)
    image[1:3] = np.arange(32).reshape(2, 4, 4) + 1
    scale = intensity_scale(image, RadiomicsSettings())
    scores = scale.apply(image[1:3])
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert scores.std() == pytest.approx(100)


def test_brain_zscore_does_not_depend_on_the_background(rng: np.random.Generator) -> None:
    image = rng.integers(1, 900, (6, 7, 8)).astype(np.int16)
    wide = np.pad(image, 20)
    narrow, padded = (intensity_scale(array, RadiomicsSettings()) for array in (image, wide))
    assert narrow == padded
    whole = RadiomicsSettings(normalisation="whole_image")
    assert intensity_scale(image, whole) != intensity_scale(wide, whole)


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32, np.float64])
def test_sums_agree_with_numpy_in_every_type(rng: np.random.Generator, kind: type) -> None:
    image = (rng.random((9, 8, 7)) * 200).astype(kind)
    image[rng.random(image.shape) < 0.3] = 0
    brain = image[image != 0].astype(float)
    scale = intensity_scale(image, RadiomicsSettings())
    assert scale.shift == pytest.approx(brain.mean(), rel=1e-12)
    assert 1 / scale.factor == pytest.approx(brain.std(), rel=1e-12)


def test_flat_image_has_no_scale() -> None:
    assert np.isnan(intensity_scale(np.full((3, 3, 3), 5, dtype=np.int16), RadiomicsSettings()).factor)


@pytest.mark.parametrize("normalisation", ["whole_image", "none"])
def test_resampled_features_equal_pyradiomics(rng: np.random.Generator, normalisation: str) -> None:
    shape = (20, 34, 31)
    image = 100 * np.sin(np.indices(shape)[1] / 4) + rng.normal(0, 20, shape)
    mask = ball(shape, 7).astype(np.uint8)
    options = RadiomicsSettings(normalisation=normalisation, resampling_spacing_mm=1.0, bin_width=20, **ONE)
    sizes = SPACING[::-1]
    volumes = [Volume(a.transpose(2, 1, 0), np.diag([*sizes, 1.0]), sizes, "RAS") for a in (image, mask)]
    case = extract_case("S", {"m": volumes[0]}, volumes[1], options)
    more = {
        "normalize": normalisation == "whole_image",
        "normalizeScale": 100,
        "resampledPixelSpacing": [1, 1, 1],
    }
    assert differences(case.values, execute(image, mask, SPACING, options, **more)) == {}


def test_label_gaussian_keeps_labels_and_roughly_the_volume() -> None:
    labels = ball((20, 30, 30), 6).astype(np.uint8) * 4
    finer = resample(Grid(labels, SPACING), 1.0, "label_gaussian")
    assert set(np.unique(finer.array)) == {0, 4}
    before = np.count_nonzero(labels) * np.prod(SPACING)
    assert np.count_nonzero(finer.array) == pytest.approx(before, rel=0.1)


def test_same_spacing_returns_the_image_itself() -> None:
    grid = Grid(np.zeros((3, 4, 5)), (1.0, 1.0, 1.0))
    assert resample(grid, 1.0, None) is grid


def test_n4_flattens_a_bias_field(rng: np.random.Generator) -> None:
    shape = (32, 32, 32)
    field = np.exp(0.6 * (np.indices(shape)[0] / 31 - 0.5))
    brain = ball(shape, 14)
    tissue = np.where(np.indices(shape)[2] % 8 < 4, 100, 160) + rng.normal(0, 2, shape)
    image = (tissue * field * brain).astype(np.float32)
    corrected = correct_bias_field(Grid(image, (1.0, 1.0, 1.0)))

    def ratio(array: np.ndarray) -> float:
        inside = [array[half][brain[half]].mean() for half in (slice(4, 14), slice(18, 28))]
        return inside[1] / inside[0]

    assert ratio(image) > 1.2
    assert abs(ratio(corrected.array) - 1) < 0.5 * abs(ratio(image) - 1)
    assert not corrected.array[~brain].any()
