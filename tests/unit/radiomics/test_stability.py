from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from gliomics.radiomics.perturbation import boundary_change, perturb_labels, perturbation_rng
from gliomics.radiomics.stability import (
    NO_VARIATION,
    TOO_FEW_SUBJECTS,
    StabilitySettings,
    coefficient_of_variation,
    estimate_stability,
    feature_stability,
    icc_2_1,
    stable_features,
)

SHROUT_AND_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
SPACING = (1.0, 1.0, 1.0)


def tumour() -> np.ndarray:
    away = sum((g - 20) ** 2 for g in np.indices((40, 40, 40))) ** 0.5
    return np.select([away < 5, away < 8, away < 12], [1, 4, 2], 0).astype(np.uint8)


def test_icc_of_the_published_table() -> None:
    """Shrout and Fleiss 1979: ICC(2,1) = 0.29; its 95 % interval as R's psych prints it: 0.019, 0.76."""
    agreement = icc_2_1(SHROUT_AND_FLEISS)
    assert agreement.icc == pytest.approx(0.2898, abs=5e-5)
    assert agreement.lower == pytest.approx(0.019, abs=5e-4)
    assert agreement.upper == pytest.approx(0.761, abs=5e-4)


def test_a_constant_offset_between_segmentations_lowers_absolute_agreement(rng: np.random.Generator) -> None:
    true = rng.normal(size=(40, 1))
    same = true + rng.normal(0, 0.1, (40, 3))
    assert icc_2_1(same).icc > 0.95
    assert icc_2_1(same + np.array([0, 2, 4])).icc < 0.4


def test_identical_segmentations_agree_perfectly() -> None:
    table = np.repeat(np.arange(12.0)[:, None], 3, axis=1)
    assert icc_2_1(table).icc == 1.0


def test_interval_covers_the_true_icc(rng: np.random.Generator) -> None:
    covered = 0
    for _ in range(200):
        ratings = rng.normal(size=(15, 1)) * 2 + rng.normal(size=(1, 4)) * 0.5 + rng.normal(size=(15, 4))
        agreement = icc_2_1(ratings)
        covered += agreement.lower <= 4 / (4 + 0.25 + 1) <= agreement.upper
    assert covered >= 180


def test_small_constant_and_missing_features_have_a_reason(rng: np.random.Generator) -> None:
    good = rng.normal(size=(12, 3))
    gaps = good.copy()
    gaps[:4, 1] = np.nan
    table = feature_stability({"good": good, "gaps": gaps, "flat": np.ones((12, 3))}, StabilitySettings())
    assert list(table["reason"]) == ["", TOO_FEW_SUBJECTS, NO_VARIATION]
    assert list(table["subjects"]) == [12, 8, 12]
    assert table["icc"].isna().tolist() == [False, True, True]


def long_table(values: np.ndarray) -> pd.DataFrame:
    """A long table of features f0, f1, ... from an array (subjects, segmentations, features)."""
    rows = [
        {
            "subject_id": f"S{i:02d}",
            "segmentation": j,
            **{f"f{k}": v for k, v in enumerate(row)},
        }
        for i, table in enumerate(values)
        for j, row in enumerate(table)
    ]
    return pd.DataFrame(rows)


def test_the_filter_judges_on_the_training_patients_alone(rng: np.random.Generator) -> None:
    """f0 holds still in everybody, f1 only in the training patients, f2 only in the others."""
    true = rng.normal(size=(24, 1, 3)) * 10
    noise = rng.normal(size=(24, 4, 3)) * np.array([0.1, 0.1, 20])
    noise[12:, :, 1:] *= np.array([200, 0.005])
    table = long_table(true + noise)
    training = [f"S{i:02d}" for i in range(12)]
    settings = StabilitySettings()
    assert stable_features(table, training, settings, min_lower=0.75) == ["f0", "f1"]
    others = table.copy()
    others.loc[~others["subject_id"].isin(training), ["f0", "f1", "f2"]] = 7.0
    shuffled = others.sample(frac=1, random_state=0)
    assert stable_features(shuffled, training, settings, min_lower=0.75) == ["f0", "f1"]
    assert stable_features(table, training[:9], settings, min_lower=0.75) == [], "too few to judge"


