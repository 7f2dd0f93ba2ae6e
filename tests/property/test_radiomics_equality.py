"""Every feature equals pyradiomics' on random images and masks, however awkward."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.imaging.volume import Volume
from gliomics.radiomics.extraction import UNDEFINED, extract_case
from gliomics.radiomics.feature_names import panel_columns
from gliomics.radiomics.regions import LINE, SINGLE_VOXEL, WHOLE_IMAGE
from gliomics.radiomics.settings import RadiomicsSettings
from regression.radiomics.pyradiomics_execute import differences, execute

ALL_CLASSES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
SPACINGS = ((1.0, 1.0, 1.0), (2.0, 0.7, 1.3), (0.5, 0.5, 5.0))
RATIO = "mask__r__shape_SurfaceVolumeRatio"
REFUSALS = {SINGLE_VOXEL, LINE, WHOLE_IMAGE}


def volume_of(array: np.ndarray, spacing: tuple[float, float, float]) -> Volume:
    """A volume from an array and spacing in (z, y, x)."""
    sizes = spacing[::-1]
    return Volume(array.transpose(2, 1, 0), np.diag([*sizes, 1.0]), sizes, "RAS")


def assert_equal(
    image: np.ndarray, mask: np.ndarray, spacing: tuple[float, float, float], options: RadiomicsSettings
) -> None:
    case = extract_case(
        "S", {"m": volume_of(image, spacing)}, volume_of(mask.astype(np.uint8), spacing), options
    )
    assert list(case.values) == panel_columns(options)
    try:
        theirs = execute(image, mask, spacing, options)
    except ValueError:
        assert set(case.reasons.values()) <= REFUSALS
        assert set(case.reasons) == set(case.values)
        return
    if abs(theirs["mask__r__shape_MeshVolume"]) < 1e-12 * theirs["mask__r__shape_VoxelVolume"]:
        assert not abs(theirs[RATIO]) < 1e9  # missing, or a surface over a rounding error
        theirs[RATIO] = np.nan
    assert differences(case.values, theirs) == {}
    assert case.reasons == {column: UNDEFINED for column, value in theirs.items() if np.isnan(value)}


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    shape = draw(st.tuples(*[st.integers(1, 7)] * 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    voxels = int(np.prod(shape))
    kind = draw(st.sampled_from(["few", "scattered", "dense", "box", "plane"]))
    mask = np.zeros(voxels, dtype=bool)
    if kind == "few":
        mask[generator.choice(voxels, min(voxels, draw(st.integers(1, 3))), replace=False)] = True
    elif kind in {"scattered", "dense"}:
        mask = generator.random(voxels) < (0.15 if kind == "scattered" else 0.7)
        mask[generator.integers(voxels)] = True
    mask = mask.reshape(shape)
    if kind == "box":
        corner = [generator.integers(n) for n in shape]
        mask[tuple(slice(c, c + 1 + generator.integers(n)) for c, n in zip(corner, shape, strict=True))] = (
            True
        )
    elif kind == "plane":
        mask[generator.integers(shape[0])] = True
    return mask


@st.composite
def images(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["flat", "two", "few", "smooth", "integers"]))
    if kind == "flat":
        return np.full(shape, draw(st.sampled_from([0.0, 6.0, -33.3, 0.1, 1234.5])))
    if kind == "two":
        return generator.choice([0.1, 70.3], shape)
    if kind == "few":
        return generator.choice([-12.0, 0.0, 6.0, 17.9, 400.0], shape)
    if kind == "integers":
        return generator.integers(-40, 90, shape).astype(np.int16)
    return generator.normal(0, 60, shape)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_random_regions_equal_pyradiomics(data: st.DataObject) -> None:
    mask = data.draw(masks())
    image = data.draw(images(mask.shape))
    bins = data.draw(
        st.sampled_from([{"bin_width": 6.0}, {"bin_width": 25.0}, {"bin_width": None, "bin_count": 8}])
    )
    options = RadiomicsSettings(
        modalities=("m",), regions={"r": (1,)}, normalisation="none", feature_classes=ALL_CLASSES, **bins
    )
    assert_equal(image, mask, data.draw(st.sampled_from(SPACINGS)), options)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_mesh_without_volume_has_no_ratio(
    rng: np.random.Generator, spacing: tuple[float, float, float]
) -> None:
    """Three voxels whose mesh turns inside out: pyradiomics' volume is 0, or a rounding error."""
    mask = np.zeros((2, 7, 2), dtype=bool)
    mask[0, 3, 1] = mask[1, 0, 1] = mask[1, 3, 0] = True
    options = RadiomicsSettings(modalities=("m",), regions={"r": (1,)}, normalisation="none")
    image = rng.normal(0, 60, mask.shape)
    assert abs(execute(image, mask, spacing, options)["mask__r__shape_MeshVolume"]) < 1e-12
    assert_equal(image, mask, spacing, options)


@pytest.mark.parametrize("bin_width", [1.0, 3.0, 20.0])
@pytest.mark.parametrize("size", [12, 30])
def test_larger_regions_equal_pyradiomics(rng: np.random.Generator, size: int, bin_width: float) -> None:
    centre = (np.indices((size, size + 3, size - 2)).T - size / 2).T
    mask = (centre**2).sum(axis=0) + rng.normal(0, size, centre.shape[1:]) < (size / 2.2) ** 2
    image = 40 * np.sin(centre[0] / 3) + 30 * np.cos(centre[1] / 4) + rng.normal(0, 10, mask.shape)
    image[rng.random(mask.shape) < 0.001] += 200
    options = RadiomicsSettings(
        modalities=("m",),
        regions={"r": (1,)},
        normalisation="none",
        bin_width=bin_width,
        feature_classes=ALL_CLASSES,
    )
    assert_equal(image, mask, (1.0, 1.2, 0.9), options)
