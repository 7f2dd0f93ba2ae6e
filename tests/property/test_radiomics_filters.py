"""Cropping before filtering changes no value: filtered features equal pyradiomics' on the whole image."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.imaging.volume import Volume
from gliomics.radiomics import filters
from gliomics.radiomics.extraction import extract_case
from gliomics.radiomics.filters import TOO_SMALL, filtered_crops
from gliomics.radiomics.grid import Grid
from gliomics.radiomics.preprocessing import IntensityScale
from gliomics.radiomics.settings import RadiomicsSettings
from regression.radiomics.pyradiomics_execute import differences, execute

UNSCALED = IntensityScale(0.0, 1.0, 1.0)
SPACING = (1.0, 1.2, 0.8)
FILTERED = RadiomicsSettings(
    modalities=("m",),
    regions={"r": (1,)},
    normalisation="none",
    feature_classes=("firstorder", "glcm"),
    log_sigmas_mm=(1.0, 2.5),
    wavelet=True,
)
CORNERS = {"inside": (40, 30, 35), "at the border": (0, 0, 0), "at the end": (73, 60, 66)}
SHAPE = (80, 67, 73)


def textured(rng: np.random.Generator) -> np.ndarray:
    grid = np.indices(SHAPE)
    return 80 * np.sin(grid[0] / 4) + 50 * np.cos(grid[1] / 3 + grid[2] / 5) + rng.normal(0, 25, SHAPE)


def box_at(corner: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    return tuple(slice(start, start + 7) for start in corner)  # type: ignore[return-value]


@pytest.mark.parametrize("corner", CORNERS.values(), ids=CORNERS)
def test_filtered_features_equal_those_of_the_whole_image(
    rng: np.random.Generator, corner: tuple[int, int, int]
) -> None:
    image, mask = textured(rng), np.zeros(SHAPE, dtype=np.uint8)
    mask[box_at(corner)] = rng.random((7, 7, 7)) < 0.8
    sizes = SPACING[::-1]
    volumes = [
        Volume(array.transpose(2, 1, 0), np.diag([*sizes, 1.0]), sizes, "RAS") for array in (image, mask)
    ]
    ours = extract_case("S", {"m": volumes[0]}, volumes[1], FILTERED)
    assert ours.reasons == {}
    assert differences(ours.values, execute(image, mask, SPACING, FILTERED)) == {}


@pytest.mark.parametrize("corner", CORNERS.values(), ids=CORNERS)
def test_filtered_crop_is_the_crop_of_the_filtered_image(
    rng: np.random.Generator, corner: tuple[int, int, int]
) -> None:
    grid = Grid(textured(rng), SPACING)
    whole = dict(filtered_crops(grid, UNSCALED, tuple(slice(0, n) for n in SHAPE), FILTERED))
    for name, crop in filtered_crops(grid, UNSCALED, box_at(corner), FILTERED):
        np.testing.assert_allclose(crop, whole[name][box_at(corner)], rtol=1e-6, atol=2e-5, err_msg=name)


@pytest.mark.parametrize(("setting", "too_short"), [("LOG_REACH_SIGMAS", 3.0), ("WAVELET_REACH", 1)])
def test_a_shorter_padding_would_be_noticed(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, setting: str, too_short: float
) -> None:
    grid = Grid(textured(rng), SPACING)
    right = dict(filtered_crops(grid, UNSCALED, box_at((40, 30, 35)), FILTERED))
    monkeypatch.setattr(filters, setting, too_short)
    wrong = dict(filtered_crops(grid, UNSCALED, box_at((40, 30, 35)), FILTERED))
    assert any(not np.allclose(wrong[name], right[name], rtol=1e-6, atol=2e-5) for name in right)


def test_image_too_small_to_filter_is_missing_with_a_reason() -> None:
    image = np.arange(3 * 6 * 6, dtype=float).reshape(3, 6, 6)
    mask = np.zeros(image.shape, dtype=np.uint8)
    mask[1:, 1:4, 1:4] = 1
    options = FILTERED.model_copy(update={"wavelet": False})
    volumes = [Volume(a.transpose(2, 1, 0), np.eye(4), (1.0, 1.0, 1.0), "RAS") for a in (image, mask)]
    case = extract_case("S", {"m": volumes[0]}, volumes[1], options)
    assert set(case.reasons.values()) == {TOO_SMALL}
    assert all("log-sigma" in column for column in case.reasons)
