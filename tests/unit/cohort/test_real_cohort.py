"""The counts on the real TCGA-LGG records that are known from outside this project."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gliomics.cohort.clinical import read_clinical_records
from gliomics.cohort.cohort_table import CohortTable, build_cohort
from gliomics.cohort.populations import population
from gliomics.cohort.published_panel import PublishedPanel, read_published_panel, region_presence
from gliomics.cohort.settings import CohortSettings

pytestmark = pytest.mark.real_data
CONF = Path(__file__).resolve().parents[3] / "conf" / "base"


def real_settings(name: str) -> CohortSettings:
    content = yaml.safe_load((CONF / "cohorts" / f"{name}.yml").read_text(encoding="utf-8"))
    return CohortSettings.model_validate(content["cohorts"][name])


def read_panel(raw_dir: Path) -> PublishedPanel:
    settings = real_settings("tcga_lgg").published_features
    assert settings is not None
    return read_published_panel(raw_dir / settings.path, settings)


def read_cohort(raw_dir: Path, name: str) -> CohortTable:
    settings = real_settings(name)
    records = read_clinical_records(raw_dir, settings.clinical)
    subjects = set(read_panel(raw_dir).features["subject_id"])
    return build_cohort(records.table, scan_outcomes=None, panel_subjects=subjects, settings=settings)


@pytest.fixture(scope="module")
def raw_dir(real_data: Path) -> Path:
    return real_data / "tcga_lgg"


def labels(table: CohortTable, name: str) -> tuple[int, int, int]:
    rows = population(table.cohort, name)["benefit"]
    from_cohort = int((rows == 1).sum()), int((rows == 0).sum()), int(rows.isna().sum())
    flow = table.flow[table.flow["population"] == name].set_index("rule")["remaining"]
    from_flow = tuple(int(flow[f"label_{label}"]) for label in ("long", "short", "censored"))
    assert from_cohort == from_flow
    return from_cohort


def test_survival_of_tcga_cdr_with_treatment_of_gdc(raw_dir: Path) -> None:
    table = read_cohort(raw_dir, "tcga_lgg")
    assert labels(table, "all") == (35, 7, 23)
    assert labels(table, "treated") == (23, 7, 16)
    everybody = population(table.cohort, "all")
    short = everybody[everybody["benefit"] == 0]
    assert set(short["grade"]) == {3}
    assert short["chemotherapy"].all()


def test_gdc_export_alone(raw_dir: Path) -> None:
    table = read_cohort(raw_dir, "tcga_lgg_gdc")
    assert labels(table, "all") == (35, 7, 22)
    unknown = table.cohort[table.cohort["exclusion_reason"] == "survival_unknown"]
    assert unknown["subject_id"].tolist() == ["TCGA-DU-6542"]


def test_whole_gdc_export_and_its_quirks(raw_dir: Path) -> None:
    settings = real_settings("tcga_lgg_gdc")
    records = read_clinical_records(raw_dir, settings.clinical)
    everybody = set(records.table["subject_id"])
    table = build_cohort(records.table, scan_outcomes=None, panel_subjects=everybody, settings=settings)
    assert labels(table, "all") == (241, 56, 216)
    found = records.findings.set_index("rule")["subject_ids"]
    assert found["vital_status_unknown"] == "TCGA-DU-6542;TCGA-R8-A6YH"
    assert found["dead_without_date"] == "TCGA-CS-5390"
    assert "TCGA-TQ-A7RS" in found["follow_up_before_diagnosis"]
    grades = records.findings.query("rule == 'missing_value' and field == 'grade'")
    assert grades["n"].tolist() == [516]


def test_published_panel_keeps_its_724_features(raw_dir: Path) -> None:
    panel = read_panel(raw_dir)
    values = panel.features.drop(columns="subject_id")
    assert values.shape == (65, 724)
    assert set(values.dtypes.astype(str)) == {"float64"}
    report = panel.report.set_index("rule")
    known = {"blank": 4858, "not_a_number": 1008, "infinite": 1, "spreadsheet_error": 2}
    assert report.loc[list(known), "n"].to_dict() == known
    assert values.isna().to_numpy().sum() == sum(known.values())
    assert report.loc[["infinite", "spreadsheet_error"], "subject_ids"].tolist() == ["TCGA-HT-7686"] * 2
    assert report.loc["feature_constant", "features"] == "TGM_Cog_X_6;TGM_Cog_Y_6;TGM_Cog_Z_6;TGM_T_6"
    assert not [name for name in values.columns if "_over_" in name]


def test_twenty_patients_have_no_enhancing_tumour(raw_dir: Path) -> None:
    features = read_panel(raw_dir).features
    presence = region_presence(features)
    absent = presence["region_present__et"] == 0
    assert absent.sum() == 20
    assert presence[["region_present__tc", "region_present__wt"]].eq(1).all(axis=None)
    assert features.loc[absent, "VOLUME_ET"].eq(0).all()
    texture = [name for name in features.columns if name.startswith("TEXTURE_GLCM_ET_")]
    assert features.loc[absent, texture].isna().all(axis=None)
