"""Grad-CAM of a small cohort from files to figures: honest, leak-proof, the same for any workers."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gliomics.cohort.splits import deal
from gliomics.compute import ComputeSettings, fresh_workers
from gliomics.errors import LeakageError
from gliomics.evaluation.settings import ModellingSettings
from gliomics.explanation.attention import cohort
from gliomics.explanation.attention.cam import CASCADE
from gliomics.explanation.attention.case_work import HEAD, OBSERVED
from gliomics.explanation.attention.cohort import CohortTables, StageSettings, explain_cohort
from gliomics.explanation.attention.settings import GradCamSettings, OverlaySettings
from gliomics.explanation.attention.summary import summarise_enrichment
from gliomics.imaging.volume import read_volume
from gliomics.lineage.case_store import CaseRecord, CaseStore
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.settings import InferenceSettings, MedicalNetSettings, PermutationControlSettings
from gliomics.networks.training.cohort_networks import EmbeddingNetworks, embed_cohort, train_cohort
from gliomics.radiomics.settings import RadiomicsSettings
from network_cases import QUICK, SMALL, wired_cnn3d, write_cohort

ONE, TWO = ComputeSettings(workers=1), ComputeSettings(workers=2)
SEED, N = 7, 8
CNN3D = QUICK.model_copy(update={"permutation_control": PermutationControlSettings(n=0)})
MEDICALNET = MedicalNetSettings(weights="untrained")


@dataclass(frozen=True)
class Run:
    raw: Path
    store: CaseStore
    tables: CohortTables
    settings: StageSettings

    def explain(self, compute: ComputeSettings = ONE, **tables):
        return explain_cohort(
            replace(self.tables, **tables), self.raw, self.store, self.settings, compute=compute
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Eight patients whose networks are wired to T1ce, and whose label is in what they make of it."""
    folder = tmp_path_factory.mktemp("cohort")
    manifest, ingested = write_cohort(folder / "raw", N)
    store = CaseStore(folder / "store")
    subjects = ingested["subject_id"].tolist()
    sampling = SMALL.model_copy(update={"samplings": ("bounding_box",)})
    crops = sample_cohort(manifest, ingested, folder / "raw", store, sampling, compute=ONE, seed=SEED)
    cohort = pd.DataFrame(
        {
            "subject_id": subjects,
            "exclusion_reason": None,
            "benefit": np.arange(N) % 2,
            "chemotherapy": True,
        }
    )
    fold = deal([np.arange(0, N, 2), np.arange(1, N, 2)], 2, np.random.default_rng(0))
    folds = pd.DataFrame({"subject_id": subjects, "repeat": 0, "fold": fold})
    networks, _ = train_cohort(cohort, folds, crops.index, store, CNN3D, compute=ONE, seed=SEED)
    wired = {key: tensor.numpy() for key, tensor in wired_cnn3d(4, modality=1).state_dict().items()}
    for network in networks["networks"]:
        store.put(network["network_key"], CaseRecord(wired))
    both = EmbeddingNetworks(CNN3D, MEDICALNET, InferenceSettings(device="cpu"))
    made = embed_cohort(crops.index, networks, folds, store, both, compute=ONE, seed=SEED)
    settings = StageSettings(
        GradCamSettings(margin_mm=1.5, randomisations=1, overlay=OverlaySettings(height_px=64)),
        sampling,
        CNN3D,
        MEDICALNET,
        RadiomicsSettings(),
        ModellingSettings(),
        "treated",
        SEED,
    )
    tables = CohortTables(
        cohort, folds, crops.index, manifest, ingested, networks, made.embeddings, metrics("evaluated")
    )
    return Run(folder / "raw", store, tables, settings)


def metrics(status: str, **facts) -> dict:
    return {"populations": {"treated": {"arms": {"deep": {"status": status, **facts}}}}}


def only_cnn3d(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["network"] == "cnn3d"]


def test_every_scored_patient_has_a_map_or_a_reason(run):
    made = run.explain(embeddings=only_cnn3d(run.tables.embeddings))
    assert sorted(made.maps["subject_id"]) == sorted(run.tables.cohort["subject_id"])
    assert set(made.maps["status"]) <= {"mapped", "no_heat", "no_weight"}
    mapped = made.maps[made.maps["status"] == "mapped"]
    assert len(mapped) >= 2  # a network of one dimension has heat for the class that its weight speaks for
    assert set(made.heatmaps) == {f"{name}.nii.gz" for name in mapped["file"]}
    assert set(made.overlays) == {f"{name}.webp" for name in mapped["file"]}
    scan = read_volume((run.raw / run.tables.scan_manifest["path"].iloc[0]).read_bytes(), "scan")
    for content in made.heatmaps.values():
        heat = read_volume(content, "heat")
        np.testing.assert_allclose(heat.affine, scan.affine)
        assert heat.array.shape == scan.array.shape
        assert np.isnan(heat.array).any() and np.nanmax(heat.array) > 0 == np.nanmin(heat.array).clip(max=0)
    observed = made.enrichment[made.enrichment["control"] == OBSERVED]
    whole = observed[observed["region"] != "et"].groupby("subject_id")["heat_share"].sum(min_count=1)
    np.testing.assert_allclose(whole.dropna(), 1.0)


def test_a_patient_on_whom_every_worker_dies_is_failed_with_the_reason(run, monkeypatch):
    def losing(function, items, compute, *, on_lost):
        yield on_lost(items[0], "2 dead workers while it ran alone")
        yield from map(function, items[1:])

    monkeypatch.setattr(cohort, "map_cases", losing)
    made = run.explain(embeddings=only_cnn3d(run.tables.embeddings))
    lost = made.facts["failed"]
    assert len(lost) == 1
    assert "got 2 dead workers while it ran alone" in lost[0]["reason"]
    status = made.maps.set_index("subject_id")["status"]
    assert status[lost[0]["subject_id"]] == "failed"
    assert (status == "failed").sum() == 1


