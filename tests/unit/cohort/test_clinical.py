from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from gliomics.cohort.clinical import read_clinical_records
from gliomics.cohort.settings import ClinicalSettings
from gliomics.cohort.source_preference import combine_sources
from gliomics.cohort.tidy_records import RECORD_DTYPES
from gliomics.errors import ClinicalDataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def settings(**changes: Any) -> ClinicalSettings:
    content: dict[str, Any] = {
        "sources": {
            "cdr": {"format": "tcga_cdr", "path": "cdr.xlsx", "diseases": ["LGG"]},
            "gdc": {"format": "gdc_table", "path": "clinical.csv"},
        },
        "survival": ["cdr", "gdc"],
        "treatment": ["gdc"],
        "demographics": ["cdr", "gdc"],
        "grade": ["cdr"],
        "molecular": ["gdc"],
    }
    return ClinicalSettings.model_validate(content | changes)


@pytest.fixture
def raw_dir(tmp_path: Path, write_cdr: Callable[..., Path], write_table: Callable[..., Path]) -> Path:
    cdr: dict[str, object] = {
        "bcr_patient_barcode": "A",
        "type": "LGG",
        "age_at_initial_pathologic_diagnosis": 31,
        "gender": "[Not Available]",
        "histological_grade": "G2",
        "OS": 0,
        "OS.time": 700,
    }
    gdc = {
        "submitter_id": "a",
        "vital_status": "Dead",
        "days_to_death": "900",
        "days_to_last_follow_up": "NA",
        "age_at_index": "33",
        "gender": "male",
        "treatments_pharmaceutical_treatment_or_therapy": "yes",
        "kps": "90",
    }
    write_cdr([cdr, cdr | {"bcr_patient_barcode": "B", "OS.time": None}])
    write_table([gdc, gdc | {"submitter_id": "B"}, gdc | {"submitter_id": "C", "kps": "NA"}])
    return tmp_path


def counted(findings: pd.DataFrame, source: str, rule: str) -> str:
    rows = findings[(findings["source"] == source) & (findings["rule"] == rule)]
    return ";".join(rows["subject_ids"])


def test_survival_is_one_pair_from_one_source_and_other_fields_fill_up(raw_dir: Path) -> None:
    records = read_clinical_records(raw_dir, settings())
    combined = combine_sources(records.table, settings()).set_index("subject_id")
    assert combined["os_days"].to_dict() == {"A": 700.0, "B": 900.0, "C": 900.0}
    assert combined["death_observed"].to_dict() == {"A": False, "B": True, "C": True}
    assert combined["age_years"].to_dict() == {"A": 31.0, "B": 31.0, "C": 33.0}
    assert set(combined["sex"]) == {"male"}
    assert combined["chemotherapy"].all()
    assert combined["kps"].dropna().to_dict() == {"A": 90.0, "B": 90.0}
    assert "idh" not in combined.columns


def test_half_a_survival_is_never_completed_from_another_source() -> None:
    rows = [
        {"subject_id": "A", "source": "cdr", "os_days": 100.0, "death_observed": None},
        {"subject_id": "A", "source": "gdc", "os_days": 900.0, "death_observed": True},
    ]
    records = pd.DataFrame(rows, columns=list(RECORD_DTYPES)).astype(RECORD_DTYPES)
    combined = combine_sources(records, settings())
    assert combined.loc[0, ["os_days", "death_observed"]].tolist() == [900.0, True]


def test_combining_is_counted(raw_dir: Path) -> None:
    findings = read_clinical_records(raw_dir, settings()).findings
    assert counted(findings, "gdc", "survival_from_later_source") == "B;C"
    assert counted(findings, "cdr", "not_in_source") == "C"
    assert counted(findings, "gdc", "not_in_source") == ""
    assert counted(findings, "combined", "fields_from_several_sources") == "A;B"
    assert counted(findings, "gdc", "id_respelled") == "A"


def test_the_order_of_preference_decides(raw_dir: Path) -> None:
    other = settings(survival=["gdc"], demographics=["gdc"])
    records = read_clinical_records(raw_dir, other)
    combined = combine_sources(records.table, other).set_index("subject_id")
    assert combined.loc["A", ["os_days", "age_years"]].tolist() == [900.0, 33.0]
    assert "alive_without_follow_up" not in set(records.findings["rule"])


def test_a_source_that_nothing_is_taken_from_is_not_read(
    raw_dir: Path, write_table: Callable[..., Path]
) -> None:
    (raw_dir / "cdr.xlsx").unlink()
    row = {"submitter_id": "A", "tumor_grade": "G3", "chemotherapy": "no", "gender": "male"}
    write_table([row | {"vital_status": "Alive", "days_to_last_follow_up": "5", "days_to_death": ""}])
    alone = {group: ["gdc"] for group in ("survival", "treatment", "demographics", "grade")}
    records = read_clinical_records(raw_dir, settings(**alone))
    assert records.table["source"].tolist() == ["gdc"]
    assert records.table["grade"].tolist() == [3]


def test_an_absent_file_is_named_with_what_is_there(raw_dir: Path) -> None:
    (raw_dir / "cdr.xlsx").rename(raw_dir / "other.xlsx")
    with pytest.raises(ClinicalDataError, match=r"cdr \(cdr.xlsx\): .*holds clinical.csv, other.xlsx"):
        read_clinical_records(raw_dir, settings())


def test_a_source_without_any_patient_id_is_refused(raw_dir: Path, write_table: Callable[..., Path]) -> None:
    gdc = {
        "submitter_id": "'--",
        "vital_status": "Dead",
        "days_to_death": "9",
        "days_to_last_follow_up": "",
        "age_at_index": "33",
        "treatments_pharmaceutical_treatment_or_therapy": "yes",
    }
    write_table([gdc])
    with pytest.raises(ClinicalDataError, match="some row must have a patient id, got 1 rows without one"):
        read_clinical_records(raw_dir, settings())
