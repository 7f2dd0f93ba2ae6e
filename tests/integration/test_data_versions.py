"""Data versions of a small project, with real git and DVC: whole or not at all, whatever happens."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gliomics.errors import DataVersionError, SettingsError
from gliomics.hooks.lineage import LineageHooks, without_paths
from gliomics.lineage import locks
from gliomics.versioning import data_versions, rollback
from gliomics.versioning.chain import follow_chain
from gliomics.versioning.commands import run_dvc
from gliomics.versioning.comparison import compare_versions
from gliomics.versioning.data_versions import (
    cohort_entries,
    find_version,
    get_version,
    list_versions,
    missing_from_remote,
    snapshot,
    tracked_by,
    verify,
)
from gliomics.versioning.project import cohort_lock, dvc_lock, exclusive, journal_path
from gliomics.versioning.raw_import import import_raw
from gliomics.versioning.rollback import finish_interrupted
from gliomics.versioning.rollback import rollback as go_back
from version_project import STORE, cohort_project, contents, git, make_project, run, write_raw

pytestmark = pytest.mark.slow
TESTS = Path(__file__).resolve().parents[1]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """v1 of both cohorts, then v2 of a: a patient added, one corrected, one removed; a's bytes at both."""
    folder = tmp_path_factory.mktemp("versions") / "project"
    make_project(folder)
    for cohort in "ba":
        run(folder, cohort)
        assert snapshot(cohort_project(folder, cohort), "as delivered").is_new
    first = contents(folder)
    write_raw(folder, "a", "P2", "corrected")
    write_raw(folder, "a", "P4", "first")
    shutil.rmtree(folder / "data/01_raw/a/images/P1")
    run(folder)
    assert snapshot(cohort_project(folder), "corrected").is_new
    return SimpleNamespace(folder=folder, first=first, second=contents(folder))


@pytest.fixture
def folder(saved, tmp_path):
    shutil.copytree(saved.folder, tmp_path / "project", symlinks=True)
    return tmp_path / "project"


def version(folder, name="v1", cohort="a"):
    return get_version(folder, cohort, name)


def test_a_version_is_a_tag_beside_the_branch_and_touches_nothing_else(saved):
    assert [v.tag for v in list_versions(saved.folder, "a")] == ["data/a/v1", "data/a/v2"]
    assert git(saved.folder, "log", "--oneline", "HEAD").count("\n") == 0, "the branch has not moved"
    assert git(saved.folder, "rev-parse", "data/a/v1^{commit}~1") == git(saved.folder, "rev-parse", "HEAD")
    assert git(saved.folder, "diff", "--cached", "--name-only") == ""
    changed = git(saved.folder, "diff", "--name-only", "HEAD", "data/a/v2").splitlines()
    assert changed == ["data/01_raw/a.dvc", "dvc.lock"]
    found = version(saved.folder)
    assert (found.message, found.stages, found.uncommitted) == ("as delivered", ["measure"], [])
    assert find_version(saved.folder, "a", found.raw_hash, found.features_hash) == found
    assert find_version(saved.folder, "a", found.raw_hash, "other") is None
    assert missing_from_remote(cohort_project(saved.folder), found) == []


def test_the_same_data_is_not_saved_twice_and_an_unknown_version_names_those_there_are(folder):
    again = snapshot(cohort_project(folder), "again")
    assert (again.is_new, again.version.tag) == (False, "data/a/v2")
    assert len(list_versions(folder, "a")) == 2
    with pytest.raises(SettingsError, match=r"one of v1, v2, got 'v9'"):
        version(folder, "v9")


def test_the_difference_names_patients_files_and_labels(saved):
    found = compare_versions(cohort_project(saved.folder), version(saved.folder), version(saved.folder, "v2"))
    assert (found.patients_added, found.patients_removed) == (["P4"], ["P1"])
    assert found.patients_changed == ["P2"]
    assert found.files_changed == ["images/P2/t1"]
    assert [(c.subject_id, c.before, c.after) for c in found.labels_changed] == [("P2", "long", "short")]


