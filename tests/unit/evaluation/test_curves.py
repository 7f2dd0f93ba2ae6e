"""Curves are averaged within folds: their areas are the figures of the metrics file."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.evaluation.statistics.curves import chance_precision, mean_precision_recall, mean_roc
from gliomics.evaluation.statistics.metrics import ScoredPatients, average_precision, within_fold_auc


def patients(n=60, folds=4, repeats=3, *, ties=False, seed=1) -> ScoredPatients:
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 3 > 0).astype(np.int64)
    score = rng.normal(size=(repeats, n)) + 0.8 * y
    fold = np.stack([rng.permutation(np.arange(n) % folds) for _ in range(repeats)])
    score = np.round(score, 0 if ties else 12) + 10.0 * fold  # scores of folds share no scale
    ids = np.array([f"p{k:03d}" for k in range(n)], dtype=object)
    return ScoredPatients(ids, y, score, np.zeros_like(score), fold, tuple(range(repeats)))


@pytest.mark.parametrize("ties", [False, True])
def test_the_area_below_the_roc_curve_is_the_within_fold_auc(ties):
    scored = patients(ties=ties)
    curve = mean_roc(scored)
    assert curve.y.mean() == pytest.approx(within_fold_auc(scored, scored.once)[0], abs=2e-3)
    assert curve.folds == 12
    assert (np.diff(curve.y) >= -1e-12).all()


@pytest.mark.parametrize("event", [0, 1])
@pytest.mark.parametrize("ties", [False, True])
def test_the_area_below_the_precision_curve_is_the_average_precision(ties, event):
    scored = patients(ties=ties)
    area = mean_precision_recall(scored, event).y.mean()
    assert area == pytest.approx(average_precision(scored, scored.once, event)[0], abs=2e-3)


def test_a_fold_of_one_class_is_passed_over():
    y = np.array([1, 1, 1, 0], dtype=np.int64)
    fold = np.array([[0, 0, 1, 1]])
    score = np.array([[0.1, 0.2, 0.9, 0.3]])
    scored = ScoredPatients(np.array(list("abcd"), dtype=object), y, score, score, fold, (0,))
    assert mean_roc(scored).folds == 1
    assert mean_roc(scored).y.min() == 1.0
    assert [chance_precision(scored, event) for event in (0, 1)] == [0.5, 0.5]


def test_chance_is_the_share_of_the_class_that_is_looked_for():
    scored = patients(n=60, folds=4)
    assert [chance_precision(scored, event) for event in (0, 1)] == pytest.approx([1 / 3, 2 / 3])
