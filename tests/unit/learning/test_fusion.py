"""Fusion: every mode against the same thing written plainly, its limits, its guard, and planted truths."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gliomics.cohort.splits import deal
from gliomics.compute import ComputeSettings
from gliomics.errors import LeakageError
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.cross_validation.resampling import Resampler, is_synthetic
from gliomics.evaluation.cross_validation.tuning import tune_and_fit
from gliomics.evaluation.population import evaluate_population
from gliomics.learning.fusion.fusion_recipe import NOT_STACKED
from gliomics.learning.fusion.stacking import block_weights
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.recipes import Candidate, InnerScores
from gliomics.learning.registry import get_recipe
from gliomics.learning.sample import Sample
from gliomics.learning.selection.ranking import RankedSelector
from gliomics.learning.settings import FusionSettings, TuningSettings
from prediction_tables import fold_embeddings

SIZES, SETTINGS, NOBODY = (12, 3, 20), TuningSettings(), LeakageGuard(())
MODES, REDUCTIONS = ("early", "late", "average", "tuned"), ("selection", "pca")


def recipe(mode="late", reduction="selection", sizes=SIZES):
    return get_recipe("fused_logistic").for_blocks(sizes, FusionSettings(mode=mode, reduction=reduction))


def sample(n_long=40, n_short=16, sizes=SIZES, signal=0.8, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.r_[np.ones(n_long, np.int64), np.zeros(n_short, np.int64)])
    X = rng.normal(size=(len(y), sum(sizes)))
    X[:, [0, sizes[0], sum(sizes) - 1]] += signal * y[:, None]
    X[rng.random(X.shape) < 0.05] = np.nan
    return Sample(np.array([f"P{row}" for row in range(len(y))], dtype=object), X, y)


def tuned(train, fused, guard=NOBODY, resampler=None):
    return tune_and_fit(fused, train, SETTINGS, np.random.default_rng(0), guard, resampler)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("mode", ["early", "average"])
def test_the_batch_of_the_inner_loop_scores_as_the_fitted_pipelines_do(mode, reduction):
    train, fresh, fused = sample(), sample(seed=1), recipe(mode, reduction)
    raw = fused.score_split(train, fresh.X, fused.candidates, NOBODY)
    inner = InnerScores(raw, fresh.y, fresh.ids, np.zeros(len(fresh.y), np.int64))
    together = fused.combine(inner, fused.candidates, NOBODY)
    for candidate, scores in zip(fused.candidates, together, strict=True):
        alone = fused.fit(train, candidate, NOBODY, None).predict_proba(fresh.X)[:, 1]
        np.testing.assert_allclose(scores, alone, atol=1e-6)


def test_late_fusion_is_stacking_as_it_is_written_plainly():
    train, fresh, candidate = sample(), sample(seed=1), Candidate(C=0.3, k=5, mode="late")
    fused = recipe()
    only = replace(fused, default=candidate, candidates=(candidate,), small_sample_candidates=(candidate,))
    fitted = tuned(train, only)
    fold = deal([np.flatnonzero(train.y == label) for label in (0, 1)], 5, np.random.default_rng(0))

    def model():
        steps = SimpleImputer(strategy="median"), StandardScaler(), RankedSelector(k=5)
        return make_pipeline(*steps, LogisticRegression(C=0.3, tol=1e-9))

    columns = np.split(np.arange(sum(SIZES)), np.cumsum(SIZES)[:-1])
    odds = np.empty((3, len(train.y)))
    for number in range(5):
        part, rest = fold == number, fold != number
        for block, own in enumerate(columns):
            fit = model().fit(train.X[rest][:, own], train.y[rest])
            odds[block, part] = fit.decision_function(train.X[part][:, own])
    beta = block_weights(odds[None], train.y)[0]
    blocks = [model().fit(train.X[:, own], train.y) for own in columns]
    by_block = [m.decision_function(fresh.X[:, own]) for m, own in zip(blocks, columns, strict=True)]
    expected = expit(beta[0] + beta[1:] @ np.array(by_block))
    np.testing.assert_allclose(fitted.score(fresh.X), expected, atol=1e-4)
    assert fitted.candidate.label == "late k=5 C=0.3"


def test_averaging_is_the_mean_of_log_odds():
    train, fresh, candidate = sample(), sample(seed=1), Candidate(C=0.3, k=5, mode="average")
    fused = recipe("average").fit(train, candidate, NOBODY, None).predict_proba(fresh.X)[:, 1]
    single = []
    for start, end in itertools.pairwise(np.cumsum((0, *SIZES))):
        block = Sample(train.ids, train.X[:, start:end], train.y)
        alone = get_recipe("ranked_logistic").fit(block, Candidate(C=0.3, k=5), NOBODY, None)
        single.append(logit(alone.predict_proba(fresh.X[:, start:end])[:, 1]))
    np.testing.assert_allclose(logit(fused), np.mean(single, axis=0), atol=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_a_small_sample_has_at_most_six_candidates_and_the_simplest_come_first(mode, reduction):
    fused = recipe(mode, reduction)
    assert 2 <= len(fused.competing(19, SETTINGS)) <= 6
    for candidates in (fused.candidates, fused.small_sample_candidates):
        order = ("average", "early", "late")
        flexibility = [(c.k, c.C, order.index(c.mode)) for c in candidates]
        assert flexibility == sorted(set(flexibility))
        assert {c.mode for c in candidates} == (set(order) if mode == "tuned" else {mode})


def test_without_two_inner_folds_late_fusion_averages_and_says_so():
    train, fresh = sample(12, 3), sample(seed=1)
    fitted = tuned(train, recipe())
    assert fitted.candidate.label == f"{NOT_STACKED} k=5 C=0.1"
    plain = recipe("average").fit(train, Candidate(C=0.1, k=5, mode="average"), NOBODY, None)
    np.testing.assert_array_equal(fitted.score(fresh.X), plain.predict_proba(fresh.X)[:, 1])


@pytest.mark.parametrize("mode", MODES)
def test_one_block_is_not_fused_and_says_so(mode):
    train, fresh = sample(), sample(seed=1)
    fitted = tuned(train, recipe(mode, sizes=(sum(SIZES),)))
    alone = tuned(train, get_recipe("ranked_logistic"))
    assert fitted.candidate.label == f"one block {alone.candidate.label}"
    np.testing.assert_allclose(fitted.score(fresh.X), alone.score(fresh.X), atol=1e-7)


class Twins(BaseEstimator):
    """Repeats rows of the smaller class, with a little noise, until the classes are alike."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit_resample(self, X, y):
        rng = np.random.default_rng(self.random_state)
        few = np.flatnonzero(y == 0)
        drawn = rng.choice(few, size=len(y) - 2 * len(few))
        twins = X[drawn] + 0.1 * rng.normal(size=(len(drawn), X.shape[1]))
        return np.vstack([X, twins]), np.r_[y, y[drawn]]


