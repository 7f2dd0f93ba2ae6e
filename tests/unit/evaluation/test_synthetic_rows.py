"""The written synthetic rows are those that cross-validation trained on."""

from __future__ import annotations

import numpy as np

from gliomics.compute import ComputeSettings
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.cross_validation.resampling import Resampler
from gliomics.evaluation.cross_validation.synthetic_rows import no_synthetic_rows, synthetic_rows
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import ModellingSettings
from gliomics.synthesis.pca_gmm import PcaGmmSampler


class Recorder(PcaGmmSampler):
    """Notes what it returns."""

    made: list[np.ndarray] = []  # noqa: RUF012

    def fit_resample(self, X, y):
        grown = super().fit_resample(X, y)
        Recorder.made.append(grown[0][len(X) :])
        return grown


def written(data, sampler=None):
    patients = data.cohort[data.cohort["benefit"].notna()]
    table = assemble_arm("radiomics", patients, data.blocks)
    resampler = Resampler(sampler or PcaGmmSampler())
    return synthetic_rows(table, patients, data.folds, resampler, repeats=1, seed=1)


def test_they_are_the_rows_of_cross_validation(generated):
    Recorder.made = []
    settings = ModellingSettings(
        bootstrap={"n": 100},
        permutation_control={"n": 2},
        dataset2={"permutations": 2},
        audit={"estimators": [], "repeats": 1, "permutations": 1},
    )
    evaluate_population(
        generated.cohort,
        generated.folds,
        generated.blocks,
        arms=["radiomics"],
        population="all",
        settings=settings,
        seed=1,
        compute=ComputeSettings(workers=1),
        sampler=Recorder(),
    )
    trained_on = {rows.tobytes() for rows in Recorder.made}
    found = written(generated)
    assert len(found.places) == 5
    for place in found.places:
        assert found.parts(place)[2][0].tobytes() in trained_on


def test_every_row_has_its_parent_fold_and_no_held_out_patient_is_behind_it(generated):
    table = written(generated).table
    assert set(table["row_kind"]) == {"synthetic"}
    assert sorted(table["fold"].unique()) == [0, 1, 2, 3, 4]
    assert table.groupby("fold")["benefit"].mean().between(0.4, 0.5).all(), "the smaller class is filled up"
    before = table.loc[table["fold"] == 2, "feature_0"].to_numpy()
    in_fold = generated.folds.query("repeat == 0 and fold == 2")["subject_id"]
    features = generated.blocks["radiomics"]
    hidden = features["subject_id"].isin(in_fold)
    generated.blocks["radiomics"] = features.assign(feature_0=features["feature_0"].mask(hidden, 1e6))
    after = written(generated).table
    np.testing.assert_array_equal(after.loc[after["fold"] == 2, "feature_0"].to_numpy(), before)


def test_a_frozen_model_leaves_nobody_to_draw_from(generated):
    generated.folds = generated.folds.query("repeat == 0").assign(fold=0)
    assert written(generated).reasons == ("repeat 0, fold 0: nobody stands outside the fold",)


def test_a_fold_with_too_small_a_class_has_a_reason(generated):
    found = written(generated, PcaGmmSampler(min_class=12))
    assert found.reasons
    assert all("every class must have at least 12 rows" in reason for reason in found.reasons)
    assert len(found.places) + len(found.reasons) in {5, 1}
    assert no_synthetic_rows("none").reasons == ("none",)
