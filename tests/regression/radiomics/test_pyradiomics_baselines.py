"""pyradiomics' own baseline values of its brain case (bin width 25, voxelArrayShift 2000)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from gliomics.imaging.volume import Volume
from gliomics.radiomics.extraction import extract_case
from gliomics.radiomics.feature_classes import FEATURE_CLASSES
from gliomics.radiomics.feature_names import FeatureName
from gliomics.radiomics.settings import Engine, RadiomicsSettings

pytestmark = pytest.mark.real_data
TOLERANCE = 1e-6
"""Relative; the baselines were written by pyradiomics 1.3 to 2.0 on Python 2.7."""
OTHER_MESH = {"MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity"}
"""pyradiomics 3 cuts some cubes of the mesh into other triangles than the version of the baseline did."""
OTHER_MESH_TOLERANCE = 1e-3


def read(path: Path) -> Volume:
    scan = sitk.ReadImage(str(path))
    spacing = scan.GetSpacing()
    return Volume(sitk.GetArrayFromImage(scan).transpose(2, 1, 0), np.diag([*spacing, 1.0]), spacing, "RAS")


@pytest.fixture(scope="module", params=["native", "pyradiomics"])
def values(request: pytest.FixtureRequest, real_data: Path) -> dict[str, float]:
    engine: Engine = request.param
    options = RadiomicsSettings(
        modalities=("m",),
        regions={"r": (1,)},
        normalisation="none",
        bin_width=25,
        voxel_array_shift=2000,
        feature_classes=tuple(FEATURE_CLASSES),
        engine=engine,
    )
    folder = real_data / "pyradiomics"
    image, label = read(folder / "brain1_image.nrrd"), read(folder / "brain1_label.nrrd")
    return extract_case("brain1", {"m": image}, label, options).values


@pytest.mark.parametrize("feature_class", sorted(FEATURE_CLASSES))
def test_values_reproduce_the_baseline(values: dict[str, float], real_data: Path, feature_class: str) -> None:
    path = real_data / "pyradiomics" / "baseline" / f"baseline_{feature_class}.csv"
    with path.open(newline="") as file:
        baseline = {row["featureName"]: row["brain1"] for row in csv.DictReader(file)}
    modality = "mask" if feature_class == "shape" else "m"
    relative = {}
    for name in FEATURE_CLASSES[feature_class].features:
        expected = float(baseline[f"original_{feature_class}_{name}"])
        value = values[FeatureName(modality, "r", feature_class, name).column]
        relative[name] = abs(value - expected) / abs(expected)
    deviating = {name for name, difference in relative.items() if difference > TOLERANCE}
    assert deviating == (OTHER_MESH if feature_class == "shape" else set())
    assert max(relative.values()) < OTHER_MESH_TOLERANCE
