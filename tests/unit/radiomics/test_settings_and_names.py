from __future__ import annotations

import pytest
from pydantic import ValidationError
from radiomics.featureextractor import getFeatureClasses

from gliomics.cohort.presence import presence_column, region_of
from gliomics.errors import FeatureTableError, SettingsError
from gliomics.radiomics.feature_classes import FEATURE_CLASSES
from gliomics.radiomics.feature_names import (
    filter_names,
    panel_columns,
    parse_column,
)
from gliomics.radiomics.settings import RadiomicsSettings

EXTENDED = RadiomicsSettings(feature_classes=tuple(FEATURE_CLASSES), log_sigmas_mm=(1, 2.5), wavelet=True)


def test_default_panel_is_the_726() -> None:
    columns = panel_columns(RadiomicsSettings())
    assert len(columns) == len(set(columns)) == 726 == 3 * (14 + 4 * (18 + 23 + 16))
    assert "mask__wt__shape_MeshVolume" in columns
    assert "t1ce__et__glcm_MCC" in columns
    assert not [column for column in columns if "SumAverage" in column or column.startswith("region_present")]


def test_extended_panel_counts_every_filter() -> None:
    features = sum(len(one.features) for one in FEATURE_CLASSES.values() if not one.of_mask)
    columns = panel_columns(EXTENDED)
    assert len(columns) == len(set(columns)) == 3 * (14 + 4 * 11 * features)


@pytest.mark.parametrize("feature_class", FEATURE_CLASSES)
def test_names_are_pyradiomics_names_but_sum_average(feature_class: str) -> None:
    theirs = getFeatureClasses()[feature_class].getFeatureNames()
    current = {name for name, deprecated in theirs.items() if not deprecated}
    left_out = {"SumAverage"} if feature_class == "glcm" else set()
    assert set(FEATURE_CLASSES[feature_class].features) == current - left_out


@pytest.mark.parametrize("column", [panel_columns(EXTENDED)[k] for k in (0, 14, 700, 5000, -1)])
def test_parsing_undoes_building(column: str) -> None:
    assert parse_column(column).column == column


@pytest.mark.parametrize(
    "column",
    ["age", "t1__wt__glcm", "t1__wt__glcm_SumAverage", "t1__wt__a_b_glcm_Idm", "__wt__glcm_Idm", "emb_001"],
)
def test_other_names_are_refused(column: str) -> None:
    with pytest.raises(FeatureTableError, match="name must be"):
        parse_column(column)


def test_filters_are_named_as_pyradiomics_names_them() -> None:
    assert filter_names(EXTENDED)[:3] == ("original", "log-sigma-1-0-mm-3D", "log-sigma-2-5-mm-3D")
    assert len(filter_names(EXTENDED)) == 11
    assert presence_column("et") == "region_present__et"
    assert [region_of(presence_column("et")), region_of("t1__et__glcm_Id")] == ["et", None]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bin_count": 32}, "exactly one of bin_width and bin_count"),
        ({"bin_width": None}, "exactly one of bin_width and bin_count"),
        ({"bin_widht": 5}, "Extra inputs"),
        ({"regions": {"et": ()}}, "labels other than 0"),
        ({"regions": {"et": (0, 4)}}, "labels other than 0"),
        ({"regions": {"E_T": (4,)}}, "lower-case words"),
        ({"modalities": ("mask",)}, "lower-case words"),
        ({"modalities": ("t1", "t1")}, "named once"),
        ({"log_sigmas_mm": (0.0,)}, "above 0"),
        ({"normalisation": "zscore"}, "brain_zscore"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RadiomicsSettings(**wrong)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RadiomicsSettings().bin_width = 5  # type: ignore[misc]


def test_an_unknown_class_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match=r"class must be one of firstorder, .*Did you mean 'glszm'"):
        RadiomicsSettings(feature_classes=("glsz",))
