"""Who trains which network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gliomics.cohort.permutations import permutation_orders
from gliomics.errors import LeakageError
from gliomics.networks.settings import Cnn3dSettings, PermutationControlSettings
from gliomics.networks.training.fold_plan import FoldDesign, design_folds, plan_networks, untrainable

SEED = 7
SETTINGS = Cnn3dSettings(repeats=2, permutation_control=PermutationControlSettings(n=3, repeats=1))


@pytest.fixture
def patients() -> pd.DataFrame:
    """Ten labelled patients, not sorted."""
    order = np.random.default_rng(1).permutation(10)
    return pd.DataFrame({"subject_id": [f"L{n}" for n in order], "benefit": [int(n % 2) for n in order]})


@pytest.fixture
def folds() -> pd.DataFrame:
    """Ten labelled and four unlabelled patients in two folds, three repeats."""
    subjects = [f"L{n}" for n in range(10)] + [f"U{n}" for n in range(4)]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "subject_id": subjects,
                    "repeat": repeat,
                    "fold": [(n + repeat) // 2 % 2 for n in range(14)],
                }
            )
            for repeat in range(3)
        ]
    )


def design(patients, folds, usable=None) -> FoldDesign:
    everybody = sorted(folds["subject_id"].unique())
    return design_folds(patients, folds, usable or everybody, SETTINGS, SEED)


def test_every_network_is_planned_once(patients, folds):
    tasks = plan_networks(design(patients, folds), ["bounding_box", "patches"], SETTINGS)
    places = [(t.sampling, t.permutation, t.repeat, t.fold) for t in tasks]
    assert len(places) == len(set(places)) == 2 * (2 * 2 + 3 * 1 * 2 + 1)
    assert {t.repeat for t in tasks if t.permutation == 0} == {0, 1, None}
    assert {t.repeat for t in tasks if t.permutation > 0} == {0}
    assert untrainable(tasks) is None


def test_observed_labels_train_on_the_other_folds(patients, folds):
    task = design(patients, folds).task("patches", 0, 1, 0)
    truth = folds[folds["repeat"] == 1].set_index("subject_id")["fold"]
    assert task.train_subjects == tuple(s for s in sorted(patients["subject_id"]) if truth[s] != 0)
    assert task.labels == tuple(int(s[1]) % 2 for s in task.train_subjects)
    assert task.test_subjects == set(truth.index[truth == 0])


def test_permuted_images_stand_at_labels_and_folds_of_the_controls_own_orders(patients, folds):
    planned = design(patients, folds)
    order = permutation_orders(10, 3, SEED)[1]  # of permutation 2, rows sorted by patient
    truth = folds[folds["repeat"] == 0].set_index("subject_id")["fold"]
    task = planned.task("patches", 2, 0, 1)
    expected = sorted((f"L{order[i]}", i % 2) for i in range(10) if truth[f"L{i}"] != 1)
    assert list(zip(task.train_subjects, task.labels, strict=True)) == expected
    places = planned.places(2, 0)
    assert [places[f"L{order[i]}"] for i in range(10)] == [truth[f"L{i}"] for i in range(10)]
    assert [places[f"U{n}"] for n in range(4)] == [truth[f"U{n}"] for n in range(4)]
    # Class counts of the fold are those of the observed labels.
    assert sorted(task.labels) == sorted(planned.task("patches", 0, 0, 1).labels)


def test_no_network_ever_trains_on_a_patient_of_its_fold_and_together_they_test_everybody(patients, folds):
    planned = design(patients, folds)
    tasks = [t for t in plan_networks(planned, ["patches"], SETTINGS) if t.repeat is not None]
    for task in tasks:
        assert not task.test_subjects & set(task.train_subjects), task.name
    for permutation, repeat in {(t.permutation, t.repeat) for t in tasks}:
        tested = [
            s for t in tasks if (t.permutation, t.repeat) == (permutation, repeat) for s in t.test_subjects
        ]
        assert sorted(tested) == sorted(folds["subject_id"].unique())


def test_the_guard_fires_when_the_plan_is_wrong(patients, folds):
    planned = design(patients, folds)

    class Wrong(FoldDesign):
        def _pairs(self, permutation):  # one patient's images stand twice
            pairs = super()._pairs(permutation)
            return [*pairs, ("L0", "L2")]

    wrong = Wrong(**{name: getattr(planned, name) for name in ("labels", "folds", "usable", "orders")})
    with pytest.raises(LeakageError, match="no patient of the fold may train its network, got 1, first L2"):
        for fold in (0, 1):
            wrong.task("patches", 0, 0, fold)


def test_patients_without_crops_drop_out_and_the_permutation_stays(patients, folds):
    all_of_them, fewer = (
        design(patients, folds),
        design(patients, folds, ["L0", "L1", "L2", "L3", "L4", "U1"]),
    )
    np.testing.assert_array_equal(all_of_them.orders, fewer.orders)
    whole, part = all_of_them.task("patches", 1, 0, 0), fewer.task("patches", 1, 0, 0)
    assert set(part.train_subjects) == set(whole.train_subjects) & fewer.usable
    assert part.test_subjects == whole.test_subjects & fewer.usable


@pytest.mark.parametrize("usable", [["L0"], ["L0", "L2", "L4", "L6"]])
def test_too_few_patients_of_a_class_are_named(patients, folds, usable):
    reason = untrainable(plan_networks(design(patients, folds, usable), ["patches"], SETTINGS))
    assert reason is not None
    assert "patches, permutation 0, repeat 0, fold 0 would have 0 long and" in reason
    assert "at least 2 of each are needed" in reason


def test_the_final_network_trains_on_every_labelled_patient(patients, folds):
    final = design(patients, folds).final_task("bounding_box")
    assert final.train_subjects == tuple(f"L{n}" for n in range(10))
    assert (final.repeat, final.fold, final.test_subjects) == (None, None, frozenset())
    assert replace(final, fold=1).minority == 5
