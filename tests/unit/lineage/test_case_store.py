import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gliomics.compute import ComputeSettings, is_needed, map_cases
from gliomics.lineage import durable_files
from gliomics.lineage.case_store import CaseRecord, CaseStore
from worker_functions import put_and_get

KEY = "ab" + "0" * 62
RECORD = CaseRecord(
    {"values": np.array([0.1, np.nan, -0.0, 1e-300]), "crop": np.arange(6, dtype=np.int16).reshape(2, 3)},
    {"reasons": {"t1__et__glcm_Idm": "region_absent"}, "n": 3},
)


@pytest.fixture
def store(tmp_path: Path) -> CaseStore:
    return CaseStore(tmp_path / "cases")


def only_file(store: CaseStore) -> Path:
    (path,) = (path for path in store.folder.rglob("*") if path.is_file())
    return path


def test_a_record_comes_back_bit_by_bit(store: CaseStore) -> None:
    assert store.get(KEY) is None
    store.put(KEY, RECORD)
    found = store.get(KEY)
    assert found is not None
    assert found.facts == RECORD.facts
    assert set(found.arrays) == set(RECORD.arrays)
    for name, array in RECORD.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].tobytes() == array.tobytes()
    assert list(store.keys()) == [KEY]


def test_the_same_record_is_the_same_bytes(store: CaseStore, tmp_path: Path) -> None:
    store.put(KEY, RECORD)
    other = CaseStore(tmp_path / "other")
    other.put(KEY, CaseRecord(dict(reversed(RECORD.arrays.items())), dict(reversed(RECORD.facts.items()))))
    assert only_file(store).read_bytes() == only_file(other).read_bytes()


def test_an_array_that_is_a_view_is_kept_as_it_looks(store: CaseStore) -> None:
    view = np.arange(24, dtype=np.float32).reshape(4, 6).T[::2]
    store.put(KEY, CaseRecord({"view": view}))
    found = store.get(KEY)
    assert found is not None
    np.testing.assert_array_equal(found.arrays["view"], view)


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "other"])
def test_a_damaged_file_counts_as_absent(
    store: CaseStore, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(KEY, RECORD)
    path = only_file(store)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    path.write_bytes(
        {"cut": whole[:-5], "emptied": b"", "flipped": bytes(flipped), "other": b"not at all"}[damage]
    )
    assert store.get(KEY) is None
    assert "is damaged" in caplog.text
    store.put(KEY, RECORD)
    assert store.get(KEY) is not None


def test_a_writer_killed_in_the_middle_leaves_nothing_to_read(
    store: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(durable_files.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        store.put(KEY, RECORD)
    assert store.get(KEY) is None
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_leftovers_of_a_killed_process_are_never_read_and_swept_when_old(store: CaseStore) -> None:
    store.put(KEY, RECORD)
    path = only_file(store)
    old, young = (path.with_name(f".{path.name}-{name}") for name in ("old", "young"))
    for leftover in (old, young):
        leftover.mkdir()
        (leftover / path.name).write_bytes(path.read_bytes()[:40])
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    assert list(store.keys()) == [KEY]
    store.remove_leftovers()
    assert not old.exists()
    assert young.exists(), "another run may be writing it just now"


@pytest.mark.slow
def test_many_writers_of_one_key_never_mix(store: CaseStore) -> None:
    spreads = map_cases(
        partial(put_and_get, store=store, key=KEY),
        range(60),
        ComputeSettings(workers=2),
        on_lost=is_needed(str),
    )
    assert set(spreads) == {0.0}
