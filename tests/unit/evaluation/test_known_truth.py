"""Tables whose truth is known: two complementary blocks, and noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gliomics.compute import ComputeSettings
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.blocks import EmbeddingBlock, NetworkOrigin
from gliomics.evaluation.cases import arm_design
from gliomics.evaluation.controls.dataset2 import auc_of
from gliomics.evaluation.cross_validation.out_of_fold import cross_validate
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.statistics.comparisons import delong

ARMS = ("clinical", "radiomics", "deep")
FUSIONS = tuple((mode, by) for mode in ("early", "late", "average", "tuned") for by in ("selection", "pca"))
N_CLASS = 240


def block(long, columns, signal, seed) -> np.ndarray:
    """Draw columns of four hidden factors and noise; the strongest factor is shifted in long survivors."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(len(long), 4)) * [2.0, 1.0, 1.0, 1.0]
    factors[:, 0] += 2.0 * signal * long
    return factors @ rng.normal(size=(4, columns)) + rng.normal(size=(len(long), columns))


def scored(make_generated, signal) -> dict[str, pd.DataFrame]:
    """Out-of-fold scores of the single arms and of every way to fuse, same patients and folds."""
    data = make_generated(N_CLASS, N_CLASS, 0, repeats=1, seed=11)
    ids, long = data.cohort["subject_id"], (data.cohort["benefit"] == 1).to_numpy(dtype=float)
    radiomics = pd.DataFrame(block(long, 24, signal, 1)).add_prefix("feature_").assign(subject_id=ids)
    deep = pd.DataFrame(block(long, 16, signal, 2), index=ids).add_prefix("emb_").sort_index()
    origin = (NetworkOrigin("medicalnet", "bounding_box", "pretrained"),)
    blocks = {"radiomics": radiomics, "embeddings": EmbeddingBlock(deep.index, origin, deep, pd.DataFrame())}
    asked = {arm: (arm, ModellingSettings()) for arm in (*ARMS, "fusion_clinical")} | {
        f"fusion {mode} {by}": ("fusion", ModellingSettings(fusion={"mode": mode, "reduction": by}))
        for mode, by in FUSIONS
    }
    labels, found = data.cohort.set_index("subject_id")["benefit"], {}
    for name, (arm, settings) in asked.items():
        design = arm_design(assemble_arm(arm, data.cohort, blocks), labels, data.folds, settings, seed=1)
        found[name] = cross_validate(design, None, [0], compute=ComputeSettings(workers=1))
    return found


@pytest.fixture(scope="module")
def planted(make_generated_once):
    return scored(make_generated_once, signal=0.9)


@pytest.fixture(scope="module")
def noise(make_generated_once):
    return scored(make_generated_once, signal=0.0)


def test_each_block_alone_finds_its_part_of_a_planted_signal(planted):
    assert auc_of(planted["clinical"]) == pytest.approx(0.5, abs=0.08)
    assert 0.65 < auc_of(planted["radiomics"]) < 0.8
    assert 0.65 < auc_of(planted["deep"]) < 0.8


@pytest.mark.parametrize("name", ["fusion_clinical", *(f"fusion {mode} {by}" for mode, by in FUSIONS)])
def test_fusion_of_complementary_blocks_beats_either_beyond_its_noise(planted, name):
    fused = planted[name]
    for arm in ("radiomics", "deep"):
        alone = planted[arm]
        assert list(alone["subject_id"]) == list(fused["subject_id"])
        scores = [one["y_score"].to_numpy() for one in (fused, alone)]
        gain, p_value = delong(fused["y_true"].to_numpy(), *scores)
        assert gain > 0.03
        assert p_value < 0.01
        assert auc_of(fused) - auc_of(alone) > 0.03


def test_on_noise_every_arm_and_mode_is_at_chance(noise):
    """Three standard deviations of the AUC under no effect (Mann-Whitney, folds of 48 and 48)."""
    bound = 3.0 * np.sqrt((96 + 1) / (12 * 48 * 48) / 5)
    aucs = {name: auc_of(table) for name, table in noise.items()}
    assert bound < 0.085
    assert {name: auc for name, auc in aucs.items() if abs(auc - 0.5) > bound} == {}
    assert abs(np.mean(list(aucs.values())) - 0.5) < bound
