"""Acceptance: good draws pass for real, bad ones do not, few rows are not assessable, copies are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from gliomics.synthesis.acceptance import NOT_ASSESSABLE, RealAndSynthetic, accept_fold, no_acceptance
from gliomics.synthesis.settings import AcceptanceSettings, AugmentationSettings

CONF = Path(__file__).parents[3] / "conf" / "base" / "augmentation" / "parameters.yml"
SETTINGS = AcceptanceSettings(resamples=50)


def rows(n, shift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.array([0, 1], np.int64), n)
    return rng.normal(size=(2 * n, 6)) + y[:, None] + shift, y


def judge(synthetic, train=None, held_out=None):
    parts = RealAndSynthetic(train or rows(60, seed=1), held_out or rows(40, seed=2), synthetic)
    return accept_fold(parts, SETTINGS, np.random.default_rng(0))


def test_draws_from_the_same_distribution_look_real():
    judged = judge(rows(100, seed=3))
    assert (judged["status"] == "assessed").all()
    assert (judged["auc_low"] < 0.55).all()
    assert judged["ks"].to_numpy() == pytest.approx(judged["ks_reference"].to_numpy(), abs=0.08)
    assert judged["distance_ratio"].between(0.85, 1.15).all()
    assert judged["tstr_auc"].iloc[0] == pytest.approx(judged["trtr_auc"].iloc[0], abs=0.05)
    assert (judged["copies"] == 0).all()


def test_shifted_draws_are_told_apart():
    judged = judge(rows(100, shift=1.5, seed=3))
    assert (judged["auc_low"] > 0.8).all()
    assert (judged["ks"] > judged["ks_reference"] + 0.2).all()


def test_memorised_rows_are_flagged():
    X, y = rows(60, seed=1)
    judged = judge((X + 1e-6, y))
    assert judged["copies"].tolist() == [60, 60]
    assert (judged["distance_ratio"] < 0.8).all()


def test_few_held_out_rows_are_not_assessable_and_never_accepted():
    judged = judge(rows(100, seed=3), held_out=rows(8, seed=2))
    assert set(judged["status"]) == {NOT_ASSESSABLE}
    assert judged[["ks", "auc", "distance_ratio", "tstr_auc"]].isna().all(axis=None)
    assert judged["n_held_out"].tolist() == [8, 8]


def test_gaps_and_constant_columns_do_no_harm():
    made, train, held_out = rows(100, seed=3), rows(60, seed=1), rows(40, seed=2)
    for X, _ in (made, train, held_out):
        X[:, 0], X[::3, 1], X[:, 2] = 5.0, np.nan, np.nan
    assert np.isfinite(judge(made, train, held_out)["auc"]).all()


def test_nothing_judged_has_the_same_columns():
    assert list(no_acceptance().columns) == ["repeat", "fold", *judge(rows(100, seed=3)).columns]


def test_the_base_parameters_are_the_defaults_and_nothing_else():
    parameters = yaml.safe_load(CONF.read_text(encoding="utf-8"))
    assert parameters == {"augmentation": AugmentationSettings().model_dump()}
