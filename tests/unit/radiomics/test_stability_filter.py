"""The filter of many folds says what the plain one says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gliomics.radiomics.stability import StabilitySettings, feature_stability, icc_2_1, stable_features
from gliomics.radiomics.stability_filter import StableFeatures, lower_limits

SETTINGS = StabilitySettings(min_subjects=10)


@pytest.fixture
def perturbed(rng):
    """24 patients x 4 segmentations x 12 features: steady to noisy, constant, with gaps, shifted."""
    subjects, noise = rng.normal(size=(24, 1, 12)), np.geomspace(0.01, 3.0, 12)
    values = subjects + noise * rng.normal(size=(24, 4, 12))
    values[:, :, 3] = 1e5 / 3
    values[:8, 1, 4] = np.nan
    values[:16, 0, 5] = np.nan
    values[:, :, 1] += 4.0 * np.arange(4)
    values[:, :, 2] = subjects[:, :, 2]
    frame = pd.DataFrame(values.reshape(96, 12), columns=[f"f{number}" for number in range(12)])
    frame.insert(0, "segmentation", np.tile(np.arange(4), 24))
    frame.insert(0, "subject_id", np.repeat([f"s{number:02d}" for number in range(24)], 4))
    return frame.sample(frac=1.0, random_state=1)


def test_the_limits_are_those_of_one_feature_at_a_time(perturbed):
    judge = StableFeatures.from_perturbed(perturbed, SETTINGS, min_lower=0.75)
    table = feature_stability(
        {name: judge.table[:, :, place] for place, name in enumerate(judge.features)}, SETTINGS
    )
    np.testing.assert_allclose(
        lower_limits(judge.table, SETTINGS), table["icc_lower"], rtol=1e-9, equal_nan=True
    )
    assert np.isnan(table["icc_lower"]).sum() == 2
    assert icc_2_1(judge.table[:, :, 0]).lower == pytest.approx(lower_limits(judge.table, SETTINGS)[0])


@pytest.mark.parametrize("some", [range(24), range(0, 24, 2), range(5, 20)])
def test_it_names_what_the_plain_filter_names_on_some_patients(perturbed, some):
    subjects = [f"s{number:02d}" for number in some]
    judge = StableFeatures.from_perturbed(perturbed, SETTINGS, min_lower=0.75)
    wanted = stable_features(perturbed, subjects, SETTINGS, min_lower=0.75)
    assert judge([*subjects, "a patient without perturbed segmentations"]) == frozenset(wanted)
    assert 0 < len(wanted) < 12


def test_it_does_not_apply_to_too_few_patients_or_segmentations(perturbed):
    judge = StableFeatures.from_perturbed(perturbed, SETTINGS, min_lower=0.75)
    assert judge([f"s{number:02d}" for number in range(9)]) is None
    two = perturbed[perturbed["segmentation"] < 2]
    assert (
        StableFeatures.from_perturbed(two, SETTINGS, min_lower=0.75)([f"s{n:02d}" for n in range(24)]) is None
    )
    assert StableFeatures.from_perturbed(perturbed.iloc[:0], SETTINGS, min_lower=0.75)(["s01"]) is None
