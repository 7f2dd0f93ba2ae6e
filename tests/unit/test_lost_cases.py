"""Every stage quarantines a case that killed its workers, with its reason, and goes on with the others."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from gliomics.compute import ComputeSettings
from gliomics.imaging.case_scans import with_failures
from gliomics.lineage.case_store import CaseStore
from gliomics.networks import encoding
from gliomics.networks.sampling import cohort_crops
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.settings import InferenceSettings, MedicalNetSettings
from gliomics.networks.training.cohort_networks import EmbeddingNetworks, embed_cohort
from gliomics.pipelines.feature_engineering import nodes
from gliomics.radiomics.settings import RadiomicsSettings
from network_cases import QUICK, SMALL, write_cohort

ONE = ComputeSettings(workers=1)
FATE = {"CASE-0": "processed", "CASE-1": "failed", "CASE-2": "processed"}
UNTRAINED = {"status": "skipped", "reason": "too few patients", "networks": []}


def losing(victim, function, items, compute, *, on_lost):
    """Stand for an engine on which one case is given up."""
    for item in items:
        yield on_lost(item, "2 dead workers while it ran alone") if victim in repr(item) else function(item)


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch):
    return lambda module: monkeypatch.setattr(module, "map_cases", partial(losing, "CASE-1"))


def is_told(outcomes: pd.DataFrame) -> bool:
    case = outcomes.set_index("subject_id").loc["CASE-1"]
    return case["code"] == "killed_worker" and "got 2 dead workers while it ran alone" in case["reason"]


def fate(outcomes: pd.DataFrame) -> dict[str, str]:
    return dict(zip(outcomes["subject_id"], outcomes["status"], strict=True))


def test_in_feature_engineering(tmp_path: Path, lose):
    manifest, ingested = write_cohort(tmp_path, 3)
    lose(nodes)
    common = {
        "raw_folder": tmp_path,
        "scan_manifest": manifest,
        "radiomics_store": CaseStore(tmp_path / "store"),
        "settings": RadiomicsSettings(),
        "compute": ONE,
    }
    made = nodes.extract_radiomic_features(
        case_outcomes_ingestion=ingested, max_failed_fraction=0.5, **common
    )
    assert fate(made[-1]) == FATE
    assert is_told(made[-1])
    assert made[0]["subject_id"].tolist() == ["CASE-0", "CASE-2"]


def test_in_embedding_while_crops_are_cut_or_encoded(tmp_path: Path, lose, monkeypatch: pytest.MonkeyPatch):
    manifest, ingested = write_cohort(tmp_path / "raw", 3)
    store, sample = CaseStore(tmp_path / "store"), partial(sample_cohort, compute=ONE, seed=1)
    whole = sample(manifest, ingested, tmp_path / "raw", store, SMALL)
    lose(cohort_crops)
    cut = sample(manifest, ingested, tmp_path / "raw", store, SMALL)
    assert fate(cut.outcomes) == FATE
    assert is_told(cut.outcomes)
    assert set(cut.index["subject_id"]) == {"CASE-0", "CASE-2"}
    # Lost with its patches, when its box has been encoded.
    patches = whole.index.set_index(["sampling", "subject_id"]).loc[("patches", "CASE-1"), "crop_key"]
    monkeypatch.setattr(encoding, "map_cases", partial(losing, patches))
    light = QUICK.model_copy(update={"untrained_stand_in": True})
    both = EmbeddingNetworks(light, MedicalNetSettings(weights="untrained"), InferenceSettings(device="cpu"))
    folds = pd.DataFrame({"subject_id": list(FATE), "repeat": 0, "fold": 0})
    made = embed_cohort(whole.index, UNTRAINED, folds, store, both, compute=ONE, seed=1)
    outcomes = with_failures(whole.outcomes, made.lost)
    assert fate(outcomes) == FATE
    assert is_told(outcomes)
    assert made.summary["patients"] == 2
    rows = made.embeddings.groupby(["network", "sampling"])["subject_id"].apply(sorted)
    assert len(rows) == 4
    assert all(subjects == ["CASE-0", "CASE-2"] for subjects in rows)
