"""Going back to a data version: journalled, finished or undone after a kill, verified byte by byte."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gliomics.errors import DataVersionError
from gliomics.lineage.content_hashes import file_digest
from gliomics.lineage.durable_files import remove_scratch
from gliomics.lineage.journal import (
    Journal,
    close_journal,
    open_journal,
    put_back,
    read_journal,
    texts_now,
)
from gliomics.lineage.locks import file_lock
from gliomics.lineage.run_facts import code_hash, settings_hash
from gliomics.versioning.commands import ask_git, run_dvc
from gliomics.versioning.data_versions import (
    cohort_entries,
    dvc_at,
    list_versions,
    tracked_by,
    tracked_in,
    with_entries,
)
from gliomics.versioning.git_tags import read_committed
from gliomics.versioning.objects import ObjectStore, md5_of, restore
from gliomics.versioning.project import LOCK_FILE, dvc_lock, exclusive, journal_path, md5_memory
from gliomics.versioning.recording import record
from gliomics.versioning.stages import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.versioning.data_versions import DataVersion
    from gliomics.versioning.objects import Tracked
    from gliomics.versioning.project import CohortProject

logger = logging.getLogger(__name__)
SHOWN = 5


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did: how many paths it restored, and what to know before the next run."""

    version: DataVersion
    n_paths: int
    notes: list[str] = field(default_factory=list)


def unsaved(project: CohortProject) -> list[str]:
    """List the raw data and outputs of a cohort that no data version holds as they are now.

    Case stores do not count: their records can be computed again.
    """
    saved: dict[str, set[str]] = {}
    for version in list_versions(project.folder, project.cohort):
        for one in tracked_by(project.folder, version):
            saved.setdefault(one.path, set()).add(one.md5)
    memory = md5_memory(project.folder)
    places = [project.raw, *(path for stage in project.stages for path in stage.outputs.values())]
    found = []
    for place in places:
        now = md5_of(project.folder / place, memory.of_file)
        if now is not None and now not in saved.get(place, set()):
            found.append(place)
    memory.keep()
    return found


def rollback(project: CohortProject, version: DataVersion, *, discard: bool = False) -> RolledBack:
    """Bring raw data, features, folds and results of one cohort back to a data version.

    Parameters
    ----------
    project : CohortProject
        Other cohorts of it stay as they are, in dvc.lock too.
    version : DataVersion
        Where to.
    discard : bool
        Whether changes that no version holds may be lost.

    Returns
    -------
    RolledBack
        Every file has been read and has the md5 of the version.

    Raises
    ------
    DataVersionError
        If there are unsaved changes, objects are missing or damaged, or a run uses the data.
    """
    with exclusive(project.folder, project.cohort):
        lost = unsaved(project)
        if lost and not discard:
            more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
            raise DataVersionError(
                where=f"cohort {project.cohort}",
                expected="everything must be saved in a data version",
                got=f"unsaved {', '.join(lost[:SHOWN])}{more}",
                fix="Save it with `gliomics data snapshot -m MESSAGE`, or lose it with `--discard`.",
            )
        tracked = tracked_by(project.folder, version)
        _fetch(project, version, tracked)
        journal = _plan(project, version, tracked)
        path, cache = journal_path(project.folder), project.cache
        with file_lock(dvc_lock(project.folder)):
            open_journal(path, journal)
            _apply(project.folder, cache, journal, journal.after)
            close_journal(path)
        record(project)  # records of case stores that other versions left are no change of a stage
    return RolledBack(version, len(tracked), differences(project, version))


def differences(project: CohortProject, version: DataVersion) -> list[str]:
    """Say where code and settings are not those of a version, and which commit to check out for them."""
    parts = []
    if code_hash(project.folder / PACKAGE) != version.code_hash:
        parts.append("code")
    if settings_hash(project.parameters) != version.settings_hash:
        parts.append("settings")
    if not parts:
        return []
    note = f"{' and '.join(parts)} differ from those at {version.tag}: for its figures, "
    notes = [note + f"`git checkout {version.code_commit[:10]}`"]
    if version.uncommitted:
        notes.append(f"at that time these were not committed: {', '.join(version.uncommitted[:SHOWN])}")
    elif ask_git(project.folder, "cat-file", "-e", f"{version.code_commit}^{{commit}}") is None:
        notes.append("that commit is no longer in this repository")
    return notes


def _fetch(project: CohortProject, version: DataVersion, tracked: list[Tracked]) -> None:
    """See that every object is in the cache and whole, fetching what is not there."""
    cache = project.cache
    for one in tracked:
        if not cache.place(one.md5).is_file() or cache.absent([one]):
            logger.info("%s: fetching objects from the remote %s", version.tag, project.remote)
            dvc_at(project, version, "fetch")
            break
    absent, damaged = cache.absent(tracked), cache.damaged(tracked)
    if absent or damaged:
        raise DataVersionError(
            where=version.tag,
            expected="all its objects must be in DVC's cache, with their md5",
            got=f"{len(absent)} missing, {len(damaged)} damaged ({', '.join([*absent, *damaged][:SHOWN])})",
            fix="Delete damaged ones from the cache and run `dvc fetch --all-tags`; nothing was changed.",
        )


