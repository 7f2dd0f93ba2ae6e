import os
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from gliomics.compute import ComputeSettings, is_needed, map_cases
from gliomics.errors import ScanError, WorkerLostError
from gliomics.imaging.manifest import inspect_scans
from gliomics.imaging.settings import ImageSettings
from network_cases import write_cohort
from worker_functions import DeadlyPath, fail_on_three, kill_once, process_id, square

NEEDED = is_needed(str)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int):
    items = list(range(20))
    assert list(map_cases(square, items, ComputeSettings(workers=workers), on_lost=NEEDED)) == [
        i * i for i in items
    ]


def test_nothing_to_do_yields_nothing():
    assert list(map_cases(square, [], ComputeSettings(), on_lost=NEEDED)) == []


def test_two_workers_are_other_processes():
    assert os.getpid() not in set(
        map_cases(process_id, [1, 2, 3, 4], ComputeSettings(workers=2), on_lost=NEEDED)
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_named_error_keeps_its_facts_across_processes(workers: int):
    with pytest.raises(ScanError, match="case 3: a, got b") as caught:
        list(map_cases(fail_on_three, [1, 2, 3], ComputeSettings(workers=workers), on_lost=NEEDED))
    assert caught.value.code == "empty_image"


def test_a_killed_worker_costs_nothing_but_time(tmp_path: Path):
    kill = partial(kill_once, marker=tmp_path / "killed")
    assert list(map_cases(kill, range(12), ComputeSettings(workers=2), on_lost=NEEDED)) == list(range(12))
    assert (tmp_path / "killed").exists()


def test_a_case_that_kills_every_worker_is_quarantined_and_the_others_are_as_ever(tmp_path: Path):
    write_cohort(tmp_path, 4)
    deadly = DeadlyPath(tmp_path)
    two = ComputeSettings(workers=2, lost_after=1)
    found = inspect_scans(deadly / "images", deadly, ImageSettings(), two)
    failed = found.outcomes[found.outcomes["status"] == "failed"]
    assert failed[["subject_id", "code"]].to_numpy().tolist() == [["CASE-1", "killed_worker"]]
    assert "CASE-1: no worker process may die" in failed["reason"].iloc[0]
    whole = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ComputeSettings(workers=1)).manifest
    rest = whole[whole["subject_id"] != "CASE-1"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.manifest, rest)


def test_a_lost_fold_ends_the_run_and_is_named(tmp_path: Path):
    deadly = [DeadlyPath(tmp_path / f"CASE-{number}_t1.nii.gz") for number in (1, 1)]
    two = ComputeSettings(workers=2, lost_after=1)
    with pytest.raises(WorkerLostError, match=r"fold .*CASE-1.* got 1 dead worker while it ran alone"):
        list(map_cases(DeadlyPath.read_bytes, deadly, two, on_lost=is_needed("fold {}".format)))


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="wrokers"):
        ComputeSettings.model_validate({"engine": "local", "wrokers": 2})