def test_every_control_of_the_cascade_is_there_and_is_another_map(run):
    made = run.explain(embeddings=only_cnn3d(run.tables.embeddings))
    controls = [OBSERVED, HEAD, *(stage for stage, _ in CASCADE["cnn3d"])]
    assert made.enrichment.drop_duplicates(["control"])["control"].tolist() == controls
    summary = summarise_enrichment(made.enrichment)
    assert set(summary["region"]) == {"et", "tc", "edema", "margin", "healthy", "background"}
    by_control = summary.groupby("control")["median_map_correlation"].first()
    assert by_control["conv1"] < 0.9  # the wired network itself would be 1


def test_an_untrained_network_gets_no_map_and_the_facts_say_why(run):
    embeddings = run.tables.embeddings
    untrained = embeddings.assign(weights="untrained")
    made = run.explain(embeddings=untrained)
    assert made.maps.empty and made.enrichment.empty and not made.heatmaps and not made.overlays
    assert [network["explained"] for network in made.facts["networks"]] == [False, False]
    assert all("untrained" in network["note"] for network in made.facts["networks"])


def test_a_pretrained_network_has_a_map_a_pass_and_only_its_head_is_out_of_fold(run):
    # The vectors of this cohort's MedicalNet under the name of a checkpoint: the same weights by their seed.
    frozen = run.tables.embeddings[run.tables.embeddings["network"] == "medicalnet"]
    saved = replace(
        run,
        settings=replace(
            run.settings,
            grad_cam=GradCamSettings(
                randomisations=0, max_saved_patients=1, overlay=OverlaySettings(height_px=64)
            ),
        ),
    )
    made = saved.explain(embeddings=frozen.assign(weights="0123456789ab"))
    rows = made.maps.groupby("subject_id")["modality"].apply(list)
    assert all(passes == ["t1", "t1ce", "t2", "flair"] for passes in rows)
    assert "only its head is out-of-fold" in made.facts["networks"][0]["note"]
    assert {name.split("/")[0] for name in made.heatmaps} <= {"CASE-0"}
    assert set(made.enrichment["control"]) == {OBSERVED}


def test_the_contribution_of_a_network_is_what_the_table_and_the_head_say(run):
    made = run.explain(embeddings=only_cnn3d(run.tables.embeddings))
    mapped = made.maps.dropna(subset=["log_odds"])
    # One network alone: log-odds and contribution differ by a constant of the fold.
    odds = np.log(mapped["y_score"] / (1 - mapped["y_score"])) - mapped["log_odds"]
    assert (odds.groupby(mapped["fold"]).agg(np.ptp) < 1e-3).all()


def test_a_network_that_saw_the_patient_stops_the_run(run):
    networks = copy.deepcopy(dict(run.tables.fold_networks))
    for network in networks["networks"]:
        network["train_subjects"] = [*network["train_subjects"], *network["test_subjects"]]
    with pytest.raises(LeakageError, match=r"cnn3d \(bounding_box\) of repeat 0"):
        run.explain(embeddings=only_cnn3d(run.tables.embeddings), fold_networks=networks)


def test_without_images_there_is_a_reason_and_empty_tables_with_their_columns(run):
    made = run.explain(embeddings=run.tables.embeddings.iloc[:0])
    assert made.facts["status"] == "skipped"
    assert made.facts["reason"] == "no patient has vectors of a network"
    assert made.maps.empty and {"subject_id", "status"} <= set(made.maps.columns)
    assert summarise_enrichment(made.enrichment).empty


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (metrics("skipped", reason="too few"), "too few"),
        ({"populations": {"treated": {"arms": {}, "reason": "one class is empty"}}}, "one class is empty"),
        ({"populations": {"treated": {"arms": {}}}}, "no arm deep"),
    ],
)
def test_an_arm_that_was_not_evaluated_is_not_explained(run, found, reason):
    made = run.explain(metrics=found)
    assert reason in made.facts["reason"] and made.maps.empty


def test_a_scan_that_was_changed_fails_that_patient_only(run):
    manifest = run.tables.scan_manifest
    changed = manifest.assign(
        sha256=manifest["sha256"].where(
            (manifest["subject_id"] != "CASE-1") | (manifest["modality"] != "mask"), "0" * 64
        )
    )
    embeddings = only_cnn3d(run.tables.embeddings)
    made, whole = (
        run.explain(embeddings=embeddings, scan_manifest=changed),
        run.explain(embeddings=embeddings),
    )
    status = whole.maps.set_index("subject_id")["status"]
    if status["CASE-1"] != "no_weight":
        assert [case["subject_id"] for case in made.facts["failed"]] == ["CASE-1"]
    rest = made.maps[made.maps["subject_id"] != "CASE-1"].set_index("subject_id")["status"]
    pd.testing.assert_series_equal(rest, status.drop("CASE-1"))


def test_one_and_two_workers_give_the_same_bytes(run):
    embeddings = only_cnn3d(run.tables.embeddings)
    fresh_workers()
    one, two = run.explain(ONE, embeddings=embeddings), run.explain(TWO, embeddings=embeddings)
    pd.testing.assert_frame_equal(one.maps, two.maps, check_exact=True)
    pd.testing.assert_frame_equal(one.enrichment, two.enrichment, check_exact=True)
    assert one.heatmaps == two.heatmaps and one.overlays == two.overlays