def test_one_patients_variation_is_labelled_as_such(rng: np.random.Generator) -> None:
    perturbed = long_table(rng.normal(size=(12, 4, 2)))
    variants = pd.DataFrame(
        {"subject_id": "S03", "algorithm": list("abc"), "f0": [9.0, 10.0, 11.0], "f1": [1.0, np.nan, np.nan]}
    )
    table = estimate_stability(perturbed, variants, StabilitySettings()).set_index("feature")
    assert table.loc["f0", "cv"] == pytest.approx(0.1)
    assert table.loc["f0", "cv_note"] == "one patient, not an ICC"
    assert np.isnan(table.loc["f1", "cv"])
    assert table.loc["f1", ["cv_patients", "cv_note"]].tolist() == [0, ""]
    assert table["icc"].notna().all()
    none = estimate_stability(perturbed, variants.iloc[:0], StabilitySettings())
    assert none["cv"].isna().all()


def test_one_perturbation_is_refused_and_none_is_allowed() -> None:
    with pytest.raises(ValidationError, match="three segmentations a case: at least 2, or 0"):
        StabilitySettings(perturbations=1)
    assert StabilitySettings(perturbations=0).perturbations == 0


def test_coefficient_of_variation() -> None:
    assert coefficient_of_variation(np.array([9.0, 11.0, np.nan])) == pytest.approx(np.sqrt(2) / 10)
    assert np.isnan(coefficient_of_variation(np.array([5.0])))
    assert np.isnan(coefficient_of_variation(np.array([-1.0, 1.0])))


def test_perturbation_is_small_seeded_and_leaves_the_input() -> None:
    labels = tumour()
    before = labels.copy()
    first, again, other = (
        perturb_labels(labels, SPACING, perturbation_rng(7, "S-1", number), StabilitySettings())
        for number in (0, 0, 1)
    )
    np.testing.assert_array_equal(labels, before)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert set(np.unique(first)) == {0, 1, 2, 4}
    change = boundary_change(labels > 0, first > 0, SPACING)
    assert 0 < change.hausdorff_mm < 6
    assert abs(change.volume_change) < 0.5


def test_growth_moves_the_boundary_outwards() -> None:
    settings = StabilitySettings(displacement_mm=0, growth_mm=3)
    changes = [
        boundary_change(
            tumour() > 0,
            perturb_labels(tumour(), SPACING, perturbation_rng(s, "S", 0), settings) > 0,
            SPACING,
        )
        for s in range(6)
    ]
    drawn = [perturbation_rng(s, "S", 0).normal(0, 3) for s in range(6)]
    assert [np.sign(change.volume_change) for change in changes] == [np.sign(step) for step in drawn]
    for change, step in zip(changes, drawn, strict=True):
        assert change.hausdorff_mm == pytest.approx(abs(step), abs=1.5)


def test_no_displacement_changes_nothing() -> None:
    settings = StabilitySettings(displacement_mm=0, growth_mm=0)
    np.testing.assert_array_equal(
        perturb_labels(tumour(), SPACING, perturbation_rng(1, "S", 0), settings), tumour()
    )


def test_hausdorff_distance_in_millimetres() -> None:
    one, other = np.zeros((2, 3, 20, 3), dtype=bool)
    one[1, 4:6, 1] = True
    other[1, 4:14, 1] = True
    change = boundary_change(one, other, (1.0, 2.0, 1.0))
    assert change.hausdorff_mm == 16.0
    assert change.volume_change == 4.0


def test_empty_masks() -> None:
    empty, full = np.zeros((3, 3, 3), dtype=bool), np.ones((3, 3, 3), dtype=bool)
    assert np.isnan(boundary_change(empty, full, SPACING).hausdorff_mm)
    assert boundary_change(full, empty, SPACING).volume_change == -1.0
    labels = empty.astype(np.uint8)
    assert not perturb_labels(labels, SPACING, perturbation_rng(1, "S", 0), StabilitySettings()).any()


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        StabilitySettings(perturbation=3)
