"""Data versions: made whole or not at all, listed, verified, found by their hashes."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gliomics.errors import DataVersionError, unknown_name
from gliomics.lineage.journal import Journal, close_journal, open_journal, put_back, texts_now
from gliomics.lineage.run_facts import code_hash, settings_hash
from gliomics.versioning.at_version import run_dvc_at
from gliomics.versioning.commands import run_dvc
from gliomics.versioning.git_tags import (
    changed_paths,
    commit_beside,
    head_commit,
    list_tags,
    read_committed,
    set_tag,
)
from gliomics.versioning.objects import ObjectStore, Tracked
from gliomics.versioning.project import LOCK_FILE, exclusive, journal_path, sha256_memory
from gliomics.versioning.recording import Recorded, record
from gliomics.versioning.stages import PACKAGE

if TYPE_CHECKING:
    from gliomics.versioning.project import CohortProject

logger = logging.getLogger(__name__)
TAGS = "data"
DVC_FILE = "dvc.yaml"


@dataclass(frozen=True)
class DataVersion:
    """A saved state of a cohort: raw data, and whatever stages had been recorded.

    Attributes
    ----------
    cohort : str
        Name.
    number : int
        From 1.
    commit : str
        That holds dvc.lock, dvc.yaml and the raw folder's .dvc file.
    message, made : str
        Of the person who made it; when, in UTC.
    raw_hash, features_hash : str or None
        Our own hashes of the raw folder and of what models learn from, as runs are tagged with.
    code_hash, settings_hash : str
        Of the code and the settings at that time.
    code_commit : str
        Git's commit that was checked out.
    uncommitted : list of str
        Code and settings that differed from it.
    stages, stores : list of str
        Stages that it holds; paths of case stores.
    """

    cohort: str
    number: int
    commit: str
    message: str
    made: str
    raw_hash: str | None
    features_hash: str | None
    code_hash: str
    settings_hash: str
    code_commit: str
    uncommitted: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """Name of its git tag."""
        return f"{TAGS}/{self.cohort}/v{self.number}"


def list_versions(folder: Path, cohort: str) -> list[DataVersion]:
    """List the data versions of a cohort, oldest first."""
    found = []
    for tag in list_tags(folder, f"{TAGS}/{cohort}"):
        number = tag.name.rpartition("/v")[2]
        try:
            facts = json.loads(tag.message.strip().splitlines()[-1])
            found.append(DataVersion(**facts, cohort=cohort, number=int(number), commit=tag.commit))
        except (ValueError, TypeError, IndexError):
            logger.warning("tag %s is no data version of gliomics and is passed over", tag.name)
    return sorted(found, key=lambda version: version.number)


def get_version(folder: Path, cohort: str, name: str) -> DataVersion:
    """Look a version up by ``v3``, ``3`` or its tag.

    Raises
    ------
    SettingsError
        If there is none; names those that there are.
    """
    versions = {f"v{version.number}": version for version in list_versions(folder, cohort)}
    asked = name.rpartition("/")[2]
    asked = asked if asked.startswith("v") else f"v{asked}"
    if asked not in versions:
        raise unknown_name(asked, versions, where=f"cohort {cohort}", what="data version")
    return versions[asked]


def find_version(
    folder: Path, cohort: str, raw_hash: str | None, features_hash: str | None
) -> DataVersion | None:
    """Find the newest version that holds the data of a run, by the hashes that the run is tagged with."""
    same = [
        version
        for version in list_versions(folder, cohort)
        if raw_hash and (version.raw_hash, version.features_hash) == (raw_hash, features_hash)
    ]
    return same[-1] if same else None


def tracked_by(folder: Path, version: DataVersion) -> list[Tracked]:
    """List the paths that a version holds: the raw folder, then the outputs of its stages."""
    raw_file = f"data/01_raw/{version.cohort}.dvc"
    texts = {name: read_committed(folder, version.commit, name) for name in (raw_file, LOCK_FILE)}
    return tracked_in(version.cohort, texts[raw_file], texts[LOCK_FILE])


def tracked_in(cohort: str, raw_text: str | None, lock_text: str | None) -> list[Tracked]:
    """List the paths of a cohort that a .dvc file of raw data and a dvc.lock hold."""
    tracked = []
    if raw_text:
        tracked.append(Tracked(f"data/01_raw/{cohort}", yaml.safe_load(raw_text)["outs"][0]["md5"]))
    for entry in cohort_entries(lock_text, cohort).values():
        tracked += [Tracked(out["path"], out["md5"]) for out in entry.get("outs", []) if "md5" in out]
    return tracked


def cohort_entries(lock_text: str | None, cohort: str) -> dict[str, Any]:
    """Give the entries of one cohort in a dvc.lock."""
    stages = (yaml.safe_load(lock_text) or {}).get("stages") or {} if lock_text else {}
    return {name: entry for name, entry in stages.items() if name.endswith(f"@{cohort}")}


def with_entries(lock_text: str | None, cohort: str, entries: dict[str, Any]) -> str:
    """Replace one cohort's entries of a dvc.lock; those of other cohorts stay as they are."""
    lock = (yaml.safe_load(lock_text) if lock_text else None) or {"schema": "2.0", "stages": {}}
    others = {
        name: entry for name, entry in (lock.get("stages") or {}).items() if not name.endswith(f"@{cohort}")
    }
    return yaml.safe_dump({**lock, "stages": {**others, **entries}}, sort_keys=False, width=1000)


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot made: the version, whether it is new, what became of each stage."""

    version: DataVersion
    is_new: bool
    recorded: Recorded


def snapshot(project: CohortProject, message: str) -> Snapshot:
    """Save the raw data of a cohort and the outputs of its recorded stages, all of it or nothing.

    Parameters
    ----------
    project : CohortProject
        Its raw data lies in ``data/01_raw/<cohort>``.
    message : str
        Why, for the list.

    Returns
    -------
    Snapshot
        An equal version that exists is given back instead of a second one.

    Raises
    ------
    DataVersionError
        If the raw data lies elsewhere, dvc.yaml is out of step, or git or DVC fail. dvc.lock and the .dvc
        file are then as before; no tag is made.
    """
    _check_ready(project)
    with exclusive(project.folder, project.cohort):
        number = max((v.number for v in list_versions(project.folder, project.cohort)), default=0) + 1
        before = texts_now(project.folder, [LOCK_FILE, project.raw_file])
        journal = Journal("snapshot", project.cohort, f"{TAGS}/{project.cohort}/v{number}", before)
        open_journal(journal_path(project.folder), journal)
        try:
            made = _save(project, message, number)
        except BaseException:
            put_back(project.folder, before)
            close_journal(journal_path(project.folder))
            raise
        close_journal(journal_path(project.folder))
        return made


def _save(project: CohortProject, message: str, number: int) -> Snapshot:
    folder = project.folder
    run_dvc(folder, "add", project.raw)
    recorded = record(project)
    _forget_others(project, recorded)
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (project.raw_file, LOCK_FILE)}
    for version in reversed(list_versions(folder, project.cohort)):
        if set(_truths(project, tracked_by(folder, version))) == set(
            _truths(project, tracked_in(project.cohort, texts[project.raw_file], texts[LOCK_FILE]))
        ):
            return Snapshot(version, is_new=False, recorded=recorded)
    targets = [project.raw_file, *(f"{name}@{project.cohort}" for name in recorded.stages)]
    run_dvc(folder, "push", "--remote", project.remote, *targets, shared=project.shared)
    facts = _facts(project, message, recorded)
    texts[DVC_FILE] = project.dvc_yaml
    commit = commit_beside(folder, texts, f"Data version {number} of {project.cohort}: {message}\n")
    version = DataVersion(**facts, cohort=project.cohort, number=number, commit=commit)
    set_tag(folder, version.tag, commit, f"{message}\n\n{json.dumps(facts, sort_keys=True)}\n")
    return Snapshot(version, is_new=True, recorded=recorded)


def _truths(project: CohortProject, tracked: list[Tracked]) -> list[Tracked]:
    """Leave out the case stores: two runs that differ in what they found there are the same data."""
    return [one for one in tracked if one.path not in project.stores]


def _facts(project: CohortProject, message: str, recorded: Recorded) -> dict[str, Any]:
    folder, memory = project.folder, sha256_memory(project.folder)
    learns = {name for stage in project.stages for name in stage.outputs if stage.name in recorded.stages}
    marked = project.features_hash(memory) if project.learned_names <= learns else None
    facts = {
        "message": message,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "raw_hash": memory.of_path(folder / project.raw),
        "features_hash": marked,
        "code_hash": code_hash(folder / PACKAGE),
        "settings_hash": settings_hash(project.parameters),
        "code_commit": head_commit(folder),
        "uncommitted": changed_paths(folder) or [],
        "stages": recorded.stages,
        "stores": project.stores,
    }
    memory.keep()
    return facts


def _forget_others(project: CohortProject, recorded: Recorded) -> None:
    """Take the stages out of dvc.lock that do not belong to the data as it is now."""
    texts = texts_now(project.folder, [LOCK_FILE])
    entries = cohort_entries(texts[LOCK_FILE], project.cohort)
    kept = {name: entry for name, entry in entries.items() if name.partition("@")[0] in recorded.stages}
    if texts[LOCK_FILE] is None or kept != entries:
        put_back(project.folder, {LOCK_FILE: with_entries(texts[LOCK_FILE], project.cohort, kept)})


def _check_ready(project: CohortProject) -> None:
    folder = project.folder
    raw = folder / project.raw
    if not raw.is_dir() or raw.is_symlink() or not any(raw.iterdir()):
        raise DataVersionError(
            where=f"cohort {project.cohort}",
            expected=f"its raw data must lie in {project.raw}: DVC cannot version files outside the project",
            got=f"a link to {raw.resolve()}" if raw.is_symlink() else f"no file in {project.raw}",
            fix=f"Bring it there with `gliomics import FOLDER --cohort {project.cohort}`.",
        )
    if not (folder / ".dvc").is_dir() or head_commit(folder) is None:
        raise DataVersionError(
            where="project",
            expected="it must be a git repository with a commit, and DVC's",
            got="no .dvc folder" if head_commit(folder) else "no commit",
            fix="Clone gliomics with git, or run `git init`, commit, and `dvc init`.",
        )
    file = folder / DVC_FILE
    if not file.is_file() or file.read_text(encoding="utf-8") != project.dvc_yaml:
        raise DataVersionError(
            where=DVC_FILE,
            expected="it must say what the pipelines read and write",
            got="another content" if file.is_file() else "no such file",
            fix="Run `gliomics dvc sync`.",
        )


def remote_store(project: CohortProject) -> ObjectStore | None:
    """Give the remote as a folder of objects; None if it is not a folder of this machine."""
    said = (
        project.shared.url
        if project.shared
        else run_dvc(project.folder, "config", f"remote.{project.remote}.url").strip()
    )
    if "://" in said:
        return None
    return ObjectStore((project.folder / ".dvc" / Path(said).expanduser()).resolve())


def missing_from_remote(project: CohortProject, version: DataVersion) -> list[str]:
    """List what of a version the remote lacks, empty when it is safe there."""
    tracked = tracked_by(project.folder, version)
    store = remote_store(project)
    if store is not None:
        return _absent_in(store, project.cache, tracked)
    said = json.loads(dvc_at(project, version, "status", "--cloud", "--json") or "{}")
    # DVC says "deleted" of what the remote has and this machine's cache lacks.
    return sorted(path for path, state in said.items() if state != "deleted")


def dvc_at(project: CohortProject, version: DataVersion, *arguments: str) -> str:
    """Run a DVC command on the objects of a version alone, and give what it printed."""
    raw_file = f"data/01_raw/{version.cohort}.dvc"
    read = {
        name: read_committed(project.folder, version.commit, name) for name in (raw_file, LOCK_FILE, DVC_FILE)
    }
    texts = {name: text for name, text in read.items() if text is not None}
    targets = [
        *cohort_entries(texts.get(LOCK_FILE), version.cohort),
        *([raw_file] if raw_file in texts else []),
    ]
    store = remote_store(project)
    url = None if store is None else str(store.folder)
    return run_dvc_at(project, texts, *arguments, *targets, url=url)


def _absent_in(store: ObjectStore, other: ObjectStore, tracked: list[Tracked]) -> list[str]:
    """List what a store lacks; the lists of folders are read where they are whole, here or there."""
    wanted = {one.md5 for one in tracked}
    for one in tracked:
        whole = [s for s in (store, other) if s.place(one.md5).is_file() and not s.is_damaged(one.md5)]
        if whole:
            wanted |= set(whole[0].files_of(one).values())
    return sorted(md5 for md5 in wanted if not store.place(md5).is_file())


@dataclass(frozen=True)
class Verification:
    """What verifying a version found: objects by what is wrong with them; `n_objects` of all."""

    version: DataVersion
    n_objects: int
    damaged: list[str]
    absent: list[str]
    remote_damaged: list[str]
    remote_absent: list[str]

    @property
    def whole(self) -> bool:
        """Whether the version can be gone back to, and is safe in the remote."""
        return not (self.damaged or self.absent or self.remote_damaged or self.remote_absent)


def verify(project: CohortProject, version: DataVersion) -> Verification:
    """Read every object of a version, in the cache and in a local remote, and compare its md5.

    Parameters
    ----------
    project : CohortProject
        Whose versions.
    version : DataVersion
        Which.
    """
    tracked = tracked_by(project.folder, version)
    store = remote_store(project)
    damaged = project.cache.damaged(tracked)
    absent = _absent_in(project.cache, store or project.cache, tracked)
    wanted = {one.md5 for one in tracked}
    for one in tracked:
        if one.md5 not in {*damaged, *absent}:
            wanted |= set(project.cache.files_of(one).values())
    return Verification(
        version=version,
        n_objects=len(wanted),
        damaged=damaged,
        absent=absent,
        remote_damaged=store.damaged(tracked) if store else [],
        remote_absent=missing_from_remote(project, version),
    )
