"""Figures of merit: hand-counted, and equal to scikit-learn's where there is one fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, recall_score, roc_auc_score

from gliomics.evaluation.statistics.metrics import (
    METRICS,
    ScoredPatients,
    balanced_accuracy,
    brier,
    sensitivity,
    specificity,
    within_fold_auc,
)


def patients(y, score, fold=None, threshold=0.5):
    score = np.atleast_2d(np.asarray(score, dtype=float))
    fold = np.zeros(score.shape, int) if fold is None else np.atleast_2d(fold)
    ids = np.array([f"P{number:03d}" for number in range(len(y))], dtype=object)
    return ScoredPatients(ids, np.asarray(y), score, np.full(score.shape, threshold), fold)


def value(metric, scored):
    return float(metric(scored, scored.once)[0])


def test_one_fold_equals_scikit_learn(rng):
    y = rng.integers(0, 2, size=60)
    score = np.round(rng.random(60), 1)
    one = patients(y, score)
    assert value(within_fold_auc, one) == pytest.approx(roc_auc_score(y, score))
    assert value(brier, one) == pytest.approx(brier_score_loss(y, score))
    assert value(sensitivity, one) == pytest.approx(recall_score(y, score >= 0.5))
    assert value(specificity, one) == pytest.approx(recall_score(y, score >= 0.5, pos_label=0))


def test_weights_equal_repeated_patients(rng):
    y = np.repeat([0, 1], 20)
    score, times = np.round(rng.random(40), 1), rng.integers(0, 4, size=40)
    weighted = within_fold_auc(patients(y, score), times[None].astype(float))[0]
    assert weighted == pytest.approx(roc_auc_score(np.repeat(y, times), np.repeat(score, times)))


def test_pairs_are_compared_within_a_fold_only():
    y = [1, 0, 1, 0, 1]
    score = [0.2, 0.1, 0.9, 0.9, 0.3]
    fold = [0, 0, 1, 1, 1]
    # fold 0: one pair, won; fold 1: a tie (one half) and a loss
    assert value(within_fold_auc, patients(y, score, fold)) == pytest.approx((1.0 + 0.25) / 2)


def test_folds_without_both_classes_are_passed_over_and_counted():
    scored = patients([1, 0, 1, 1], [0.2, 0.1, 0.9, 0.1], [0, 0, 1, 1])
    assert value(within_fold_auc, scored) == 1.0
    assert scored.folds_used() == (1, 1)
    assert np.isnan(value(within_fold_auc, patients([1, 0], [0.2, 0.1], [0, 1])))


def test_a_resample_without_pairs_in_a_fold_uses_the_others():
    scored = patients([1, 0, 1, 0], [0.2, 0.1, 0.1, 0.9], [0, 0, 1, 1])
    weights = np.array([[1.0, 1, 1, 1], [2.0, 2, 0, 0], [0.0, 0, 2, 2], [2.0, 0, 0, 2]])
    np.testing.assert_array_equal(within_fold_auc(scored, weights), [0.5, 1.0, 0.0, np.nan])


def test_repeats_are_averaged():
    scored = patients([1, 0], [[0.9, 0.1], [0.1, 0.9]], [[0, 0], [0, 0]])
    assert value(within_fold_auc, scored) == 0.5
    assert value(sensitivity, scored) == 0.5
    assert value(brier, scored) == pytest.approx((0.01 + 0.81) / 2)


def test_decisions_use_the_threshold_of_the_fold():
    scored = patients([1, 1, 0, 0, 0], [0.6, 0.4, 0.6, 0.4, 0.4])
    assert value(sensitivity, scored) == 0.5
    assert value(specificity, scored) == pytest.approx(2 / 3)
    assert value(balanced_accuracy, scored) == pytest.approx((0.5 + 2 / 3) / 2)
    assert value(sensitivity, patients([1, 0], [0.5, 0.5])) == 1.0


def test_predictions_are_arranged_by_patient_and_repeat(rng):
    table = pd.DataFrame(
        {
            "subject_id": ["B", "A", "A", "B"],
            "repeat": [0, 0, 1, 1],
            "fold": [3, 4, 3, 4],
            "y_true": [1, 0, 0, 1],
            "y_score": [0.1, 0.2, 0.3, 0.4],
            "threshold": [0.5, 0.6, 0.7, 0.8],
        }
    )
    for rows in (table, table.iloc[rng.permutation(4)]):
        scored = ScoredPatients.from_predictions(rows)
        assert list(scored.ids) == ["A", "B"]
        assert list(scored.y) == [0, 1]
        np.testing.assert_array_equal(scored.score, [[0.2, 0.1], [0.3, 0.4]])
        np.testing.assert_array_equal(scored.threshold, [[0.6, 0.5], [0.7, 0.8]])
        np.testing.assert_array_equal(scored.fold, [[4, 3], [3, 4]])


@pytest.mark.parametrize("name", METRICS)
def test_many_resamples_at_once_equal_one_by_one(name, rng):
    scored = patients(np.repeat([0, 1], 10), rng.random((2, 20)), rng.integers(0, 3, size=(2, 20)))
    weights = rng.integers(0, 3, size=(5, 20)).astype(float)
    one_by_one = [METRICS[name](scored, weight[None])[0] for weight in weights]
    np.testing.assert_allclose(METRICS[name](scored, weights), one_by_one)
