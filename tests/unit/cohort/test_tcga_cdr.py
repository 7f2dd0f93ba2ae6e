from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gliomics.cohort.clinical_rules import FindingsLog
from gliomics.cohort.readers.source_rows import Wanted
from gliomics.cohort.readers.tcga_cdr import read_tcga_cdr
from gliomics.cohort.tidy_records import tidy_source
from gliomics.errors import ClinicalDataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GROUPS = frozenset(("survival", "demographics", "grade"))


def cdr_row(subject_id: str, **changes: object) -> dict[str, object]:
    return {
        "bcr_patient_barcode": subject_id,
        "type": "LGG",
        "age_at_initial_pathologic_diagnosis": 31,
        "gender": "FEMALE",
        "histological_grade": "G2",
        "OS": 1,
        "OS.time": 492,
    } | changes


def test_rows_of_the_disease_become_records(write_cdr: Callable[..., Path]) -> None:
    path = write_cdr(
        [
            cdr_row("TCGA-DU-0001"),
            cdr_row("TCGA-DU-0002", OS=0, **{"OS.time": 900, "histological_grade": "[Discrepancy]"}),
            cdr_row("TCGA-DU-0003", OS=None, **{"OS.time": "#N/A"}),
            cdr_row("TCGA-06-0001", type="GBM"),
        ]
    )
    log = FindingsLog()
    rows = read_tcga_cdr(path, "cdr", Wanted(GROUPS, ("LGG",)))
    table = tidy_source("cdr", rows, log).set_index("subject_id")
    assert list(table.index) == ["TCGA-DU-0001", "TCGA-DU-0002", "TCGA-DU-0003"]
    assert table["os_days"].fillna(-1).tolist() == [492.0, 900.0, -1.0]
    assert table["death_observed"].tolist()[:2] == [True, False]
    assert table["grade"].isna().tolist() == [False, True, False]
    assert set(table["age_years"]) == {31.0}
    assert log.table().set_index("rule").loc["vital_status_unknown", "subject_ids"] == "TCGA-DU-0003"


def test_no_filter_keeps_all_diseases(write_cdr: Callable[..., Path]) -> None:
    path = write_cdr([cdr_row("TCGA-DU-0001"), cdr_row("TCGA-06-0001", type="GBM")])
    assert len(read_tcga_cdr(path, "cdr", Wanted(GROUPS, None))) == 2


def test_what_is_absent_is_named(write_cdr: Callable[..., Path], tmp_path: Path) -> None:
    path = write_cdr([cdr_row("TCGA-06-0001", type="GBM")])
    with pytest.raises(ClinicalDataError, match="some row must have the type LGG, got the types GBM"):
        read_tcga_cdr(path, "cdr", Wanted(GROUPS, ("LGG",)))
    path = write_cdr([{"bcr_patient_barcode": "A", "type": "LGG", "OS": 1}])
    with pytest.raises(
        ClinicalDataError, match=r"must have OS\.time, got the columns bcr_patient_barcode, type"
    ):
        read_tcga_cdr(path, "cdr", Wanted(frozenset({"survival"}), ("LGG",)))
    path = write_cdr([cdr_row("A")], sheet="Sheet1")
    with pytest.raises(ClinicalDataError, match="must have the sheet TCGA-CDR, got the sheets Sheet1"):
        read_tcga_cdr(path, "cdr", Wanted(GROUPS, None))
    (tmp_path / "cdr.xlsx").write_bytes(b"no workbook")
    with pytest.raises(ClinicalDataError, match="the workbook must be readable"):
        read_tcga_cdr(tmp_path / "cdr.xlsx", "cdr", Wanted(GROUPS, None))