def test_a_rollback_restores_every_byte_of_its_cohort_and_leaves_the_other_alone(saved, folder):
    other, lock = contents(folder, "b"), (folder / "dvc.lock").read_text()
    done = go_back(cohort_project(folder), version(folder))
    assert contents(folder) == saved.first
    assert done.notes == []
    assert contents(folder, "b") == other
    assert cohort_entries((folder / "dvc.lock").read_text(), "b") == cohort_entries(lock, "b")
    assert cohort_entries((folder / "dvc.lock").read_text(), "a") != cohort_entries(lock, "a")
    kept = {file.name for file in (folder / STORE.format("a")).iterdir()}
    assert {"P1-first", "P2-first", "P2-corrected"} <= kept, "no record of a store is ever deleted"
    assert not journal_path(folder).exists()
    assert run_dvc(folder, "status", "--json", "measure@a").strip() == "{}", "dvc repro has nothing to do"
    go_back(cohort_project(folder), version(folder, "v2"))
    assert contents(folder) == saved.second


def test_unsaved_changes_are_not_lost_unless_told(saved, folder):
    write_raw(folder, "a", "P2", "unsaved")
    with pytest.raises(DataVersionError, match=r"unsaved data/01_raw/a\. Save it with .* or lose it"):
        go_back(cohort_project(folder), version(folder))
    assert (folder / "data/01_raw/a/images/P2/t1").read_text() == "P2 unsaved"
    go_back(cohort_project(folder), version(folder), discard=True)
    assert contents(folder) == saved.first


def test_other_code_and_settings_are_named_with_the_commit_to_check_out(folder):
    (folder / "src/gliomics/pipelines/measure/__init__.py").write_text("N = 2\n")
    notes = go_back(cohort_project(folder, n=2), version(folder)).notes
    commit = git(folder, "rev-parse", "HEAD")[:10]
    assert notes == [
        f"code and settings differ from those at data/a/v1: for its figures, `git checkout {commit}`"
    ]


def test_a_damaged_object_is_found_and_nothing_is_changed(saved, folder):
    project = cohort_project(folder)
    raw = next(one for one in tracked_by(folder, version(folder)) if one.path == project.raw)
    scan = project.cache.place(next(iter(project.cache.listing(raw.md5).values())))
    scan.chmod(0o644)
    scan.write_bytes(b"tampered")
    found = verify(project, version(folder))
    assert len(found.damaged) == 1
    assert not found.whole
    assert verify(project, version(folder, "v2")).whole, "it belongs to P1, whom v2 does not hold"
    with pytest.raises(DataVersionError, match="0 missing, 1 damaged"):
        go_back(project, version(folder))
    assert contents(folder) == saved.second
    assert not journal_path(folder).exists()


def test_a_damaged_list_of_a_folder_is_found_too(folder):
    project = cohort_project(folder)
    raw = next(one for one in tracked_by(folder, version(folder)) if one.path == project.raw)
    place = project.cache.place(raw.md5)
    place.chmod(0o644)
    place.write_text("[]")
    found = verify(project, version(folder))
    assert (found.damaged, found.absent) == ([raw.md5], [])
    with pytest.raises(DataVersionError, match=f"1 damaged .{raw.md5}"):
        go_back(project, version(folder))


def test_an_emptied_cache_is_filled_from_the_remote(saved, folder):
    shutil.rmtree(folder / ".dvc/cache")
    found = verify(cohort_project(folder), version(folder))
    assert found.absent and not found.remote_absent
    go_back(cohort_project(folder), version(folder))
    assert contents(folder) == saved.first


def killed_after(n: int, function):
    """Let a function work n times; then the process ends."""
    calls = []

    def work(*arguments, **options):
        if len(calls) == n:
            raise Killed
        calls.append(1)
        return function(*arguments, **options)

    return work


@pytest.mark.parametrize(
    ("step", "n"),
    [("restore", 0), ("restore", 2), ("put_back", 0), ("_verify", 0), ("close_journal", 0)],
)
def test_a_rollback_that_was_killed_anywhere_is_finished_by_the_next_command(
    saved, folder, monkeypatch, step, n
):
    with monkeypatch.context() as patch:
        patch.setattr(rollback, step, killed_after(n, getattr(rollback, step)))
        with pytest.raises(Killed):
            go_back(cohort_project(folder), version(folder))
    assert journal_path(folder).exists()
    context = SimpleNamespace(project_path=folder, config_loader={"catalog": {}, "parameters": {}})
    LineageHooks().after_context_created(context)
    assert contents(folder) == saved.first
    assert not journal_path(folder).exists()
    assert finish_interrupted(folder) is None


