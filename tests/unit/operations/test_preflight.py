"""The preflight on a small cohort: one broken source does not hide the next, nothing is written."""

import json
from pathlib import Path

import pytest

from gliomics.cohort.settings import CohortSettings
from gliomics.cohort.splits import FoldSettings
from gliomics.compute import ComputeSettings
from gliomics.imaging.settings import ImageSettings
from gliomics.operations.environment.preflight import Finding, preflight
from phantoms import write_case

N = 8


def case(number: int) -> dict:
    """A treated patient: every second one died within the first year."""
    dead = number % 2 == 0
    days = {"days_to_death": 100 + number} if dead else {}
    return {
        "submitter_id": f"CASE-{number}",
        "demographic": {"vital_status": "Dead" if dead else "Alive", "gender": "male", **days},
        "diagnoses": [
            {
                "age_at_diagnosis": 16_000,
                "tumor_grade": "G2",
                "days_to_last_follow_up": 90 if dead else 1000,
                "treatments": [{"treatment_type": "Chemotherapy", "treatment_or_therapy": "yes"}],
            }
        ],
    }


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    (tmp_path / "clinical").mkdir()
    (tmp_path / "clinical" / "cases.json").write_text(json.dumps([case(i) for i in range(N)]))
    for i in range(N):
        write_case(tmp_path / "images", f"CASE-{i}")
    return tmp_path


def look(raw: Path, n_splits: int = 4, **changes: object) -> list[Finding]:
    described = {
        "title": "small",
        "synthetic": True,
        "clinical": {
            "sources": {"gdc": {"format": "gdc_json", "path": "clinical/cases.json"}},
            **{group: ["gdc"] for group in ("survival", "treatment", "demographics", "grade")},
        },
        "images": "images",
        "requires": "scans",
        "arms": ["clinical"],
        **changes,
    }
    return preflight(
        raw,
        cohort_settings=CohortSettings.model_validate(described),
        image_settings=ImageSettings(max_failed_fraction=0.5),
        fold_settings=FoldSettings(n_splits=n_splits, repeats=1),
        compute=ComputeSettings(workers=1),
    )


def of(findings: list[Finding], level: str) -> list[Finding]:
    return [finding for finding in findings if finding.level == level]


def test_a_good_cohort_has_nothing_but_good_news(raw: Path):
    findings = look(raw)
    assert of(findings, "error") == of(findings, "warning") == []
    assert "4 long, 4 short, 0 censored" in {finding.what for finding in findings}


def test_a_quarantined_case_is_a_warning_with_its_reason(raw: Path):
    (raw / "images" / "CASE-1" / "CASE-1_seg.nii.gz").unlink()
    warned = of(look(raw, n_splits=3), "warning")
    assert [finding.where for finding in warned] == ["CASE-1"]
    assert "missing_segmentation" in warned[0].what


def test_too_few_of_a_class_is_an_error_that_names_the_setting(raw: Path):
    errors = of(look(raw, n_splits=5), "error")
    assert errors
    assert "n_splits" in errors[0].remedy


def test_every_broken_source_is_told_at_once(raw: Path):
    (raw / "clinical" / "cases.json").write_text("[{")
    panel = {"path": "panel.csv"}
    errors = of(look(raw, published_features=panel), "error")
    assert len(errors) == 2
    assert any("clinical" in error.where for error in errors)
    assert any("panel.csv" in error.where for error in errors)
    assert "8 of 8 cases are usable" in {finding.what for finding in look(raw, published_features=panel)}


def test_nothing_is_written(raw: Path):
    before = sorted(raw.rglob("*"))
    look(raw)
    assert sorted(raw.rglob("*")) == before
