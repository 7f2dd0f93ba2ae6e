"""What tests of several rooms share: generated cohorts, evaluated and explained arms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from explanation_cases import Explained, explained_cohort
from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.evaluation.settings import ModellingSettings

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Generated:
    """A cohort, its folds and its feature tables."""

    cohort: pd.DataFrame
    folds: pd.DataFrame
    blocks: dict[str, pd.DataFrame]


def generate(n_long=30, n_short=14, n_censored=6, *, signal=0.0, columns=12, repeats=2, seed=5) -> Generated:
    """Patients of whom the first half of each class is treated; `signal` shifts two features and the age."""
    rng = np.random.default_rng(seed)
    benefit = np.r_[np.ones(n_long), np.zeros(n_short), np.full(n_censored, np.nan)]
    n = len(benefit)
    shift = signal * np.nan_to_num(benefit)
    cohort = pd.DataFrame(
        {
            "subject_id": [f"TCGA-XX-{number:04d}" for number in rng.permutation(n)],
            "age_years": 45.0 + 12.0 * (rng.normal(size=n) - shift),
            "sex": rng.choice(["female", "male"], size=n),
            "grade": pd.array(rng.integers(2, 4, size=n), dtype="Int64"),
            "chemotherapy": pd.array(np.arange(n) % 2 == 0, dtype="boolean"),
            "radiotherapy": pd.array(np.arange(n) % 3 == 0, dtype="boolean"),
            "os_days": np.where(benefit == 1, 1000.0, 300.0),
            "death_observed": pd.array(benefit == 0, dtype="boolean"),
            "benefit": pd.array([pd.NA if np.isnan(b) else int(b) for b in benefit], dtype="Int64"),
            "exclusion_reason": pd.array([None] * n, dtype="string"),
        }
    )
    X = rng.normal(size=(n, columns))
    X[:, :2] += shift[:, None]
    features = pd.DataFrame(X, columns=[f"feature_{number}" for number in range(columns)])
    features.insert(0, "subject_id", cohort["subject_id"])
    folds = make_folds(cohort, FoldSettings(n_splits=5, repeats=repeats), seed=seed)
    return Generated(cohort, folds, {"radiomics": features})


@pytest.fixture
def generated() -> Generated:
    return generate()


@pytest.fixture
def quick() -> ModellingSettings:
    return ModellingSettings(bootstrap={"n": 100}, permutation_control={"n": 3})


@pytest.fixture(scope="session")
def make_generated() -> Callable[..., Generated]:
    return generate


@pytest.fixture(scope="module")
def make_generated_once() -> Callable[..., Generated]:
    """The same for fixtures that a whole module shares."""
    return generate


@pytest.fixture(scope="session")
def explained() -> Explained:
    return explained_cohort()
