"""The 726 panel of a real patient equals pyradiomics' own extraction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gliomics.imaging.loading import ScanFiles, read_scan
from gliomics.radiomics.extraction import CaseFeatures, extract_case
from gliomics.radiomics.feature_names import MASK, panel_columns, parse_column
from gliomics.radiomics.settings import RadiomicsSettings
from regression.radiomics.pyradiomics_execute import differences, execute

pytestmark = pytest.mark.real_data
SUBJECT = "TCGA-FG-6692"
ALL_CLASSES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "tcga_lgg" / "images" / SUBJECT


def extract(folder: Path, options: RadiomicsSettings) -> CaseFeatures:
    paths = {modality: folder / f"{SUBJECT}_{modality}.nii.gz" for modality in options.modalities}
    mask = read_scan((folder / f"{SUBJECT}_seg.nii.gz").read_bytes(), SUBJECT)
    return extract_case(SUBJECT, ScanFiles(paths, SUBJECT), mask, options)


def zyx(folder: Path, name: str) -> np.ndarray:
    return read_scan((folder / f"{SUBJECT}_{name}.nii.gz").read_bytes(), name).array.transpose(2, 1, 0)


def region_of(folder: Path, labels: tuple[int, ...]) -> np.ndarray:
    return np.isin(zyx(folder, "seg"), labels)


def columns_of(case: CaseFeatures, modality: str, region: str) -> dict[str, float]:
    """A case's columns of one image and region, named as `execute` here names them."""
    found = {}
    for column, value in case.values.items():
        name = parse_column(column)
        if name.region == region and name.modality in (modality, MASK):
            found[column.replace(f"__{region}__", "__r__").replace(f"{modality}__", "m__")] = value
    return found


@pytest.mark.parametrize("modality", ["t1", "t1ce", "t2", "flair"])
def test_panel_equals_pyradiomics_on_our_preprocessed_image(folder: Path, modality: str) -> None:
    options = RadiomicsSettings(modalities=(modality,))
    case = extract(folder, options)
    raw = zyx(folder, modality).astype(float)
    brain = raw[raw != 0]
    image = (raw - brain.mean()) * (1 / brain.std()) * 100
    assert case.reasons == {}
    for region, labels in options.regions.items():
        theirs = execute(image, region_of(folder, labels), (1, 1, 1), options)
        assert differences(columns_of(case, modality, region), theirs) == {}


def test_whole_image_mode_equals_pyradiomics_normalize(folder: Path) -> None:
    options = RadiomicsSettings(
        modalities=("flair",), normalisation="whole_image", feature_classes=ALL_CLASSES
    )
    case = extract(folder, options)
    for region, labels in options.regions.items():
        theirs = execute(
            zyx(folder, "flair"),
            region_of(folder, labels),
            (1, 1, 1),
            options,
            normalize=True,
            normalizeScale=100,
        )
        assert differences(columns_of(case, "flair", region), theirs) == {}


def test_default_panel_has_726_values_and_30_to_130_grey_levels(folder: Path) -> None:
    case = extract(folder, RadiomicsSettings())
    assert list(case.values) == panel_columns(RadiomicsSettings())
    assert np.isfinite(list(case.values.values())).sum() == 726
    levels = list(case.grey_levels.values())
    assert len(levels) == 12
    assert min(levels) >= 30
    assert max(levels) <= 130


def test_engines_agree(folder: Path) -> None:
    native, reference = (
        extract(folder, RadiomicsSettings(engine=engine)) for engine in ("native", "pyradiomics")
    )
    assert differences(native.values, reference.values) == {}
    assert native.grey_levels == reference.grey_levels
