"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261124)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the shared real data; skips the test when it is not there."""
    folder = Path(os.environ.get("GLIOMICS_REAL_DATA", PROJECT.parent / "shared" / "data")).expanduser()
    if not folder.is_absolute():
        folder = (PROJECT / folder).resolve()
    if not (folder / "tcga_lgg").is_dir():
        pytest.skip("no real data: set GLIOMICS_REAL_DATA to the folder that holds tcga_lgg/")
    return folder
