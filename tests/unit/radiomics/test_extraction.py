from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from gliomics.compute import ComputeSettings, is_needed, map_cases
from gliomics.errors import ScanError
from gliomics.imaging.volume import Volume
from gliomics.radiomics import extraction
from gliomics.radiomics.extraction import (
    MISSING_MODALITY,
    NO_CONTRAST,
    NOT_FINITE,
    UNDEFINED,
    extract_case,
)
from gliomics.radiomics.feature_names import panel_columns, parse_column
from gliomics.radiomics.regions import ABSENT, LINE, SINGLE_VOXEL
from gliomics.radiomics.settings import RadiomicsSettings
from worker_functions import extract_numbered

SHAPE = (24, 26, 22)
MODALITIES = ("t1", "t1ce", "t2", "flair")


def volume(array: np.ndarray) -> Volume:
    return Volume(np.asfortranarray(array), np.eye(4), (1.0, 1.0, 1.0), "RAS")


@pytest.fixture
def labels() -> np.ndarray:
    away = sum((g - 11) ** 2 for g in np.indices(SHAPE)) ** 0.5
    return np.select([away < 3, away < 5, away < 8], [1, 4, 2], 0).astype(np.uint8)


@pytest.fixture
def images(rng: np.random.Generator) -> dict[str, Volume]:
    return {m: volume(rng.integers(1, 800, SHAPE).astype(np.int16)) for m in MODALITIES}


def columns_with(case: extraction.CaseFeatures, reason: str) -> set[str]:
    return {column for column, why in case.reasons.items() if why == reason}


def test_whole_case_has_every_value(labels: np.ndarray, images: dict[str, Volume]) -> None:
    case = extract_case("S", images, volume(labels), RadiomicsSettings())
    assert list(case.values) == panel_columns(RadiomicsSettings())
    assert np.isfinite(list(case.values.values())).all()
    assert case.reasons == {}
    assert list(case.row)[:3] == ["region_present__et", "region_present__tc", "region_present__wt"]
    assert set(case.grey_levels) == {(m, r) for m in MODALITIES for r in ("et", "tc", "wt")}
    voxels = {"et": labels == 4, "tc": np.isin(labels, (1, 4)), "wt": labels > 0}
    for region, mask in voxels.items():
        assert case.values[f"mask__{region}__shape_VoxelVolume"] == mask.sum()
    inside = images["t2"].array[labels > 0]
    assert case.values["t2__wt__firstorder_Range"] == pytest.approx(
        np.ptp(inside) / images["t2"].array.std() * 100
    )


def test_absent_region_has_volume_zero_and_nothing_else(
    labels: np.ndarray, images: dict[str, Volume]
) -> None:
    case = extract_case("S", images, volume(np.where(labels == 4, 1, labels)), RadiomicsSettings())
    assert case.presence == {"region_present__et": 0.0, "region_present__tc": 1.0, "region_present__wt": 1.0}
    zero = {column for column, value in case.values.items() if "__et__" in column and value == 0}
    assert zero == {"mask__et__shape_VoxelVolume", "mask__et__shape_MeshVolume"}
    missing = {column for column, value in case.values.items() if np.isnan(value)}
    assert missing == columns_with(case, ABSENT) == {c for c in case.values if "__et__" in c} - zero


def test_empty_segmentation_is_three_absent_regions(labels: np.ndarray, images: dict[str, Volume]) -> None:
    case = extract_case("S", images, volume(np.zeros_like(labels)), RadiomicsSettings())
    assert sum(case.presence.values()) == 0
    assert len(columns_with(case, ABSENT)) == 726 - 6


@pytest.mark.parametrize(("length", "reason"), [(1, SINGLE_VOXEL), (3, LINE)])
def test_region_that_pyradiomics_refuses_is_present_but_missing(
    labels: np.ndarray, images: dict[str, Volume], length: int, reason: str
) -> None:
    labels = np.where(labels == 4, 1, labels)
    labels[11, 11, 11 : 11 + length] = 4
    case = extract_case("S", images, volume(labels), RadiomicsSettings())
    assert case.presence["region_present__et"] == 1
    assert columns_with(case, reason) == {column for column in case.values if "__et__" in column}


def test_missing_modality_costs_only_its_columns(labels: np.ndarray, images: dict[str, Volume]) -> None:
    del images["t2"]
    case = extract_case("S", images, volume(labels), RadiomicsSettings())
    missing = {column for column, value in case.values.items() if np.isnan(value)}
    assert missing == columns_with(case, MISSING_MODALITY) == {c for c in case.values if c.startswith("t2__")}