def _plan(project: CohortProject, version: DataVersion, tracked: list[Tracked]) -> Journal:
    folder = project.folder
    before = texts_now(folder, [LOCK_FILE, project.raw_file])
    entries = cohort_entries(read_committed(folder, version.commit, LOCK_FILE), project.cohort)
    held = {one.path for one in tracked}
    return Journal(
        action="rollback",
        cohort=project.cohort,
        version=version.tag,
        before=before,
        after={
            LOCK_FILE: with_entries(before[LOCK_FILE], project.cohort, entries),
            project.raw_file: read_committed(folder, version.commit, project.raw_file),
        },
        stores=sorted({*project.stores, *version.stores}),
        surplus=sorted(
            path
            for stage in project.stages
            for path in stage.outputs.values()
            if path not in held and (folder / path).exists()
        ),
    )


def _apply(folder: Path, cache: ObjectStore, journal: Journal, texts: dict[str, str | None]) -> None:
    """Bring files to the state that these texts describe; doing it twice is doing it once."""
    tracked = tracked_in(journal.cohort, texts.get(f"data/01_raw/{journal.cohort}.dvc"), texts[LOCK_FILE])
    for one in tracked:
        _restore(folder, cache, one, journal.stores)
    if texts is journal.after:
        for path in journal.surplus:
            _remove(folder / path)
    put_back(folder, texts)
    _verify(folder, cache, tracked, journal)


def _restore(folder: Path, cache: ObjectStore, one: Tracked, stores: list[str]) -> None:
    remove_scratch(folder / one.path)
    is_store = one.path in stores
    memory = md5_memory(folder)
    if is_store or md5_of(folder / one.path, memory.of_file) != one.md5:
        restore(folder, cache, one, keep_others=is_store)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _verify(folder: Path, cache: ObjectStore, tracked: list[Tracked], journal: Journal) -> None:
    """Read every file again and compare its md5.

    Raises
    ------
    DataVersionError
        Naming the files that are not those of the version. The journal stays.
    """
    wrong = []
    for one in tracked:
        if one.path in journal.stores:
            wrong += [name for name, md5 in cache.files_of(one).items() if _md5(folder / name) != md5]
        elif md5_of(folder / one.path, lambda file: file_digest(file, "md5")) != one.md5:
            wrong.append(one.path)
    if wrong:
        raise DataVersionError(
            where=journal.version,
            expected="every file must have the md5 of the version",
            got=f"others in {', '.join(wrong[:SHOWN])}",
            fix="Something else writes there, or the disk is failing; the next gliomics command tries again.",
        )


def _md5(path: Path) -> str | None:
    return file_digest(path, "md5") if path.is_file() else None


def finish_interrupted(folder: Path) -> str | None:
    """Finish or undo a change of data that was killed.

    Parameters
    ----------
    folder : Path
        Of the project.

    Returns
    -------
    str or None
        What was done, None if nothing was half done.

    Raises
    ------
    DataVersionError
        If the change is still under way in another process, or can be neither finished nor undone: then
        nothing may compute.
    """
    path = journal_path(folder)
    if not path.exists():
        return None
    cohort = getattr(read_journal(path), "cohort", "")
    with exclusive(folder, cohort):
        journal = read_journal(path)
        if journal is None:
            return None
        said = _undo_snapshot(folder, journal) if journal.action == "snapshot" else _settle(folder, journal)
        close_journal(path)
    logger.warning("%s", said)
    return said


def _undo_snapshot(folder: Path, journal: Journal) -> str:
    if ask_git(folder, "rev-parse", "--verify", "--quiet", f"refs/tags/{journal.version}"):
        return f"the snapshot {journal.version} was interrupted after its last step: it is whole"
    put_back(folder, journal.before)
    return f"the snapshot {journal.version} was interrupted: it has been undone, save it again"


def _settle(folder: Path, journal: Journal) -> str:
    """Finish a rollback; where the objects do not allow it, undo it."""
    cache = ObjectStore(folder / run_dvc(folder, "cache", "dir").strip())
    with file_lock(dvc_lock(folder)):
        try:
            _apply(folder, cache, journal, journal.after)
        except (DataVersionError, OSError) as error:
            logger.warning("the rollback to %s cannot be finished (%s)", journal.version, error)
            _apply(folder, cache, journal, journal.before)
            return f"the rollback to {journal.version} was interrupted: it has been undone"
    return f"the rollback to {journal.version} was interrupted: it has been finished"
