from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from gliomics.cohort.published_panel import no_published_panel, read_published_panel, region_presence
from gliomics.cohort.settings import PublishedFeaturesSettings
from gliomics.errors import FeatureTableError

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = PublishedFeaturesSettings(path="features.csv", drop_columns=("Date",))
TABLE = """ID,Date,VOLUME_ET,VOLUME_TC,VOLUME_ET_over_TC,RATIO,CONSTANT
tcga-du-0002,1996.08.31,0,5,#DIV/0!, inf ,7
TCGA-DU-0001,1997.01.02,2.5,5,0.5,NaN,7
,,,,,,
TCGA-DU-0003,1998.01.02,,NA,,-1e-3,7
"""


def write(tmp_path: Path, text: str, name: str = "features.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def counts(report: pd.DataFrame) -> dict[str, int]:
    return dict(zip(report["rule"], report["n"], strict=True))


def test_values_are_kept_and_every_other_cell_is_counted(tmp_path: Path) -> None:
    panel = read_published_panel(write(tmp_path, TABLE), SETTINGS)
    nan = np.nan
    expected = pd.DataFrame(
        {
            "subject_id": ["TCGA-DU-0001", "TCGA-DU-0002", "TCGA-DU-0003"],
            "VOLUME_ET": [2.5, 0.0, nan],
            "VOLUME_TC": [5.0, 5.0, nan],
            "VOLUME_ET_OVER_TC": [0.5, nan, nan],
            "RATIO": [nan, nan, -0.001],
            "CONSTANT": [7.0, 7.0, 7.0],
        }
    )
    pd.testing.assert_frame_equal(panel.features, expected)
    assert counts(panel.report) == {
        "blank_row": 1,
        "id_respelled": 1,
        "column_dropped": 1,
        "feature_respelled": 1,
        "blank": 2,
        "not_a_number": 1,
        "infinite": 1,
        "spreadsheet_error": 1,
        "spelt_missing": 1,
        "feature_constant": 4,
        "absent_region_et": 1,
    }
    spreadsheet = panel.report.set_index("rule").loc["spreadsheet_error"]
    assert (spreadsheet["subject_ids"], spreadsheet["features"]) == ("TCGA-DU-0002", "VOLUME_ET_OVER_TC")


def test_tabs_and_the_order_of_rows_do_not_matter(tmp_path: Path) -> None:
    lines = TABLE.splitlines()
    shuffled = "\n".join([lines[0], lines[4], lines[2], lines[1]]).replace(",", "\t")
    first = read_published_panel(write(tmp_path, TABLE), SETTINGS)
    again = read_published_panel(write(tmp_path, shuffled, "features.tsv"), SETTINGS)
    pd.testing.assert_frame_equal(first.features, again.features)


def test_presence_follows_the_volume(tmp_path: Path) -> None:
    features = read_published_panel(write(tmp_path, TABLE), SETTINGS).features
    presence = region_presence(features)
    assert presence.columns.tolist() == ["subject_id", "region_present__et", "region_present__tc"]
    assert presence["region_present__et"].fillna(-1).tolist() == [1.0, 0.0, -1.0]
    assert presence["region_present__et"].dtype == "float64"
    assert region_presence(features[["subject_id", "RATIO"]]).columns.tolist() == ["subject_id"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ID,Date,F\nA,,high\n", r"column F: every feature must be a number or blank, got 'high' in F of A"),
        ("ID,Date,F,G\nA,,1,x\nB,,y,2\n", "column F, G: .* got 'x' in G of A"),
        ('ID,Date,F\nA,,"1,5"\n', "got '1,5' in F of A"),
        ("ID,Date,F\nA,,1\na,,2\n", "each patient must have one row, got several for A"),
        ("ID,Date,F\nA,,1\n,,2\n", "each row must have an id in ID, got none in patient row 2"),
        ("ID,Date,F\n", "got no rows"),
        ("ID,Date,F,F\nA,,1,2\n", "a name of its own, got several named 'F'"),
        ("ID,Date,A_over_B,A_OVER_B\nA,,1,2\n", "two columns for A_OVER_B"),
        ("Patient,Date,F\nA,,1\n", "the table must have ID, got the columns Patient, Date, F"),
        ("ID,F\nA,1\n", "the table must have Date"),
        ("ID,Date\nA,1\n", "the table must have features"),
        ("", "must be readable text, got EmptyDataError"),
    ],
)
def test_tables_that_cannot_be_trusted_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FeatureTableError, match=message):
        read_published_panel(write(tmp_path, text), SETTINGS)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatureTableError, match=r"published features \(features.csv\).*FileNotFoundError"):
        read_published_panel(tmp_path / "features.csv", SETTINGS)


def test_no_panel_is_an_empty_one() -> None:
    panel = no_published_panel()
    assert panel.features.columns.tolist() == ["subject_id"]
    assert panel.features.empty
    assert panel.report.empty
    assert region_presence(panel.features).empty
