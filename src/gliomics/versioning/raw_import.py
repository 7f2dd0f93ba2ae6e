"""Bringing raw data from elsewhere into the project, all of it or nothing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from gliomics.errors import DataVersionError
from gliomics.lineage.content_hashes import list_files
from gliomics.lineage.durable_files import replaced
from gliomics.versioning.project import exclusive
from gliomics.versioning.rollback import unsaved

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.versioning.project import CohortProject


def import_raw(project: CohortProject, source: Path, *, link: bool, replace: bool, discard: bool) -> int:
    """Copy or link a folder of raw data to ``data/01_raw/<cohort>``.

    Parameters
    ----------
    project : CohortProject
        Whose raw data it becomes.
    source : Path
        The folder; it stays as it is. Links in it are followed.
    link : bool
        Hard links instead of copies: no space is needed, on one file system only. Whoever later edits such a
        file in place edits it in both folders.
    replace : bool
        Whether raw data that is there may be replaced, as a whole.
    discard : bool
        Whether it may be even if no data version holds it.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    DataVersionError
        If there is raw data that may not be replaced, nothing to import, or links are not possible.
    """
    target = project.folder / project.raw
    names = list_files(source)
    if not names:
        raise _refused(project, "the folder must hold raw data", "no file in it", "Name another folder.")
    if target.resolve() == source.resolve() or target.resolve() in source.resolve().parents:
        raise _refused(
            project, "the folder must lie elsewhere", "the cohort's own folder", "Nothing is to be imported."
        )
    with exclusive(project.folder, project.cohort):
        _check_target(project, target, replace=replace, discard=discard)
        with replaced(target) as fresh:
            for name in names:
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                _bring(project, source / name, fresh / name, link=link)
    return len(names)


def _check_target(project: CohortProject, target: Path, *, replace: bool, discard: bool) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not replace:
        raise _refused(
            project,
            f"{project.raw} must be empty",
            "raw data that is there already",
            "Save it with `gliomics data snapshot`, then give --replace.",
        )
    if project.raw in unsaved(project) and not discard:
        raise _refused(
            project,
            "the raw data that is replaced must be saved in a data version",
            "unsaved raw data",
            "Save it with `gliomics data snapshot -m MESSAGE`, or lose it with --discard.",
        )


def _bring(project: CohortProject, source: Path, target: Path, *, link: bool) -> None:
    if not link:
        shutil.copyfile(source, target)
        return
    try:
        os.link(source.resolve(), target)
    except OSError as error:
        raise _refused(
            project, "links need one file system that knows them", error.strerror, "Leave --link out to copy."
        ) from error


def _refused(project: CohortProject, expected: str, got: object, fix: str) -> DataVersionError:
    return DataVersionError(where=f"cohort {project.cohort}", expected=expected, got=got, fix=fix)
