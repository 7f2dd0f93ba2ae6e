import hashlib
import os
import time

from gliomics.lineage import content_hashes
from gliomics.lineage.content_hashes import HashMemory


def old(file):
    """Make a file look as if it had been written long ago, as far as the clock of the memory goes."""
    then = time.time() - 3600
    os.utime(file, (then, then))


def test_a_file_that_was_not_touched_is_hashed_once(tmp_path, monkeypatch):
    file = tmp_path / "scan"
    file.write_bytes(b"abc")
    old(file)
    monkeypatch.setattr(content_hashes, "SETTLED_S", -1.0)
    memory = HashMemory(tmp_path / "memory.json")
    assert memory.of_file(file) == hashlib.sha256(b"abc").hexdigest()
    memory.keep()
    monkeypatch.setattr(content_hashes, "file_digest", lambda *_: "read again")
    assert HashMemory(tmp_path / "memory.json").of_file(file) == hashlib.sha256(b"abc").hexdigest()


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path, monkeypatch):
    file = tmp_path / "scan"
    file.write_bytes(b"abc")
    old(file)
    monkeypatch.setattr(content_hashes, "SETTLED_S", -1.0)
    memory = HashMemory(tmp_path / "memory.json")
    before = memory.of_file(file)
    stamp = file.stat().st_mtime_ns
    time.sleep(0.02)
    file.write_bytes(b"abd")
    os.utime(file, ns=(stamp, stamp))
    assert memory.of_file(file) != before


def test_a_file_that_was_just_written_is_not_remembered(tmp_path):
    file = tmp_path / "scan"
    file.write_bytes(b"abc")
    memory = HashMemory(tmp_path / "memory.json")
    memory.of_file(file)
    memory.keep()
    assert (tmp_path / "memory.json").read_text() == "{}"


def test_the_hash_of_a_folder_follows_names_and_contents_only(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "scan").write_bytes(b"abc")
    memory = HashMemory(tmp_path / "memory.json")
    assert memory.of_path(tmp_path / "one") == memory.of_path(tmp_path / "two")
    (tmp_path / "two" / "sub" / "scan").rename(tmp_path / "two" / "sub" / "other")
    assert memory.of_path(tmp_path / "one") != memory.of_path(tmp_path / "two")


def test_a_damaged_memory_costs_time_only(tmp_path):
    (tmp_path / "scan").write_bytes(b"abc")
    (tmp_path / "memory.json").write_text("{")
    memory = HashMemory(tmp_path / "memory.json")
    assert memory.of_file(tmp_path / "scan") == hashlib.sha256(b"abc").hexdigest()