def test_voxel_that_is_no_number_costs_only_its_regions(
    labels: np.ndarray, images: dict[str, Volume]
) -> None:
    array = images["t1"].array.astype(np.float32)
    array[11, 11, 11 + 7] = np.nan  # label 2: in the whole tumour only
    images["t1"] = volume(array)
    case = extract_case("S", images, volume(labels), RadiomicsSettings())
    assert columns_with(case, NOT_FINITE) == {c for c in case.values if c.startswith("t1__wt__")}
    assert np.isfinite([v for c, v in case.values.items() if not c.startswith("t1__wt__")]).all()


def test_constant_image_is_named(labels: np.ndarray, images: dict[str, Volume]) -> None:
    images["t1"] = volume(np.full(SHAPE, 7, dtype=np.int16))
    case = extract_case("S", images, volume(labels), RadiomicsSettings())
    assert columns_with(case, NO_CONTRAST) == {c for c in case.values if c.startswith("t1__")}


def test_voxels_without_neighbours_leave_textures_undefined(images: dict[str, Volume]) -> None:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[2, 2, 2] = labels[9, 6, 5] = 4
    options = RadiomicsSettings(regions={"et": (4,)})
    case = extract_case("S", images, volume(labels), options)
    undefined = [parse_column(column) for column in columns_with(case, UNDEFINED)]
    assert {name.feature_class for name in undefined} == {"firstorder", "glcm", "glrlm"}
    assert {n.name for n in undefined if n.feature_class == "firstorder"} == {"RobustMeanAbsoluteDeviation"}


def test_label_map_renames_labels(labels: np.ndarray, images: dict[str, Volume]) -> None:
    brats_2023 = np.where(labels == 4, 3, labels)
    plain = extract_case("S", images, volume(labels), RadiomicsSettings())
    mapped = extract_case("S", images, volume(brats_2023), RadiomicsSettings(label_map={3: 4}))
    assert mapped.values == plain.values
    assert (
        extract_case("S", images, volume(brats_2023), RadiomicsSettings()).presence["region_present__et"] == 0
    )


def test_fractional_labels_are_refused(labels: np.ndarray, images: dict[str, Volume]) -> None:
    with pytest.raises(ScanError, match=r"S \[segmentation\]: labels must be whole numbers") as raised:
        extract_case("S", images, volume(labels + 0.5), RadiomicsSettings())
    assert raised.value.code == "label_not_integer"


def test_whole_labels_stored_as_fractions_are_read(labels: np.ndarray, images: dict[str, Volume]) -> None:
    first, second = (
        extract_case("S", images, volume(labels.astype(kind)), RadiomicsSettings())
        for kind in (np.uint8, np.float32)
    )
    assert first == second


@pytest.mark.parametrize("fault", ["shape", "affine"])
def test_segmentation_on_another_grid_is_refused(
    labels: np.ndarray, images: dict[str, Volume], fault: str
) -> None:
    mask = volume(labels[:-1]) if fault == "shape" else Volume(labels, np.eye(4) * 2, (1.0, 1.0, 1.0), "RAS")
    with pytest.raises(ScanError, match=f"{fault} must be the segmentation's") as raised:
        extract_case("S", images, mask, RadiomicsSettings())
    assert raised.value.code == "grid_mismatch"


def test_bin_count_gives_that_many_levels(labels: np.ndarray, images: dict[str, Volume]) -> None:
    options = RadiomicsSettings(bin_width=None, bin_count=16)
    case = extract_case("S", images, volume(labels), options)
    assert set(case.grey_levels.values()) == {16}


def test_input_is_not_changed(labels: np.ndarray, images: dict[str, Volume]) -> None:
    before = {m: v.array.copy() for m, v in images.items()}
    mask = labels.copy()
    extract_case("S", images, volume(labels), RadiomicsSettings())
    np.testing.assert_array_equal(labels, mask)
    for modality, array in before.items():
        np.testing.assert_array_equal(images[modality].array, array)


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_workers() -> None:
    run = partial(extract_numbered, shape=SHAPE, options=RadiomicsSettings())
    one, two = (
        list(map_cases(run, range(4), ComputeSettings(workers=n), on_lost=is_needed(str))) for n in (1, 2)
    )
    assert one == two


def test_native_engine_needs_neither_pyradiomics_nor_simpleitk() -> None:
    program = (
        "import sys, numpy as np\n"
        "from gliomics.imaging.volume import Volume\n"
        "from gliomics.radiomics.extraction import extract_case\n"
        "from gliomics.radiomics.settings import RadiomicsSettings\n"
        "a = np.arange(8**3, dtype=np.int16).reshape(8, 8, 8) % 97\n"
        "v = Volume(a, np.eye(4), (1.0, 1.0, 1.0), 'RAS')\n"
        "m = Volume((a > 30).astype(np.uint8) * 4, np.eye(4), (1.0, 1.0, 1.0), 'RAS')\n"
        "extract_case('S', {'t1': v}, m, RadiomicsSettings())\n"
        "sys.exit(bool({'radiomics', 'SimpleITK'} & set(sys.modules)))\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr.decode()