def test_a_rollback_killed_while_it_swaps_a_folder_is_finished(saved, folder):
    """For real: the process dies between moving the old raw folder away and moving the new one in."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(TESTS)!r})\n"
        "from version_project import cohort_project\n"
        "from gliomics.lineage import durable_files\n"
        "from gliomics.versioning import rollback\n"
        "from gliomics.versioning.data_versions import get_version\n"
        "folder = Path.cwd()\n"
        "def killed(old, new):\n    os.rename(old, new)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "durable_files.Path.rename = killed\n"
        "rollback.rollback(cohort_project(folder), get_version(folder, 'a', 'v1'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (folder / "data/01_raw/a").exists(), "this is the half state"
    assert "has been finished" in finish_interrupted(folder)
    assert contents(folder) == saved.first
    assert [place.name for place in (folder / "data/01_raw").glob(".a-*")] == []


def test_a_rollback_that_can_no_longer_be_finished_is_undone(saved, folder, monkeypatch):
    project = cohort_project(folder)
    with monkeypatch.context() as patch:
        patch.setattr(rollback, "restore", killed_after(1, rollback.restore))
        with pytest.raises(Killed):
            go_back(project, version(folder))
    table = next(one for one in tracked_by(folder, version(folder)) if one.path.endswith("metrics.json"))
    project.cache.place(table.md5).unlink()
    assert "has been undone" in finish_interrupted(folder)
    assert contents(folder) == saved.second


def test_a_half_state_that_can_be_neither_finished_nor_undone_stops_everything(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(rollback, "restore", killed_after(1, rollback.restore))
        with pytest.raises(Killed):
            go_back(cohort_project(folder), version(folder))
    shutil.rmtree(folder / ".dvc/cache")
    with pytest.raises((DataVersionError, OSError)):
        finish_interrupted(folder)
    assert journal_path(folder).exists()


@pytest.mark.parametrize("step", ["run_dvc", "record", "commit_beside", "set_tag"])
def test_a_snapshot_that_fails_leaves_no_trace(folder, monkeypatch, step):
    write_raw(folder, "a", "P5", "new")
    before = (folder / "dvc.lock").read_bytes(), contents(folder), git(folder, "tag")

    def fail(*_, **__):
        raise DataVersionError(where=step, expected="x", got="y", fix="z")

    monkeypatch.setattr(data_versions, step, fail)
    with pytest.raises(DataVersionError, match=step):
        snapshot(cohort_project(folder), "fails")
    assert ((folder / "dvc.lock").read_bytes(), contents(folder), git(folder, "tag")) == before
    assert not journal_path(folder).exists()


@pytest.mark.parametrize(("step", "whole"), [("set_tag", False), ("close_journal", True)])
def test_a_snapshot_that_was_killed_is_undone_unless_its_tag_is_there(folder, monkeypatch, step, whole):
    write_raw(folder, "a", "P5", "new")
    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(data_versions, step, killed_after(0, getattr(data_versions, step)))
        patch.setattr(data_versions, "put_back", lambda *_: None)  # a killed process tidies nothing
        patch.setattr(data_versions, "close_journal", killed_after(0, None))
        with pytest.raises(Killed):
            snapshot(cohort_project(folder), "killed")
    said = finish_interrupted(folder)
    assert ("is whole" in said) is whole
    assert len(list_versions(folder, "a")) == (3 if whole else 2)
    assert (contents(folder) == before) is not whole
    assert not journal_path(folder).exists()


def test_a_run_keeps_rollbacks_away_and_the_other_way_round(folder, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE_S", 0.0)
    with locks.file_lock(cohort_lock(folder, "a")):
        with pytest.raises(DataVersionError, match="no other gliomics or kedro process"):
            go_back(cohort_project(folder), version(folder))
        with exclusive(folder, "b"):
            pass
    with locks.file_lock(dvc_lock(folder)), pytest.raises(DataVersionError, match="lock lock"):
        go_back(cohort_project(folder), version(folder))
    assert not journal_path(folder).exists()
    with exclusive(folder, "a"), pytest.raises(DataVersionError, match="Wait for it"):
        locks.acquire(cohort_lock(folder, "a"))


def test_only_stages_whose_run_matches_are_saved(folder):
    write_raw(folder, "a", "P5", "new")
    made = snapshot(cohort_project(folder), "raw data alone")
    assert made.version.stages == []
    assert "other inputs than in the run: data/01_raw/a" in made.recorded.refused["measure"]
    assert cohort_entries((folder / "dvc.lock").read_text(), "a") == {}
    assert made.version.features_hash is None
    write_raw(folder, "a", "P6", "more")
    run(folder)
    assert snapshot(cohort_project(folder), "and its run").version.stages == ["measure"]
    go_back(cohort_project(folder), made.version)
    assert not (folder / "data/08_reporting/a/metrics.json").exists(), "that version had no results"


def test_a_fresh_machine_without_a_git_identity_can_save(folder, monkeypatch, tmp_path):
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    git(folder, "config", "user.useConfigOnly", "true")
    write_raw(folder, "a", "P5", "new")
    made = snapshot(cohort_project(folder), "by nobody").version
    assert git(folder, "log", "-1", "--format=%an", made.commit) == "gliomics"


def test_raw_data_elsewhere_is_refused_and_import_brings_it_in(folder, tmp_path):
    outside = tmp_path / "outside"
    shutil.move(folder / "data/01_raw/a", outside)
    project = cohort_project(folder)
    with pytest.raises(DataVersionError, match=r"cannot version files outside .*gliomics import"):
        snapshot(project, "nothing there")
    options = {"link": False, "replace": False, "discard": False}
    assert import_raw(project, outside, **options) == 3
    assert snapshot(project, "the same").is_new is False
    with pytest.raises(DataVersionError, match="must be empty"):
        import_raw(project, outside, **options)
    (outside / "images/P2/t1").write_text("P2 again")
    assert import_raw(project, outside, link=True, replace=True, discard=False) == 3
    assert (folder / "data/01_raw/a/images/P2/t1").samefile(outside / "images/P2/t1")
    with pytest.raises(DataVersionError, match="unsaved raw data"):
        import_raw(project, outside, link=False, replace=True, discard=False)


def test_the_chain_says_what_is_left_and_what_is_not(folder):
    project = cohort_project(folder)
    first = version(folder)
    tags = {
        "gliomics.raw_hash": first.raw_hash,
        "gliomics.features_hash": first.features_hash,
        "gliomics.settings_hash": first.settings_hash,
        "gliomics.code_hash": first.code_hash,
        "gliomics.git_commit": first.code_commit,
        "gliomics.git_dirty": "false",
        "gliomics.environment_hash": "gone",
        "gliomics.weights_hash": "untrained",
    }
    links = {link.what: link for link in follow_chain(project, tags)}
    assert links["raw data"].places == ("data/a/v1",)
    assert links["patients"].value == "3 labelled, all: P1, P2, P3"
    assert [what for what, link in links.items() if not link.found] == ["libraries"]
    shutil.rmtree(folder / ".dvc/cache")
    assert follow_chain(project, tags)[5].places == ("data/a/v1 (in the remote)",)
    git(folder, "tag", "-d", "data/a/v1")
    links = {link.what: link for link in follow_chain(project, tags)}
    assert links["raw data"].lost == "no data version holds it"
    assert not links["patients"].found


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "kedro run --params cohort=x,raw_dir=/srv/scans/x",
            "kedro run --params cohort=x,raw_dir=(outside the project)",
        ),
        ("{'raw_dir': '../data/x', 'seed': 7}", "{'raw_dir': '(outside the project)', 'seed': 7}"),
        (".venv/bin/kedro", ".venv/bin/kedro"),
        ("kedro run --pipelines=modelling", "kedro run --pipelines=modelling"),
    ],
)
def test_no_tag_says_where_things_lie_on_this_machine(said, kept):
    assert without_paths(said) == kept
