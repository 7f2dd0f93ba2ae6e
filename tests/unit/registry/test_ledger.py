"""The ledger: a chain that shows every change, whole under concurrent writers."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from gliomics.errors import LedgerError
from gliomics.registry.ledger import FIRST, Ledger, LedgerEntry, champions


def entry(action="promote", before=None, after="1", model="m") -> LedgerEntry:
    return LedgerEntry(action, model, before, after, "passed", who="somebody")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for number in range(1, 4):
        with ledger.locked():
            ledger.append(entry(after=str(number)))
    return ledger


def test_entries_form_a_chain_and_nothing_before_the_last_line_ever_changes(ledger: Ledger):
    before = ledger.path.read_bytes()
    with ledger.locked():
        ledger.append(entry("rollback", "3", "2"))
    assert ledger.path.read_bytes().startswith(before)
    found = ledger.entries()
    assert [one.former for one in found] == [FIRST, *(one.sha256 for one in found[:-1])]
    assert [one.number for one in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], lines[1].replace('"2"', '"9"'), lines[2]],
        lambda lines: [lines[0], lines[2]],
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [*lines[:2], lines[2][:40]],
        lambda lines: [*lines, "{}"],
    ],
    ids=["altered", "removed", "swapped", "truncated line", "foreign line"],
)
def test_a_ledger_that_was_changed_is_found_and_not_written_to(ledger: Ledger, change):
    changed = "\n".join(change(ledger.path.read_text().splitlines())) + "\n"
    ledger.path.write_text(changed)
    with pytest.raises(LedgerError, match=r"ledger ledger.jsonl, line \d"):
        ledger.verify()
    with ledger.locked(), pytest.raises(LedgerError, match="nothing more is written"):
        ledger.append(entry())
    assert ledger.path.read_text() == changed


def test_an_entry_forged_with_a_right_hash_breaks_the_link_of_the_next(ledger: Ledger):
    lines = ledger.path.read_text().splitlines()
    facts = json.loads(lines[1])
    forged = LedgerEntry(**{**facts, "reasons": (), "after": "9", "sha256": ""})
    facts |= {"after": "9", "sha256": forged.digest()}
    ledger.path.write_text("\n".join([lines[0], json.dumps(facts), lines[2]]) + "\n")
    with pytest.raises(LedgerError, match=r"line 3: the entry must follow the one before it"):
        ledger.entries()


def test_a_cut_off_tail_shows_against_the_anchor(ledger: Ledger):
    anchor = ledger.entries()[-1].sha256
    ledger.path.write_text("".join(line + "\n" for line in ledger.path.read_text().splitlines()[:2]))
    assert len(ledger.verify()) == 2
    with pytest.raises(LedgerError, match=f"the entry {anchor[:12]} that the registry remembers"):
        ledger.verify(anchor)
    ledger.path.unlink()
    with pytest.raises(LedgerError, match="line 1"):
        ledger.verify(anchor)


def _write(path: str, n: int) -> None:
    ledger = Ledger(Path(path))
    for _ in range(n):
        with ledger.locked():
            ledger.append(entry())


def test_many_processes_leave_one_whole_chain(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(str(path), 5)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(Ledger(path).entries()) == 20


def test_a_process_that_holds_on_is_named(tmp_path: Path):
    ledger = Ledger(tmp_path / "ledger.jsonl", patience_s=0.0)
    refused = pytest.raises(LedgerError, match=f"may use the ledger of models now, got process {os.getpid()}")
    with ledger.locked(), refused, ledger.locked():
        pass


def test_champions_follow_promotions_and_rollbacks():
    story = [
        entry("register", None, "1"),
        entry("promote", None, "1"),
        entry("refuse", "1", "2"),
        entry("promote", "1", "3"),
        entry("force", "3", "4"),
        entry("promote", None, "7", model="other"),
    ]
    assert champions(story, "m") == ["1", "3", "4"]
    assert champions([*story, entry("rollback", "4", "3")], "m") == ["1", "3"]
    assert champions([*story, entry("rollback", "4", "1")], "m") == ["1"]
    assert champions([*story, entry("rollback", "4", "3"), entry("promote", "3", "5")], "m") == [
        "1",
        "3",
        "5",
    ]
