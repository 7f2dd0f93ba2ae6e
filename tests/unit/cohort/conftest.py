"""Builders that the tests of the cohort share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from gliomics.cohort.settings import CohortSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def cohort_settings(**changes: Any) -> CohortSettings:
    content: dict[str, Any] = {
        "title": "Test",
        "synthetic": True,
        "clinical": {
            "sources": {"gdc": {"format": "gdc_json", "path": "cases.json"}},
            **{group: ["gdc"] for group in ("survival", "treatment", "demographics", "grade")},
        },
        "images": "images",
        "requires": "scans",
        "arms": ["clinical"],
    }
    return CohortSettings.model_validate(content | changes)


@pytest.fixture
def make_settings() -> Callable[..., CohortSettings]:
    return cohort_settings


@pytest.fixture
def write_json(tmp_path: Path) -> Callable[[object], Path]:
    def write(content: object) -> Path:
        path = tmp_path / "cases.json"
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: list[dict[str, str]], name: str = "clinical.csv") -> Path:
        path = tmp_path / name
        pd.DataFrame(rows).to_csv(path, index=False, sep="," if name.endswith(".csv") else "\t")
        return path

    return write


@pytest.fixture
def write_cdr(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: list[dict[str, object]], sheet: str = "TCGA-CDR") -> Path:
        path = tmp_path / "cdr.xlsx"
        pd.DataFrame(rows).to_excel(path, sheet_name=sheet, index=False, engine="openpyxl")
        return path

    return write
