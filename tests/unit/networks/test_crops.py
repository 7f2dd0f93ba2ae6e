"""Crops of cases: read once, checked, found again."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

import phantoms
from gliomics.compute import ComputeSettings
from gliomics.errors import ScanError, TooManyFailuresError
from gliomics.imaging import case_scans
from gliomics.imaging.manifest import enforce_failure_limit
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.sampling.crops import crop_keys, load_crops

ONE, TWO = ComputeSettings(workers=1), ComputeSettings(workers=2)


def sample(files, store, settings, *, compute=ONE, seed=1):
    raw, manifest, outcomes = files
    return sample_cohort(manifest, outcomes, raw, store, settings, compute=compute, seed=seed)


def test_every_case_gets_its_crops_and_centres(cohort_files, store, small):
    tables = sample(cohort_files, store, small)
    assert tables.outcomes["status"].tolist() == ["processed"] * 4
    assert tables.index.groupby("sampling")["n_crops"].unique().map(list).to_dict() == {
        "bounding_box": [1],
        "patches": [4],
    }
    assert tables.centres.groupby("subject_id")["kind"].apply(list).iloc[0] == ["core"] * 2 + ["margin"] * 2
    found = load_crops(store, crop_keys(tables.index, "patches"))
    assert {array.shape for array in found.values()} == {(4, 4, 16, 16, 16)}
    # The affine of a patch puts its middle at the centre that was saved.
    row = tables.index[tables.index["sampling"] == "patches"].iloc[0]
    middle = np.reshape(row["affine"][0], (4, 4)) @ [7.5, 7.5, 7.5, 1]
    np.testing.assert_allclose(middle[:3], tables.centres.loc[0, ["x_mm", "y_mm", "z_mm"]].astype(float))


def test_one_and_two_workers_give_the_same(cohort_files, store, small, tmp_path):
    one, two = (
        sample(cohort_files, type(store)(tmp_path / str(compute.workers)), small, compute=compute)
        for compute in (ONE, TWO)
    )
    for table in ("index", "centres", "outcomes"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(two, table))
    arrays = [
        load_crops(type(store)(tmp_path / name), crop_keys(one.index, "patches")) for name in ("1", "2")
    ]
    for subject, array in arrays[0].items():
        assert array.tobytes() == arrays[1][subject].tobytes()


def test_files_are_read_once_and_only_for_new_cases(cohort_files, store, small, monkeypatch):
    opened: list[str] = []
    read = case_scans.read_file
    monkeypatch.setattr(
        case_scans, "read_file", lambda path, where: opened.append(path.name) or read(path, where)
    )
    raw, manifest, outcomes = cohort_files
    three = manifest[manifest["subject_id"] != "CASE-3"]
    sample((raw, three, outcomes[:3]), store, small)
    assert len(opened) == len(set(opened)) == 15
    opened.clear()
    sample(cohort_files, store, small)
    assert len(opened) == 5
    assert all(name.startswith("CASE-3") for name in opened)
    opened.clear()
    changed = small.model_copy(update={"clip": 4.0})
    sample(cohort_files, store, changed)
    assert len(opened) == 20


def test_bad_cases_fail_by_name_and_the_others_go_on(cohort_files, store, small):
    raw, manifest, outcomes = cohort_files
    images = raw / "images"
    phantoms.save(phantoms.brain(value=7), images / "CASE-0" / "CASE-0_t1.nii.gz")
    (images / "CASE-1" / "CASE-1_t2.nii.gz").unlink()
    outcomes.loc[3, ["status", "code"]] = ["failed", "grid_mismatch"]
    tables = sample((raw, manifest, outcomes), store, small)
    assert tables.outcomes["status"].tolist() == ["failed", "failed", "processed", "skipped"]
    assert tables.outcomes["code"].tolist() == [
        "changed_since_ingestion",
        "unreadable_file",
        None,
        "grid_mismatch",
    ]
    assert "CASE-0 [t1]: the file must be the one that ingestion checked" in tables.outcomes.loc[0, "reason"]
    assert set(tables.index["subject_id"]) == {"CASE-2"}


@pytest.mark.parametrize(
    "fault",
    [
        ("seg", np.zeros(phantoms.SHAPE, np.uint8), "empty_segmentation"),
        ("seg", phantoms.tumour() // 2 * 2 % 4, "region_missing"),
        ("flair", phantoms.brain((12, 14, 9)), "grid_mismatch"),
        ("t1", np.zeros(phantoms.SHAPE, np.int16), "image_without_contrast"),
    ],
)
def test_what_a_case_may_suffer_from(cohort_files, store, small, fault):
    modality, array, code = fault

    raw, manifest, outcomes = cohort_files
    path = raw / "images" / "CASE-2" / f"CASE-2_{modality}.nii.gz"
    phantoms.save(array, path)
    row = manifest["path"] == path.relative_to(raw).as_posix()
    manifest.loc[row, "sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    if modality == "t1":  # without tissue in the first image there would be no margin to draw from
        small = small.model_copy(update={"samplings": ("bounding_box",)})
    tables = sample((raw, manifest, outcomes), store, small)
    assert tables.outcomes["code"].tolist() == [None, None, code, None]


def test_too_many_failures_stop_the_run():
    outcomes = pd.DataFrame(
        {
            "subject_id": list("abcd"),
            "status": ["failed", "processed", "processed", "skipped"],
            "code": ["changed_since_ingestion", None, None, "x"],
        }
    )
    enforce_failure_limit(outcomes, 0.34)
    with pytest.raises(TooManyFailuresError, match=r"at most 33% of the cases may fail, got 1 of 3"):
        enforce_failure_limit(outcomes, 0.33)


def test_a_cohort_without_images_gets_empty_tables(store, small, tmp_path):
    manifest = pd.DataFrame(columns=["subject_id", "modality", "path", "sha256"])
    outcomes = pd.DataFrame(columns=["subject_id", "status", "code", "reason"])
    tables = sample((tmp_path, manifest, outcomes), store, small)
    assert list(tables.index) == ["subject_id", "sampling", "n_crops", "crop_key", "affine"]
    assert len(tables.index) == len(tables.centres) == len(tables.outcomes) == 0
    enforce_failure_limit(tables.outcomes, 0.0)


def test_an_emptied_store_is_named(store):
    with pytest.raises(ScanError, match=r"CASE-1 \[crops\]: the store must hold them"):
        load_crops(store, {"CASE-1": "0" * 64})
