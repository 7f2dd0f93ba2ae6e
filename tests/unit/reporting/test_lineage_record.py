"""Equal inputs, equal record; nothing of this machine in it."""

from __future__ import annotations

import json

import pandas as pd

from gliomics.networks.settings import MedicalNetSettings
from gliomics.reporting.lineage_record import describe_run


def record(manifest: pd.DataFrame, weights: str = "untrained") -> dict:
    settings = {
        "embedding.medicalnet": MedicalNetSettings(
            weights=weights, sha256=None if weights == "untrained" else "0" * 64
        )
    }
    return describe_run(settings, {"scan_manifest": manifest}, cohort_name="demo", seed=1)


def manifest(path="images/a/t1.nii", sha256="1") -> pd.DataFrame:
    return pd.DataFrame({"subject_id": ["a"], "modality": ["t1"], "path": [path], "sha256": [sha256]})


def test_the_place_of_a_file_does_not_count_and_its_content_does():
    same, other = record(manifest(path="elsewhere/t1.nii")), record(manifest(sha256="2"))
    assert record(manifest()) == same
    assert record(manifest())["contents"] != other["contents"]


def test_no_path_of_this_machine_is_recorded(tmp_path):
    found = record(manifest(), weights=str(tmp_path / "resnet_18.pth"))
    text = json.dumps(found)
    assert str(tmp_path) not in text
    assert "resnet_18.pth" in text
    assert found["settings_hash"] != record(manifest())["settings_hash"]
