"""Features of a whole cohort: complete, computed once, and whole after a kill."""

import os
import shutil
import signal
import subprocess
import time

import pandas as pd
import pytest

from gliomics.lineage.case_store import CaseStore
from integration.conftest import Project, command, copy_project

pytestmark = pytest.mark.slow
FEATURES = "data/test/04_feature/demo"
STAGE = ("--env", "test", "--pipelines", "feature_engineering")


@pytest.fixture(scope="module")
def project(demo_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo project after its run, to be changed here."""
    mine = copy_project(tmp_path_factory.mktemp("features"), demo_project.folder)
    shutil.copytree(demo_project.folder / "data", mine.folder / "data")
    return mine


def table(project: Project, name: str) -> pd.DataFrame:
    return pd.read_parquet(project.folder / FEATURES / f"{name}.parquet")


def said_of(node: str, log: str) -> str:
    return next(line for line in log.splitlines() if f"{node}:" in line)


def test_every_processed_case_has_726_features(demo_project: Project):
    features = table(demo_project, "radiomic_features")
    outcomes = table(demo_project, "case_outcomes_feature_engineering")
    assert features.shape[1] == 1 + 726
    assert set(features["subject_id"]) == set(outcomes.loc[outcomes["status"] == "processed", "subject_id"])
    assert outcomes["status"].value_counts().to_dict() == {"processed": 21, "skipped": 3}
    missing = table(demo_project, "radiomic_missing_values")
    assert features.isna().sum().sum() == len(missing)
    assert set(missing["reason"]) == {"region_absent"}
    presence = table(demo_project, "region_presence").set_index("subject_id")
    assert (presence["region_present__et"] == 0).sum() > 0
    absent = presence.index[presence["region_present__et"] == 0]
    volumes = features.set_index("subject_id")["mask__et__shape_VoxelVolume"]
    assert (volumes[absent] == 0).all()


def test_grey_levels_suit_textures(demo_project: Project):
    levels = table(demo_project, "grey_levels")
    medians = levels.groupby(["modality", "region"])["levels"].median()
    assert len(medians) == 12
    assert medians.min() >= 8


def test_stability_is_estimated_for_every_feature_that_varies(demo_project: Project):
    stability = table(demo_project, "feature_stability")
    assert len(stability) == 726
    estimated = stability["icc"].notna()
    assert (stability.loc[~estimated, "reason"] != "").all()
    assert estimated.sum() > 700
    assert (stability.loc[estimated, "icc_lower"] <= stability.loc[estimated, "icc"]).all()
    assert (stability.loc[estimated, "subjects"] >= 10).all()
    changes = table(demo_project, "boundary_changes")
    assert set(changes["segmentation"]) == {1, 2, 3}


def test_one_patient_more_costs_one_patient_and_a_setting_costs_all(project: Project):
    before = table(project, "radiomic_features")
    again = project.kedro_run(*STAGE)
    assert "(0 computed, 21 found in the store, 0 failed)" in said_of("extract_radiomic_features", again)
    assert "(0 computed, 21 found in the store, 0 failed)" in said_of("perturb_segmentations", again)
    pd.testing.assert_frame_equal(table(project, "radiomic_features"), before)

    store = project.folder / FEATURES / "radiomics_store"
    shutil.rmtree(store)
    images = project.folder / "data/01_raw/demo/images"
    late = before["subject_id"].iloc[5]
    (images / late).rename(project.folder / "late")
    project.kedro_run("--env", "test", "--pipelines", "ingestion,feature_engineering")
    assert late not in set(table(project, "radiomic_features")["subject_id"])
    (project.folder / "late").rename(images / late)
    more = project.kedro_run("--env", "test", "--pipelines", "ingestion,feature_engineering")
    assert "(1 computed, 20 found in the store, 0 failed)" in said_of("extract_radiomic_features", more)
    pd.testing.assert_frame_equal(table(project, "radiomic_features"), before)

    wider = project.kedro_run(*STAGE, "--params", "feature_engineering.radiomics.bin_width=9.0")
    assert "(21 computed, 0 found in the store, 0 failed)" in said_of("extract_radiomic_features", wider)


def test_a_file_changed_after_ingestion_fails_its_case_alone(project: Project):
    project.kedro_run(*STAGE)
    manifest = pd.read_parquet(project.folder / "data/test/02_intermediate/demo/scan_manifest.parquet")
    row = manifest[manifest["modality"] == "t1"].iloc[0]
    file = project.folder / "data/01_raw/demo" / row["path"]
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        said = project.kedro_run(*STAGE)
    finally:
        file.write_bytes(whole)
    assert "1 failed)" in said_of("extract_radiomic_features", said)
    outcomes = table(project, "case_outcomes_feature_engineering").set_index("subject_id")
    assert outcomes.loc[row["subject_id"], "code"] == "changed_since_ingestion"
    assert len(table(project, "radiomic_features")) == 20


def test_a_killed_run_leaves_whole_records_and_the_next_one_goes_on(project: Project):
    folder = project.folder / FEATURES
    shutil.rmtree(folder / "radiomics_store")
    before = (folder / "radiomic_features.parquet").read_bytes()
    store = CaseStore(folder / "radiomics_store")
    running = subprocess.Popen(
        [command("kedro"), "run", *STAGE],
        cwd=project.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(list(store.keys())) < 3 and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    kept = list(store.keys())
    assert len(kept) >= 3
    assert all(store.get(key) is not None for key in kept), "every record that is there is whole"
    assert (folder / "radiomic_features.parquet").read_bytes() == before
    said = said_of("extract_radiomic_features", project.kedro_run(*STAGE))
    found = int(said.split(" found in the store")[0].split()[-1])
    assert found >= 3
    assert f"({21 - found} computed, {found} found in the store, 0 failed)" in said
