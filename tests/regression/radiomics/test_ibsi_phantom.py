"""IBSI's digital phantom: consensus values, `3D_avg` aggregation, bin width 1; deviations by name."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from gliomics.imaging.loading import read_scan
from gliomics.radiomics.extraction import extract_case
from gliomics.radiomics.feature_classes import FEATURE_CLASSES
from gliomics.radiomics.feature_names import FeatureName
from gliomics.radiomics.settings import RadiomicsSettings

pytestmark = pytest.mark.real_data

TAGS = {
    "shape": "MeshVolume=morph_volume VoxelVolume=morph_vol_approx SurfaceArea=morph_area_mesh "
    "SurfaceVolumeRatio=morph_av Sphericity=morph_sphericity Maximum3DDiameter=morph_diam "
    "MajorAxisLength=morph_pca_maj_axis MinorAxisLength=morph_pca_min_axis "
    "LeastAxisLength=morph_pca_least_axis Elongation=morph_pca_elongation Flatness=morph_pca_flatness",
    "firstorder": "Mean=stat_mean Variance=stat_var Skewness=stat_skew Kurtosis=stat_kurt Median=stat_median "
    "Minimum=stat_min 10Percentile=stat_p10 90Percentile=stat_p90 Maximum=stat_max "
    "InterquartileRange=stat_iqr Range=stat_range MeanAbsoluteDeviation=stat_mad "
    "RobustMeanAbsoluteDeviation=stat_rmad Energy=stat_energy RootMeanSquared=stat_rms "
    "Entropy=ih_entropy Uniformity=ih_uniformity",
    "glcm": "MaximumProbability=cm_joint_max JointAverage=cm_joint_avg SumSquares=cm_joint_var "
    "JointEntropy=cm_joint_entr DifferenceAverage=cm_diff_avg DifferenceVariance=cm_diff_var "
    "DifferenceEntropy=cm_diff_entr SumEntropy=cm_sum_entr JointEnergy=cm_energy Contrast=cm_contrast "
    "Id=cm_inv_diff Idn=cm_inv_diff_norm Idm=cm_inv_diff_mom Idmn=cm_inv_diff_mom_norm "
    "InverseVariance=cm_inv_var Correlation=cm_corr Autocorrelation=cm_auto_corr "
    "ClusterTendency=cm_clust_tend ClusterShade=cm_clust_shade ClusterProminence=cm_clust_prom "
    "Imc1=cm_info_corr1 Imc2=cm_info_corr2",
    "glrlm": "ShortRunEmphasis=rlm_sre LongRunEmphasis=rlm_lre LowGrayLevelRunEmphasis=rlm_lgre "
    "HighGrayLevelRunEmphasis=rlm_hgre ShortRunLowGrayLevelEmphasis=rlm_srlge "
    "ShortRunHighGrayLevelEmphasis=rlm_srhge LongRunLowGrayLevelEmphasis=rlm_lrlge "
    "LongRunHighGrayLevelEmphasis=rlm_lrhge GrayLevelNonUniformity=rlm_glnu "
    "GrayLevelNonUniformityNormalized=rlm_glnu_norm RunLengthNonUniformity=rlm_rlnu "
    "RunLengthNonUniformityNormalized=rlm_rlnu_norm RunPercentage=rlm_r_perc "
    "GrayLevelVariance=rlm_gl_var RunVariance=rlm_rl_var RunEntropy=rlm_rl_entr",
    "glszm": "SmallAreaEmphasis=szm_sze LargeAreaEmphasis=szm_lze LowGrayLevelZoneEmphasis=szm_lgze "
    "HighGrayLevelZoneEmphasis=szm_hgze SmallAreaLowGrayLevelEmphasis=szm_szlge "
    "SmallAreaHighGrayLevelEmphasis=szm_szhge LargeAreaLowGrayLevelEmphasis=szm_lzlge "
    "LargeAreaHighGrayLevelEmphasis=szm_lzhge GrayLevelNonUniformity=szm_glnu "
    "GrayLevelNonUniformityNormalized=szm_glnu_norm SizeZoneNonUniformity=szm_zsnu "
    "SizeZoneNonUniformityNormalized=szm_zsnu_norm ZonePercentage=szm_z_perc "
    "GrayLevelVariance=szm_gl_var ZoneVariance=szm_zs_var ZoneEntropy=szm_zs_entr",
    "ngtdm": "Coarseness=ngt_coarseness Contrast=ngt_contrast Busyness=ngt_busyness "
    "Complexity=ngt_complexity Strength=ngt_strength",
    "gldm": "SmallDependenceEmphasis=ngl_lde LargeDependenceEmphasis=ngl_hde LowGrayLevelEmphasis=ngl_lgce "
    "HighGrayLevelEmphasis=ngl_hgce SmallDependenceLowGrayLevelEmphasis=ngl_ldlge "
    "SmallDependenceHighGrayLevelEmphasis=ngl_ldhge LargeDependenceLowGrayLevelEmphasis=ngl_hdlge "
    "LargeDependenceHighGrayLevelEmphasis=ngl_hdhge GrayLevelNonUniformity=ngl_glnu "
    "DependenceNonUniformity=ngl_dcnu DependenceNonUniformityNormalized=ngl_dcnu_norm "
    "GrayLevelVariance=ngl_gl_var DependenceVariance=ngl_dc_var DependenceEntropy=ngl_dc_entr",
}
SUFFIXES = {"glcm": "_3D_avg", "glrlm": "_3D_avg", "glszm": "_3D", "gldm": "_3D", "ngtdm": "_3D"}

NOT_DEFINED_BY_IBSI = {
    "shape": {"Maximum2DDiameterColumn", "Maximum2DDiameterRow", "Maximum2DDiameterSlice"},
    "firstorder": {"TotalEnergy"},
    "glcm": {"MCC"},
}
DEVIATIONS = {"firstorder_Kurtosis": 2.645, "shape_MinorAxisLength": 9.245, "shape_LeastAxisLength": 8.478}
"""What pyradiomics gives instead: it does not subtract 3 from the kurtosis, and it divides the covariance of
voxel centres by n where the consensus divides by n - 1 (the major axis stays within its tolerance)."""


@pytest.fixture(scope="module")
def reference(real_data: Path) -> dict[str, tuple[str, str]]:
    path = real_data / "ibsi" / "ibsi_1_reference_values" / "ibsi_1_dig_phantom.csv"
    with path.open(newline="") as file:
        return {
            row["tag"]: (row["reference value"], row["tolerance"])
            for row in csv.DictReader(file, delimiter=";")
        }


@pytest.fixture(scope="module")
def values(real_data: Path) -> dict[str, float]:
    folder = real_data / "ibsi" / "ibsi_1_digital_phantom" / "nifti"
    scans = [
        read_scan((folder / kind / name).read_bytes(), kind)
        for kind, name in (("image", "phantom.nii.gz"), ("mask", "mask.nii.gz"))
    ]
    options = RadiomicsSettings(
        modalities=("m",),
        regions={"r": (1,)},
        normalisation="none",
        bin_width=1,
        voxel_array_shift=0,
        feature_classes=tuple(FEATURE_CLASSES),
    )
    return extract_case("phantom", {"m": scans[0]}, scans[1], options).values


def tagged() -> list[tuple[str, str, str]]:
    pairs = [(name, *pair.split("=")) for name, text in TAGS.items() for pair in text.split()]
    return [(name, feature, tag + SUFFIXES.get(name, "")) for name, feature, tag in pairs]


def value_of(values: dict[str, float], feature_class: str, feature: str) -> float:
    return values[
        FeatureName("mask" if feature_class == "shape" else "m", "r", feature_class, feature).column
    ]


def agrees(value: float, reference: str, tolerance: str) -> bool:
    """Within the tolerance of the consensus, which is published to three significant digits."""
    half_digit = 0.5 * 10.0 ** (math.floor(math.log10(abs(float(reference)))) - 2)
    return abs(value - float(reference)) <= max(float(tolerance), half_digit * (1 + 1e-9))


@pytest.mark.parametrize(("feature_class", "feature", "tag"), tagged())
def test_feature_has_the_consensus_value(
    values: dict[str, float],
    reference: dict[str, tuple[str, str]],
    feature_class: str,
    feature: str,
    tag: str,
) -> None:
    consensus, tolerance = reference[tag]
    assert consensus, f"{tag} has no consensus value"
    assert tolerance, f"{tag} has no tolerance: list it, do not pass it"
    value = value_of(values, feature_class, feature)
    deviation = DEVIATIONS.get(f"{feature_class}_{feature}")
    if deviation is None:
        assert agrees(value, consensus, tolerance), f"{value} against {consensus}"
    else:
        assert value == pytest.approx(deviation, abs=5e-4)
        assert not agrees(value, consensus, tolerance), "no deviation any more: take it off the list"


def test_every_feature_of_the_panel_is_compared_or_listed() -> None:
    compared = {(name, feature) for name, feature, _ in tagged()}
    listed = {(name, feature) for name, features in NOT_DEFINED_BY_IBSI.items() for feature in features}
    assert compared | listed == {
        (name, feature) for name, one in FEATURE_CLASSES.items() for feature in one.features
    }
    assert not compared & listed


def test_a_blank_tolerance_is_recognised_in_the_file(reference: dict[str, tuple[str, str]]) -> None:
    blank = {tag for tag, (_, tolerance) in reference.items() if not tolerance}
    assert "morph_vol_dens_ombb" in blank
    assert not blank & {tag for _, _, tag in tagged()}


def test_sum_average_is_twice_the_joint_average(
    values: dict[str, float], reference: dict[str, tuple[str, str]]
) -> None:
    assert agrees(2 * value_of(values, "glcm", "JointAverage"), *reference["cm_sum_avg_3D_avg"])
    assert np.isfinite(list(values.values())).all()
