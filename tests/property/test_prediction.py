"""What must hold of folds, scores and thresholds whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.evaluation.cross_validation.tuning import balanced_threshold, choose_simplest_within_one_se
from gliomics.evaluation.statistics.intervals import resample_patients
from gliomics.evaluation.statistics.metrics import METRICS, ScoredPatients, within_fold_auc

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=6, max_size=6), st.integers(2, 6), SEEDS)
def test_folds_are_balanced_in_every_stratum(sizes, n_splits, seed):
    sizes = [sizes[0] + n_splits, sizes[1], sizes[2] + n_splits, *sizes[3:]]
    cells = [(label, treated) for label in (0, 1, pd.NA) for treated in (True, False)]
    rows = [cell for cell, size in zip(cells, sizes, strict=True) for _ in range(size)]
    cohort = pd.DataFrame(
        {
            "subject_id": [f"P{number:04d}" for number in range(len(rows))],
            "benefit": pd.array([label for label, _ in rows], dtype="Int64"),
            "chemotherapy": pd.array([treated for _, treated in rows], dtype="boolean"),
            "exclusion_reason": pd.array([None] * len(rows), dtype="string"),
        }
    )
    folds = make_folds(cohort, FoldSettings(n_splits=n_splits, repeats=2), seed)
    joined = folds.merge(cohort, on="subject_id").assign(stratum=lambda t: t["benefit"].fillna(-1))
    for keys in (["repeat"], ["repeat", "stratum"], ["repeat", "stratum", "chemotherapy"]):
        for _, part in joined.groupby(keys):
            counts = np.bincount(part["fold"], minlength=n_splits)
            if keys != ["repeat", "stratum", "chemotherapy"] or part["chemotherapy"].all():
                assert counts.max() - counts.min() <= 1


@st.composite
def scored_patients(draw):
    rng = np.random.default_rng(draw(SEEDS))
    n, repeats = draw(st.integers(4, 30)), draw(st.integers(1, 3))
    y = rng.permutation(np.r_[0, 0, 1, 1, rng.integers(0, 2, size=n - 4)])
    ids = np.array([f"P{number:03d}" for number in range(n)], dtype=object)
    score = np.round(rng.random((repeats, n)), draw(st.integers(1, 8)))
    return ScoredPatients(ids, y, score, rng.random((repeats, n)), rng.integers(0, 3, size=(repeats, n)))


@settings(max_examples=60, deadline=None)
@given(scored_patients())
def test_the_auc_is_the_mean_of_scikit_learns_over_usable_folds(patients):
    each = [
        roc_auc_score(patients.y[fold == number], score[fold == number])
        for score, fold in zip(patients.score, patients.fold, strict=True)
        for number in range(3)
        if len(np.unique(patients.y[fold == number])) == 2
    ]
    found = within_fold_auc(patients, patients.once)[0]
    np.testing.assert_allclose(found, np.mean(each) if each else np.nan)
    assert patients.folds_used()[0] == len(each)


@settings(max_examples=40, deadline=None)
@given(scored_patients(), st.floats(0.1, 10), SEEDS)
def test_auc_ignores_monotone_changes_inside_a_fold_and_turns_with_the_sign(patients, factor, seed):
    shift = np.random.default_rng(seed).normal(size=3)[patients.fold]
    moved = ScoredPatients(
        patients.ids,
        patients.y,
        np.round(patients.score, 6) * factor + shift,
        patients.threshold,
        patients.fold,
    )
    rounded = ScoredPatients(
        patients.ids, patients.y, np.round(patients.score, 6), patients.threshold, patients.fold
    )
    turned = ScoredPatients(patients.ids, patients.y, -rounded.score, patients.threshold, patients.fold)
    auc = within_fold_auc(rounded, rounded.once)
    if (
        len(np.unique(rounded.score)) == rounded.score.size
    ):  # adding a shift may split or join ties by rounding
        np.testing.assert_allclose(within_fold_auc(moved, moved.once), auc)
    np.testing.assert_allclose(within_fold_auc(turned, turned.once), 1 - auc)


@settings(max_examples=40, deadline=None)
@given(scored_patients(), SEEDS)
def test_every_figure_lies_between_zero_and_one_on_every_resample(patients, seed):
    weights = resample_patients(patients.y, 20, seed)
    for metric in METRICS.values():
        values = metric(patients, weights)
        assert ((values >= -1e-12) & (values <= 1 + 1e-12) | np.isnan(values)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 20), st.integers(2, 20), st.integers(1, 6), SEEDS)
def test_the_threshold_separates_what_can_be_separated(n_short, n_long, decimals, seed):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n_short, n_long])
    scores = np.round(rng.random(n_short + n_long), decimals)
    cut = balanced_threshold(y, scores)
    assert 0.0 <= cut <= 1.0
    separable = np.where(y == 1, scores + 2.0, scores)
    cut = balanced_threshold(y, separable)
    assert ((separable >= cut) == (y == 1)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(2, 30), SEEDS)
def test_the_chosen_candidate_is_never_more_flexible_than_the_best(m, n, seed):
    losses = np.random.default_rng(seed).random((m, n))
    assert choose_simplest_within_one_se(losses) <= int(losses.mean(axis=1).argmin())
