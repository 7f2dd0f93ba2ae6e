from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gliomics.cohort.clinical_rules import FindingsLog
from gliomics.cohort.readers.gdc_json import GDC_JSON, read_gdc_json
from gliomics.cohort.readers.source_rows import Wanted
from gliomics.cohort.tidy_records import tidy_source
from gliomics.errors import ClinicalDataError

ALL = Wanted(GDC_JSON.holds)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd


def older_case(**diagnosis: Any) -> dict[str, Any]:
    return {
        "submitter_id": "TCGA-DU-5855",
        "demographic": {"gender": "female", "vital_status": "Alive", "days_to_death": None},
        "diagnoses": [
            {
                "age_at_diagnosis": 14610,
                "tumor_grade": "G3",
                "days_to_last_follow_up": 800,
                "treatments": [
                    {"treatment_type": "Pharmaceutical Therapy, NOS", "treatment_or_therapy": "yes"},
                    {"treatment_type": "Radiation Therapy, NOS", "treatment_or_therapy": "not reported"},
                ],
            }
            | diagnosis
        ],
    }


CURRENT_CASE = {
    "submitter_id": "TCGA-HT-7686",
    "demographic": {"gender": "male", "vital_status": "Alive", "age_at_index": 41},
    "diagnoses": [
        {
            "diagnosis_id": "a",
            "days_to_diagnosis": -500,
            "diagnosis_is_primary_disease": False,
            "classification_of_tumor": "recurrence",
            "age_at_diagnosis": 20000,
            "tumor_grade": "G4",
            "days_to_last_follow_up": 300,
            "treatments": [{"treatment_type": "Chemotherapy", "treatment_or_therapy": "yes"}],
        },
        {
            "diagnosis_id": "b",
            "days_to_diagnosis": 0,
            "diagnosis_is_primary_disease": True,
            "classification_of_tumor": "primary",
            "age_at_diagnosis": 14975,
            "tumor_grade": "G2",
            "treatments": [
                {"treatment_type": "Pharmaceutical Therapy, NOS", "treatment_or_therapy": "no"},
                {"treatment_type": "Targeted Molecular Therapy", "treatment_or_therapy": "yes"},
                {"treatment_type": "Radiation, External Beam", "treatment_or_therapy": "yes"},
            ],
        },
    ],
    "follow_ups": [{"days_to_follow_up": 120}, {"days_to_follow_up": 901}, {"days_to_follow_up": None}],
}


def tidy(path: Path) -> tuple[pd.Series[Any], pd.DataFrame]:
    log = FindingsLog()
    table = tidy_source("gdc", read_gdc_json(path, "gdc", ALL), log)
    return table.iloc[0], log.table().set_index("rule")


def test_older_schema(write_json: Callable[[object], Path]) -> None:
    record, _ = tidy(write_json([older_case()]))
    assert record["subject_id"] == "TCGA-DU-5855"
    assert record["age_years"] == pytest.approx(40.0)
    assert (record["sex"], record["grade"], record["chemotherapy"]) == ("female", 3, True)
    assert record.isna()["radiotherapy"]
    assert (record["os_days"], record["death_observed"]) == (800.0, False)


def test_oldest_schema_keeps_vital_status_in_the_diagnosis(write_json: Callable[[object], Path]) -> None:
    case = older_case(vital_status="dead", days_to_death=155, days_to_last_follow_up=None)
    case["demographic"] = {"gender": "female"}
    record, _ = tidy(write_json(case))
    assert (record["os_days"], record["death_observed"]) == (155.0, True)


def test_current_schema_takes_primary_diagnosis_latest_follow_up_and_any_treatment(
    write_json: Callable[[object], Path],
) -> None:
    record, findings = tidy(write_json({"data": {"hits": [CURRENT_CASE]}}))
    assert record["age_years"] == pytest.approx(41.0, abs=0.01)
    assert record["grade"] == 2
    assert (record["os_days"], record["death_observed"]) == (901.0, False)
    assert record["chemotherapy"]
    assert record["radiotherapy"]
    assert findings.loc["several_diagnoses", "subject_ids"] == "TCGA-HT-7686"
    assert findings.loc["treatment_yes_and_no", "field"] == "chemotherapy"


def test_targeted_therapy_alone_is_no_chemotherapy(write_json: Callable[[object], Path]) -> None:
    case = older_case(
        treatments=[{"treatment_type": "Targeted Molecular Therapy", "treatment_or_therapy": "yes"}]
    )
    record, _ = tidy(write_json([case]))
    assert record.isna()["chemotherapy"]


def test_without_a_flag_the_diagnosis_classified_as_primary_counts(
    write_json: Callable[[object], Path],
) -> None:
    prior = {"days_to_diagnosis": -500, "tumor_grade": "G1", "classification_of_tumor": "prior primary"}
    case = older_case(days_to_diagnosis=0, classification_of_tumor="Primary")
    record, _ = tidy(write_json([case | {"diagnoses": [prior, *case["diagnoses"]]}]))
    assert record["grade"] == 3


def test_without_a_flag_the_earliest_diagnosis_is_the_primary_one(
    write_json: Callable[[object], Path],
) -> None:
    late = {"days_to_diagnosis": 900, "tumor_grade": "G4", "diagnosis_id": "a"}
    case = older_case(days_to_diagnosis=0, diagnosis_id="b")
    for diagnoses in ([late, *case["diagnoses"]], [*case["diagnoses"], late]):
        record, _ = tidy(write_json([case | {"diagnoses": diagnoses}]))
        assert record["grade"] == 3


def test_all_wrappings_give_the_same_rows(write_json: Callable[[object], Path]) -> None:
    case = older_case()
    rows = [
        read_gdc_json(write_json(content), "gdc", ALL)
        for content in (case, [case], {"data": case}, {"data": {"hits": [case]}})
    ]
    assert all(found == rows[0] for found in rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"source gdc \(x\): the file must hold a list of GDC cases, got nothing"),
        ({"data": {"hits": []}}, "got nothing"),
        ("text", "got a str of another form"),
        ([{"case_id": "u-u-i-d"}], "cases must have a submitter_id, got the keys case_id"),
        (
            {"data": {"hits": [{"submitter_id": "A"}], "pagination": {"total": 516}}},
            "must hold all 516 cases, got a page of 1. Ask the API with size=516",
        ),
    ],
)
def test_files_that_hold_no_cases_are_refused(
    write_json: Callable[[object], Path], content: object, message: str
) -> None:
    with pytest.raises(ClinicalDataError, match=message):
        read_gdc_json(write_json(content), "source gdc (x)", ALL)


def test_broken_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases.json").write_text("[{")
    with pytest.raises(ClinicalDataError, match="must be readable JSON, got JSONDecodeError"):
        read_gdc_json(tmp_path / "cases.json", "gdc", ALL)
