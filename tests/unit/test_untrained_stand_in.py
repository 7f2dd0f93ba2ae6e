"""Vectors of a network that could not be trained enter an arm only where they are asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gliomics.cohort.settings import CohortSettings
from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.compute import ComputeSettings
from gliomics.evaluation.settings import ModellingSettings
from gliomics.lineage.case_store import CaseStore
from gliomics.networks.settings import (
    Cnn3dSettings,
    InferenceSettings,
    MedicalNetSettings,
    SamplingSettings,
)
from gliomics.pipelines.embedding.nodes import encode_cases, train_fold_networks
from gliomics.pipelines.modelling.nodes import evaluate_arms
from gliomics.radiomics.stability import StabilitySettings
from gliomics.synthesis.settings import AugmentationSettings
from network_cases import QUICK, put_crops
from report_cases import small_cohort

ONE, SEED = ComputeSettings(workers=1), 1
COHORT = CohortSettings(
    title="t",
    synthetic=True,
    requires="scans",
    images="images",
    arms=("clinical", "deep", "fusion"),
    clinical={
        "sources": {"gdc": {"format": "gdc_json", "path": "cases.json"}},
        **{key: ["gdc"] for key in ("survival", "treatment", "demographics", "grade")},
    },
)


@pytest.fixture
def evaluate(tmp_path):
    """Embed and evaluate a cohort of whom too few were treated to train networks: summary, vectors, arms."""

    def evaluate(cnn3d: Cnn3dSettings) -> tuple[dict, pd.DataFrame, dict]:
        store = CaseStore(tmp_path / "store")
        cohort = small_cohort(12, 12, 0)
        cohort["chemotherapy"] = pd.array([number in (0, 1, 12) for number in range(24)], dtype="boolean")
        folds = make_folds(cohort, FoldSettings(n_splits=3, repeats=1), SEED)
        rng, subjects = np.random.default_rng(2), cohort["subject_id"]
        index = put_crops(store, {s: rng.normal(size=(1, 2, 16, 16, 16)) for s in subjects})
        shared = {"folds": folds, "compute": ONE, "seed": SEED}
        networks, _ = train_fold_networks(
            cohort=cohort,
            crop_index=index,
            embedding_store=store,
            cohort_settings=COHORT,
            settings=cnn3d,
            **shared,
        )
        outcomes = pd.DataFrame({"subject_id": subjects, "status": "processed", "code": None, "reason": None})
        vectors, _, _, summary, _ = encode_cases(
            crop_index=index,
            case_outcomes_crops=outcomes,
            fold_networks=networks,
            embedding_store=store,
            cnn3d=cnn3d,
            medicalnet=MedicalNetSettings(enabled=False, weights="untrained"),
            inference=InferenceSettings(device="cpu"),
            sampling=SamplingSettings(),
            **shared,
        )
        features = pd.DataFrame({"subject_id": subjects, "f": rng.normal(size=24), "g": rng.normal(size=24)})
        presence = pd.DataFrame({"subject_id": subjects, "region_present__et": 1.0})
        none = pd.DataFrame()
        *_, metrics = evaluate_arms(
            cohort=cohort,
            radiomic_features=features,
            region_presence=presence,
            published_features=none,
            embeddings=vectors,
            embedding_summary=summary,
            perturbed_features=none,
            cohort_flow=none,
            external_champion=None,
            validation="repeated_cv",
            cohort_name="small",
            cohort_settings=COHORT,
            settings=ModellingSettings(
                bootstrap={"n": 100},
                permutation_control={"n": 3},
                comparisons={"permutations": 100},
                dataset2={"arms": []},
                audit={"estimators": []},
            ),
            augmentation=AugmentationSettings(),
            stability=StabilitySettings(),
            **shared,
        )
        return summary["cnn3d"], vectors, metrics["populations"]["all"]["arms"]

    return evaluate


def test_by_default_the_arms_are_skipped_and_say_what_was_found_and_how_to_ask(evaluate):
    summary, vectors, arms = evaluate(QUICK)
    assert vectors.empty
    assert summary["status"] == "skipped"
    for arm in ("deep", "fusion"):
        assert arms[arm]["status"] == "skipped"
        reason = arms[arm]["reason"]
        assert reason.startswith("the cohort has no embeddings (cnn3d: bounding_box, permutation 0, repeat 0")
        assert "at least 2 of each are needed" in reason
        assert "embedding.cnn3d.untrained_stand_in: true lets random weights stand in" in reason
    assert arms["clinical"]["status"] == "evaluated"


def test_they_are_evaluated_on_random_weights_where_these_are_asked_for(evaluate):
    summary, vectors, arms = evaluate(QUICK.model_copy(update={"untrained_stand_in": True}))
    assert set(vectors["weights"]) == {"untrained"}
    assert summary["status"] == "untrained"
    assert "untrained_stand_in" not in summary["reason"]
    for arm in ("deep", "fusion"):
        assert (arms[arm]["status"], arms[arm]["untrained"]) == ("evaluated", ["cnn3d"])


def test_the_setting_is_off_unless_set():
    assert not Cnn3dSettings().untrained_stand_in
    with pytest.raises(ValueError, match="untrained_stand_in"):
        Cnn3dSettings(untrained_stand_in="sometimes")
