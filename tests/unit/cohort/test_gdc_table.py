from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gliomics.cohort.clinical_rules import FindingsLog
from gliomics.cohort.readers.extra_table import read_extra_table
from gliomics.cohort.readers.gdc_table import read_gdc_table
from gliomics.cohort.readers.source_rows import FIELD_GROUPS, Wanted
from gliomics.cohort.tidy_records import tidy_source
from gliomics.errors import ClinicalDataError

MOLECULAR = Wanted(frozenset({"molecular"}))

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

BIOLINKS = {
    "submitter_id": "TCGA-DU-5855",
    "vital_status": "Alive",
    "days_to_death": "NA",
    "days_to_last_follow_up": "611",
    "age_at_diagnosis": "14610",
    "age_at_index": "39",
    "gender": "male",
    "tumor_grade": "not reported",
    "treatments_pharmaceutical_treatment_type": "Pharmaceutical Therapy, NOS",
    "treatments_pharmaceutical_treatment_or_therapy": "yes",
    "treatments_radiation_treatment_or_therapy": "unknown",
}


def tidy(path: Path) -> tuple[pd.Series[Any], pd.DataFrame]:
    log = FindingsLog()
    table = tidy_source("gdc", read_gdc_table(path, "gdc", Wanted(frozenset(FIELD_GROUPS))), log)
    return table.iloc[0], log.table()


@pytest.mark.parametrize("name", ["clinical.csv", "clinical.tsv"])
@pytest.mark.parametrize(
    "id_column", ["submitter_id", "bcr_patient_barcode", "case_submitter_id", "cases.submitter_id"]
)
def test_tcgabiolinks_export(write_table: Callable[..., Path], name: str, id_column: str) -> None:
    row = {id_column if column == "submitter_id" else column: text for column, text in BIOLINKS.items()}
    record, findings = tidy(write_table([row], name))
    assert record["subject_id"] == "TCGA-DU-5855"
    assert (record["os_days"], record["death_observed"]) == (611.0, False)
    assert record["age_years"] == pytest.approx(40.0)
    assert record["sex"] == "male"
    assert record["chemotherapy"]
    assert set(findings.loc[findings["rule"] == "missing_value", "field"]) == {"grade", "radiotherapy"}


def portal_row(treatment: str, answer: str, **changes: str) -> dict[str, str]:
    return {
        "cases.submitter_id": "TCGA-DU-5855",
        "demographic.submitter_id": "TCGA-DU-5855_demographic",
        "demographic.vital_status": "Dead",
        "demographic.days_to_death": "814",
        "demographic.gender": "female",
        "diagnoses.age_at_diagnosis": "14610",
        "diagnoses.tumor_grade": "G3",
        "diagnoses.days_to_last_follow_up": "'--",
        "diagnoses.diagnosis_is_primary_disease": "true",
        "treatments.treatment_type": treatment,
        "treatments.treatment_or_therapy": answer,
    } | changes


def test_portal_table_with_several_rows_a_patient(write_table: Callable[..., Path]) -> None:
    rows = [
        portal_row("Radiation Therapy, NOS", "no"),
        portal_row("Chemotherapy", "yes"),
        portal_row("Pharmaceutical Therapy, NOS", "'--"),
        portal_row(
            "Steroid Therapy",
            "yes",
            **{
                "diagnoses.diagnosis_is_primary_disease": "false",
                "diagnoses.tumor_grade": "G4",
                "diagnoses.age_at_diagnosis": "12000",
            },
        ),
    ]
    record, findings = tidy(write_table(rows, "clinical.tsv"))
    assert (record["os_days"], record["death_observed"], record["grade"]) == (814.0, True, 3)
    assert record["age_years"] == pytest.approx(40.0)
    assert record["chemotherapy"]
    assert not record["radiotherapy"]
    assert {"several_rows", "several_diagnoses"} <= set(findings["rule"])
    assert "conflicting_values" not in set(findings["rule"])


def test_optional_columns_are_read_under_their_common_names(write_table: Callable[..., Path]) -> None:
    row = BIOLINKS | {
        "paper_IDH.status": "WT",
        "1p/19q codeletion": "non-codel",
        "MGMT promoter status": "Methylated",
        "EOR": "Gross Total",
        "Karnofsky_performance_score": "90",
    }
    record, _ = tidy(write_table([row]))
    assert record["idh"] == "wildtype"
    assert record["codel_1p19q"] == "non-codel"
    assert record["mgmt"] == "methylated"
    assert record["extent_of_resection"] == "gross total"
    assert record["kps"] == 90.0


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        ("submitter_id", "must have an id column .*got the columns vital_status, days_to_death"),
        ("vital_status", "survival needs the column vital_status, got the columns submitter_id"),
        ("days_to_last_follow_up", "survival needs the column days_to_last_follow_up"),
        ("tumor_grade", "grade needs the column tumor_grade"),
        (
            "treatments_pharmaceutical_treatment_or_therapy",
            "treatment needs the column treatments_pharmaceutical_treatment_or_therapy or treatment_type",
        ),
    ],
)
def test_an_absent_key_column_is_named(write_table: Callable[..., Path], absent: str, message: str) -> None:
    row = {column: text for column, text in BIOLINKS.items() if column != absent}
    with pytest.raises(ClinicalDataError, match=message):
        read_gdc_table(write_table([row]), "gdc", Wanted(frozenset(FIELD_GROUPS)))


def test_columns_are_needed_only_for_the_groups_that_are_taken(write_table: Callable[..., Path]) -> None:
    path = write_table([{"submitter_id": "TCGA-DU-5855", "chemotherapy": "no"}])
    (row,) = read_gdc_table(path, "gdc", Wanted(frozenset({"treatment"})))
    assert row.texts["chemotherapy"] == ("no",)


def test_wrong_separator_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "clinical.csv"
    path.write_text("submitter_id\tvital_status\nA\tDead\n")
    with pytest.raises(ClinicalDataError, match="does not fit the separator"):
        read_gdc_table(path, "gdc", Wanted(frozenset({"survival"})))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "EmptyDataError"),
        (b"submitter_id\n", "must have rows"),
        (b"a\n\xff\xfe\n", "UnicodeDecodeError"),
    ],
)
def test_unreadable_tables_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "clinical.csv"
    path.write_bytes(content)
    with pytest.raises(ClinicalDataError, match=message):
        read_gdc_table(path, "gdc", Wanted(frozenset({"survival"})))


def test_extra_table(write_table: Callable[..., Path]) -> None:
    path = write_table([{"subject_id": "A", "idh": "Mutant"}, {"subject_id": "B", "idh": "no idea"}])
    log = FindingsLog()
    table = tidy_source("extra", read_extra_table(path, "extra", MOLECULAR), log, survival=False)
    assert table["idh"].tolist()[0] == "mutant"
    assert table["idh"].isna().tolist() == [False, True]
    assert log.table().set_index("rule").loc["unreadable_value", "subject_ids"] == "B"
    assert "vital_status_unknown" not in set(log.table()["rule"])
    with pytest.raises(ClinicalDataError, match="must have one of idh, codel_1p19q"):
        read_extra_table(write_table([{"subject_id": "A", "colour": "red"}]), "extra", MOLECULAR)
