"""The gate: each criterion passing and failing, what only warns, what nothing overrules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from gliomics.compute import ComputeSettings
from gliomics.errors import SettingsError
from gliomics.evaluation.settings import ModellingSettings
from gliomics.registry.champion_comparison import paired_difference, score_settings
from gliomics.registry.gate import (
    CRITERIA,
    UNFORCEABLE,
    GateLimits,
    PairedDifference,
    PromotionEvidence,
    decide_promotion,
)

CONF = Path(__file__).resolve().parents[3] / "conf"
STRICT = GateLimits(auc_low=0.6)
FIGURES = {
    "n_long": 40,
    "n_short": 25,
    "auc": {"value": 0.8, "low": 0.7, "high": 0.9},
    "permutation_control": {"passed": True, "mean": 0.5, "bound": 0.54, "n": 200},
    "calibration": {"slope": {"value": 1.0}, "intercept": {"value": 0.1}},
    "untrained": [],
}
GOOD = PromotionEvidence(
    arm="fusion",
    protocol="leakage_free",
    figures=FIGURES,
    clinical=PairedDifference(0.1, 0.02, 0.2, 65),
    champion=PairedDifference(0.0, -0.04, 0.05, 65),
    unclean=(),
    commit="c" * 40,
    data_version="data/demo/v1",
    smoke_difference=0.0,
)


def figures(**changed) -> PromotionEvidence:
    return replace(GOOD, figures={**FIGURES, **changed})


FAULTS = {
    "protocol": (replace(GOOD, protocol="augment_before_split"), "fails", "augment_before_split"),
    "permutation_control": (
        figures(permutation_control={"passed": False, "mean": 0.6, "bound": 0.54, "n": 200}),
        "fails",
        r"0\.600, bound 0\.540",
    ),
    "auc_low": (figures(auc={"value": 0.7, "low": 0.6, "high": 0.8}), "fails", r"0\.700 \(0\.600"),
    "minority": (figures(n_short=19), "not testable", "19"),
    "clinical_baseline": (replace(GOOD, clinical=PairedDifference(0.1, -0.01, 0.2, 65)), "fails", r"-0\.010"),
    "champion": (replace(GOOD, champion=PairedDifference(0.0, -0.05, 0.05, 65)), "fails", r"-0\.050"),
    "calibration": (
        figures(calibration={"slope": {"value": 0.4}, "intercept": {"value": 0.0}}),
        "fails",
        r"slope 0\.40",
    ),
    "trained_weights": (figures(untrained=["medicalnet"]), "fails", "UNTRAINED: medicalnet"),
    "clean_code": (replace(GOOD, unclean=("src/ had uncommitted changes",)), "fails", "uncommitted"),
    "data_version": (replace(GOOD, data_version=None), "fails", "gliomics data snapshot"),
    "artefacts": (replace(GOOD, artefacts_differ=("model/model.skops",)), "fails", r"model\.skops"),
    "smoke_prediction": (replace(GOOD, smoke_difference=2e-9), "fails", r"2\.0e-09"),
}


def test_a_good_version_passes_every_criterion():
    decision = decide_promotion(GOOD, STRICT)
    assert [criterion.name for criterion in decision.criteria] == list(CRITERIA) == list(FAULTS)
    assert {criterion.verdict for criterion in decision.criteria} == {"passes"}
    assert (decision.passed, decision.reasons, decision.warnings) == (True, (), ())


@pytest.mark.parametrize("name", CRITERIA)
def test_one_fault_refuses_and_is_the_only_reason(name):
    evidence, verdict, words = FAULTS[name]
    decision = decide_promotion(evidence, STRICT)
    assert not decision.passed
    assert len(decision.reasons) == 1
    assert decision.reasons[0].startswith(f"{name} {verdict}: ")
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(decision.reasons[0])
    assert decision.forceable == (name not in UNFORCEABLE)


@pytest.mark.parametrize(
    ("evidence", "name", "verdict"),
    [
        (figures(permutation_control={"passed": None}), "permutation_control", "not covered"),
        (figures(calibration={"status": "not estimable"}), "calibration", "not testable"),
        (figures(auc={"value": None, "low": None, "high": None}), "auc_low", "not testable"),
        (replace(GOOD, champion="the champion's deep arm cannot be scored"), "champion", "not testable"),
        (replace(GOOD, data_missing=("2 objects are not in the remote",)), "data_version", "fails"),
        (replace(GOOD, smoke_difference=None), "smoke_prediction", "fails"),
    ],
)
def test_what_cannot_be_tested_has_a_verdict_of_its_own_and_refuses(evidence, name, verdict):
    criterion = next(c for c in decide_promotion(evidence, STRICT).criteria if c.name == name)
    assert (criterion.verdict, criterion.refuses) == (verdict, True)


def test_the_first_champion_and_the_clinical_arm_itself_have_nothing_to_be_compared_with():
    assert decide_promotion(replace(GOOD, champion="", clinical=""), STRICT).passed


def test_a_softened_criterion_warns_and_one_softened_if_untested_still_refuses_when_it_fails():
    soft = STRICT.model_copy(
        update={"warn_only": ("minority",), "warn_if_untested": ("permutation_control",)}
    )
    decision = decide_promotion(FAULTS["minority"][0], soft)
    assert decision.passed
    assert decision.warnings[0].startswith("minority not testable: 19")
    assert decide_promotion(figures(permutation_control={"passed": None}), soft).passed
    assert not decide_promotion(FAULTS["permutation_control"][0], soft).passed


def test_what_nothing_overrules_cannot_be_softened_by_configuration():
    for name in UNFORCEABLE:
        with pytest.raises(SettingsError, match="a criterion that may only warn must be one of auc_low"):
            GateLimits(warn_only=(name,))


def test_base_is_lenient_and_prod_demands_everything():
    base = yaml.safe_load((CONF / "base/registry/parameters.yml").read_text())["registry"]["gate"]
    prod = {**base, **yaml.safe_load((CONF / "prod/registry/parameters.yml").read_text())["registry"]["gate"]}
    lenient, strict = GateLimits.model_validate(base), GateLimits.model_validate(prod)
    assert (strict.warn_only, strict.warn_if_untested, strict.allow_force) == ((), (), False)
    assert (strict.champion_margin, lenient.champion_margin, strict.minority) == (0.05, 0.15, 20)
    assert {"minority", "clinical_baseline"} <= set(lenient.warn_only)
    assert set(base) == set(GateLimits.model_fields)


def predictions(score, y, repeats=2) -> pd.DataFrame:
    n = len(y)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "subject_id": [f"p{number:02d}" for number in range(n)],
                    "repeat": repeat,
                    "fold": np.arange(n) % 2,
                    "y_true": y,
                    "y_score": score,
                    "threshold": 0.5,
                }
            )
            for repeat in range(repeats)
        ]
    )


def test_the_paired_difference_is_that_of_the_within_fold_aucs():
    y = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    perfect, reversed_, limits = y.astype(float), 1.0 - y, GateLimits(bootstrap=200)
    found = paired_difference(predictions(perfect, y), predictions(reversed_, y), limits, seed=1)
    assert found == PairedDifference(1.0, 1.0, 1.0, 8)
    same = paired_difference(predictions(perfect, y), predictions(perfect, y), limits, seed=1)
    assert same == PairedDifference(0.0, 0.0, 0.0, 8)
    other_folds = predictions(perfect, y).assign(fold=lambda t: 1 - t["fold"])
    assert (
        paired_difference(predictions(perfect, y), other_folds, limits, 1)
        == "the two were scored on other folds"
    )


def test_the_champion_s_settings_are_scored_out_of_fold_on_the_candidate_s_patients(make_generated):
    data = make_generated(30, 14, signal=1.5)
    scored = score_settings(
        "radiomics",
        ModellingSettings(),
        data.cohort,
        data.folds,
        data.blocks,
        primary_population="all",
        compute=ComputeSettings(workers=1),
        seed=3,
    )
    assert set(scored["subject_id"]) == set(data.cohort.loc[data.cohort["benefit"].notna(), "subject_id"])
    noise = scored.assign(y_score=np.random.default_rng(1).random(len(scored)))
    found = paired_difference(scored, noise, GateLimits(bootstrap=200), seed=3)
    assert found.low > 0
    absent = score_settings(
        "deep",
        ModellingSettings(),
        data.cohort,
        data.folds,
        data.blocks,
        primary_population="all",
        compute=ComputeSettings(workers=1),
        seed=3,
    )
    assert absent.startswith(
        "the champion's deep arm cannot be scored on these data: the cohort has no embeddings"
    )
