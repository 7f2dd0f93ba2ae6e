"""Dataset 2 keeps synthetic rows in the training folds; the audit shows what happens when they are not."""

from __future__ import annotations

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from gliomics.compute import ComputeSettings
from gliomics.errors import LeakageError
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.controls.dataset2 import Dataset2Skipped
from gliomics.evaluation.cross_validation.resampling import Resampler, is_synthetic
from gliomics.evaluation.cross_validation.tuning import prevalence_shift, shifted, tune_and_fit
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import AuditSettings, ModellingSettings
from gliomics.evaluation.summary import summarise
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.registry import ESTIMATORS
from gliomics.learning.sample import Sample
from gliomics.learning.settings import TuningSettings
from gliomics.synthesis.pca_gmm import PcaGmmSampler
from prediction_tables import fold_embeddings
from tasks import TASK

QUICK = ModellingSettings(
    bootstrap={"n": 100},
    permutation_control={"n": 3},
    dataset2={"permutations": 3},
    audit={"estimators": ["svm_rbf"], "repeats": 2, "permutations": 3},
)

SAMPLER, NOBODY = PcaGmmSampler(), LeakageGuard(())


def evaluate(data, settings=QUICK, *, arms=("clinical", "radiomics"), workers=1, sampler=SAMPLER):
    return evaluate_population(
        data.cohort,
        data.folds,
        data.blocks,
        arms=arms,
        population="all",
        settings=settings,
        seed=1,
        compute=ComputeSettings(workers=workers),
        sampler=sampler,
    )


class Spy(PcaGmmSampler):
    """Notes whom it is fitted on: column 0 is the row's number."""

    seen: list[frozenset[int]] = []  # noqa: RUF012

    def fit(self, X, y):
        Spy.seen.append(frozenset(np.asarray(X)[:, 0].astype(int)))
        return super().fit(X, y)


def numbered(n_long=40, n_short=12):
    rng = np.random.default_rng(2)
    y = np.repeat(np.array([1, 0], np.int64), [n_long, n_short])
    X = np.column_stack([np.arange(len(y)), rng.normal(size=(len(y), 5))])
    return Sample(np.array([f"P{row:02d}" for row in range(len(y))], dtype=object), X, y)


def tune(train, sampler, guard=NOBODY):
    rng = np.random.default_rng(0)
    return tune_and_fit(
        ESTIMATORS["ranked_logistic"], train, TuningSettings(), rng, guard, Resampler(sampler)
    )


def test_the_sampler_of_every_inner_split_sees_its_own_training_rows_only():
    Spy.seen = []
    train = numbered()
    fitted = tune(train, Spy())
    everybody = frozenset(range(52))
    assert Spy.seen[0] == everybody
    held_out = [everybody - rows for rows in Spy.seen[1:]]
    assert len(held_out) == fitted.inner_folds == 5
    assert sorted(row for rows in held_out for row in rows) == list(range(52))


def test_the_guard_stops_a_sampler_that_is_given_a_test_patient():
    with pytest.raises(LeakageError, match=r"fit of sampler: .*got P03"):
        tune(numbered(), PcaGmmSampler(), LeakageGuard(["P03"]))


def test_inner_parts_that_are_too_small_are_counted_not_hidden():
    assert tune(numbered(n_short=5), PcaGmmSampler()).inner_parts_without_synthetic_rows == 2
    assert tune(numbered(), PcaGmmSampler()).inner_parts_without_synthetic_rows == 0


def test_synthetic_rows_are_named_as_such_and_real_ones_come_first():
    train = numbered()
    grown = Resampler(PcaGmmSampler()).augment(train, np.random.default_rng(0), LeakageGuard(()))
    assert list(grown.ids[:52]) == list(train.ids)
    assert is_synthetic(grown.ids).sum() == len(grown.y) - 52 > 100


def test_the_prevalence_of_real_patients_comes_back_without_changing_their_order(rng):
    y = np.repeat([0, 1], [10, 40])
    scores = rng.uniform(0.2, 0.8, size=50)
    moved = shifted(scores, prevalence_shift(y, scores))
    assert moved.mean() == pytest.approx(0.8)
    np.testing.assert_array_equal(moved.argsort(), scores.argsort())


