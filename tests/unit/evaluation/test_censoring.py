"""Censoring weights against scikit-survival and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sksurv.metrics import cumulative_dynamic_auc
from sksurv.nonparametric import CensoringDistributionEstimator

from gliomics.evaluation.statistics.censoring import (
    FollowUp,
    censoring_sensitivity,
    censoring_survival,
    weighted_auc,
)
from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc

HORIZON = 730.5


def follow_up(n=120, seed=4):
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    death = rng.exponential(900 * np.exp(-0.8 * risk))
    censoring = rng.exponential(1500, size=n)
    days = np.round(np.minimum(death, censoring)) + 1.0
    return risk, days, death <= censoring


def test_censoring_is_a_kaplan_meier_with_deaths_first():
    days, died = np.array([1.0, 2.0, 2.0, 5.0]), np.array([True, True, False, False])
    found = censoring_survival(days, died, np.array([1.0, 2.0, 3.0, 6.0]))
    np.testing.assert_allclose(found, [1.0, 1.0, 0.5, 0.0])


def test_the_auc_at_the_horizon_is_scikit_survivals():
    risk, days, died = follow_up()
    structured = np.array(list(zip(died, days, strict=True)), dtype=[("died", bool), ("days", float)])
    expected = cumulative_dynamic_auc(structured, structured, risk, [HORIZON])[0][0]
    y = np.where(days > HORIZON, 1, np.where(died, 0, -1))
    labelled = y >= 0
    estimator = CensoringDistributionEstimator().fit(structured)
    inverse = estimator.predict_ipcw(structured)
    theirs = weighted_auc(-risk[labelled], y[labelled], inverse[labelled])[0]
    assert theirs == pytest.approx(expected, abs=1e-12)
    known = censoring_survival(days, died, days[labelled])
    ours = weighted_auc(-risk[labelled], y[labelled], 1 / np.maximum(known, 1e-9))[0]
    assert ours == pytest.approx(expected, abs=0.005)


def sensitivity(risk, days, died, folds):
    ids = np.array([f"P{row:03d}" for row in range(len(days))], dtype=object)
    y = np.where(days >= HORIZON, 1, np.where(died, 0, -1))
    labelled = np.flatnonzero(y >= 0)
    score = -risk[labelled][None].repeat(len(folds), axis=0)
    fold = np.stack([one[labelled] for one in folds])
    patients = ScoredPatients(
        ids[labelled], y[labelled], score, np.zeros_like(score), fold, tuple(range(len(folds)))
    )
    everybody = FollowUp(ids, days, died, dict(enumerate(folds)), HORIZON)
    return patients, censoring_sensitivity(patients, everybody)


def test_without_weights_it_is_the_within_fold_auc(rng):
    patients, found = sensitivity(*follow_up(), [rng.permutation(120) % 5 for _ in range(2)])
    assert found.naive == pytest.approx(within_fold_auc(patients, patients.once)[0])
    assert found.largest_weight > 1
    assert found.auc != found.naive


def test_without_censoring_weights_change_nothing(rng):
    risk, days, _ = follow_up()
    _, found = sensitivity(risk, days, np.ones(120, dtype=bool), [rng.permutation(120) % 5])
    assert found.auc == pytest.approx(found.naive)
    assert (found.largest_weight, found.truncated) == (1.0, 0)


def test_the_whole_of_it_is_scikit_survivals_fold_by_fold(rng):
    """Weights learned on the other folds; no two patients at one time, so that G(t-) = G(t) at a death."""
    risk, days, died = follow_up()
    days = np.sort(rng.choice(np.arange(1, 3000), size=120, replace=False))[days.argsort().argsort()] * 1.0
    fold = rng.permutation(120) % 4
    _, found = sensitivity(risk, days, died, [fold])
    structured = np.array(list(zip(died, days, strict=True)), dtype=[("died", bool), ("days", float)])
    expected = []
    for number in range(4):
        rest, held_out = structured[fold != number], structured[fold == number]
        survival = CensoringDistributionEstimator().fit(rest).predict_proba(held_out["days"])
        pairs = [
            (1.0 / survival[short], (risk[fold == number][short] > risk[fold == number][long]))
            for short in np.flatnonzero(held_out["died"] & (held_out["days"] < HORIZON))
            for long in np.flatnonzero(held_out["days"] >= HORIZON)
        ]
        weight, right = np.array(pairs).T
        expected.append((weight * right).sum() / weight.sum())
    assert found.auc == pytest.approx(np.mean(expected), abs=1e-9)
    assert found.truncated == 0