class Recorder(LeakageGuard):
    """Lets everybody pass and notes which parts asked, and whether for synthetic rows."""

    asked: list[tuple[str, bool]] = []  # noqa: RUF012

    def check(self, part, ids):
        Recorder.asked.append((part, bool(is_synthetic(ids).any())))

    def also(self, held_out):
        return self


def test_every_part_asks_the_guard_and_the_meta_model_sees_real_patients_only():
    Recorder.asked = []
    fitted = tuned(sample(), recipe("tuned", "pca"), Recorder(()), Resampler(Twins()))
    parts = {part for part, _ in Recorder.asked}
    assert parts >= {"preprocessing", "PCA", "inner estimator", "inner block model", "inner meta-model"}
    Recorder.asked = []
    fitted = tuned(sample(), recipe(), Recorder(()), Resampler(Twins()))
    last = [("preprocessing", True), ("selector", True), ("meta-model", False), ("block model", True)]
    assert Recorder.asked[-4:] == last
    assert Recorder.asked.count(("inner meta-model", False)) == 5
    assert ("inner meta-model", True) not in Recorder.asked
    assert abs(fitted.shift) < 0.1
    assert tuned(sample(), recipe("average"), resampler=Resampler(Twins())).shift > 0.3


def test_the_guard_stops_a_meta_model_that_is_given_a_test_patient():
    train, fused = sample(), recipe()
    candidates = (Candidate(C=0.1, k=2, mode="late"),)
    raw = np.random.default_rng(0).normal(size=(1, 3, len(train.y)))
    inner = InnerScores(raw, train.y, train.ids, np.arange(len(train.y)) % 2)
    with pytest.raises(LeakageError, match=r"fit of inner meta-model: .*got P7"):
        fused.combine(inner, candidates, LeakageGuard(["P7"]))
    others = Sample(np.char.add("Q", train.ids.astype(str)).astype(object), train.X, train.y)
    with pytest.raises(LeakageError, match=r"fit of meta-model: .*got P7"):
        fused.fit(others, candidates[0], LeakageGuard(["P7"]), inner)


@pytest.mark.parametrize("part", ["inner estimator", "inner block model", "PCA"])
def test_the_guard_stops_every_other_part(part):
    class From(LeakageGuard):
        """Lets everything before the part pass."""

        def check(self, name, ids):
            if name == part:
                super().check(name, ids)

        def also(self, held_out):
            return self

    with pytest.raises(LeakageError, match=f"fit of {part}: .*got P7"):
        tuned(sample(), recipe("tuned", "pca"), From(["P7"]))


@pytest.mark.parametrize("mode", ["late", "tuned"])
def test_neither_workers_nor_fold_networks_change_a_byte(make_generated, quick, mode):
    data = make_generated(20, 10, signal=0.5, repeats=1)
    blocks = {**data.blocks, "embeddings": embedding_block(fold_embeddings(data, signal=1.0))}
    settings = quick.model_copy(update={"fusion": FusionSettings(mode=mode)})
    one, two = (
        evaluate_population(
            data.cohort,
            data.folds,
            blocks,
            arms=["fusion_clinical"],
            population="all",
            settings=settings,
            seed=1,
            compute=ComputeSettings(workers=workers),
        ).predictions
        for workers in (1, 2)
    )
    assert_frame_equal(one, two, check_exact=True)
    modes = {label.split(" k=")[0] for label in one["candidate"]}
    assert modes <= ({"late"} if mode == "late" else {"average", "early", "late"})