def test_dataset2_scores_the_same_real_patients_on_the_same_folds(generated):
    predictions = evaluate(generated).predictions
    rows = predictions.query("arm == 'radiomics' and protocol == 'leakage_free' and permutation == 0")
    assert set(rows["row_kind"]) == {"real"}
    keys = ["repeat", "fold", "subject_id", "y_true"]
    one, two = (rows.loc[rows["dataset"] == name, keys] for name in ("dataset1", "dataset2"))
    assert_frame_equal(one.reset_index(drop=True), two.reset_index(drop=True))
    assert set(predictions.query("dataset == 'dataset2'")["arm"]) == {"radiomics"}


def test_only_the_audit_scores_synthetic_rows(generated):
    predictions = evaluate(generated).predictions
    synthetic = predictions[predictions["row_kind"] == "synthetic"]
    assert set(synthetic["protocol"]) == {"augment_before_split"}
    assert is_synthetic(synthetic["subject_id"]).all()
    audit = predictions[predictions["protocol"] == "augment_before_split"]
    assert set(audit["permutation"]) == {0, 1, 2, 3}
    assert {"real", "synthetic"} == set(audit["row_kind"])


def test_the_metrics_say_what_the_audit_is_and_hold_its_two_optimisms(generated):
    arm = summarise(evaluate(generated), QUICK, 1, task=TASK)["arms"]["radiomics"]
    audit = arm["audit_augment_before_split"]
    assert "a mistake made on purpose, not a result" in audit["note"]
    assert set(audit["estimators"]) == {"ranked_logistic", "svm_rbf"}
    for figures in audit["estimators"].values():
        assert figures["optimism_leak"] == pytest.approx(figures["real_rows_only"] - figures["honest"])
        assert figures["optimism_scored_synthetic"] == pytest.approx(
            figures["all_rows"] - figures["real_rows_only"]
        )
    assert audit["estimators"]["ranked_logistic"]["honest"] == pytest.approx(arm["dataset2"]["auc"]["value"])
    assert "fitted on 11 patients" in arm["dataset2"]["note"]
    assert "dataset2" not in summarise(evaluate(generated), QUICK, 1, task=TASK)["arms"]["clinical"]


def test_on_noise_dataset2_is_at_chance_and_the_audit_is_far_above(make_generated):
    """Few patients and many columns: there the mistake is largest."""
    data = make_generated(40, 20, 0, columns=120, repeats=2)
    settings = QUICK.model_copy(update={"dataset2": QUICK.dataset2.model_copy(update={"permutations": 10})})
    arm = summarise(evaluate(data, settings), settings, 1, task=TASK)["arms"]["radiomics"]
    audit = arm["audit_augment_before_split"]["estimators"]["svm_rbf"]
    assert arm["dataset2"]["permutation_control"]["passed"]
    assert audit["permuted_all_rows"] > 0.75
    assert audit["permuted_all_rows"] > arm["dataset2"]["permutation_control"]["bound"]
    assert audit["permuted_real_rows_only"] > 0.6


def test_on_much_noise_dataset2_is_near_a_half(make_generated):
    data = make_generated(200, 200, 0, columns=8, repeats=1)
    settings = QUICK.model_copy(update={"audit": AuditSettings(estimators=(), repeats=1, permutations=1)})
    arm = summarise(evaluate(data, settings, arms=["radiomics"]), settings, 1, task=TASK)["arms"]["radiomics"]
    assert 0.42 < arm["dataset2"]["auc"]["value"] < 0.58
    assert 0.45 < arm["dataset2"]["permutation_control"]["mean"] < 0.55


def test_a_class_too_small_for_the_sampler_is_a_named_skip(make_generated):
    data = make_generated(30, 5)
    found = evaluate(data, sampler=PcaGmmSampler(min_class=6)).arms["radiomics"].dataset2
    assert found == Dataset2Skipped("a training fold has 4 patients of the smaller class, 6 needed")


def test_vectors_that_depend_on_the_fold_have_dataset2_and_no_audit(generated):
    generated.blocks["embeddings"] = embedding_block(fold_embeddings(generated))
    evaluation = evaluate(generated, arms=("fusion",))
    arm = summarise(evaluation, QUICK, 1, task=TASK)["arms"]["fusion"]
    assert arm["dataset2"]["status"] == "evaluated"
    assert arm["dataset2"]["permutation_control"]["status"] == "not covered"
    assert "depend on the fold" in arm["audit_augment_before_split"]["reason"]


def test_workers_change_no_byte(generated, tmp_path):
    for workers in (1, 2):
        evaluate(generated, arms=["radiomics"], workers=workers).predictions.to_parquet(
            tmp_path / str(workers)
        )
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
