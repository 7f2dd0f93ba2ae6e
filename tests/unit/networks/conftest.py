"""What the tests of networks share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gliomics.lineage.case_store import CaseStore
from gliomics.networks.settings import Cnn3dSettings, SamplingSettings
from network_cases import QUICK, SMALL, write_cohort


@pytest.fixture
def store(tmp_path: Path) -> CaseStore:
    return CaseStore(tmp_path / "store")


@pytest.fixture
def small() -> SamplingSettings:
    return SMALL


@pytest.fixture
def quick() -> Cnn3dSettings:
    return QUICK


@pytest.fixture
def cohort_files(tmp_path: Path) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """Four cases: raw folder, manifest and outcomes of ingestion."""
    raw = tmp_path / "raw"
    manifest, outcomes = write_cohort(raw, 4)
    return raw, manifest, outcomes
