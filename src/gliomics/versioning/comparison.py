"""Reading what a data version holds, to compare it with another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from gliomics.errors import DataVersionError
from gliomics.lineage.version_diff import DataDifference, compare_data
from gliomics.versioning.data_versions import tracked_by

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.versioning.data_versions import DataVersion
    from gliomics.versioning.objects import Tracked
    from gliomics.versioning.project import CohortProject

COHORT_TABLE = "cohort"


def compare_versions(project: CohortProject, before: DataVersion, after: DataVersion) -> DataDifference:
    """Compare two data versions of a cohort, from DVC's cache alone.

    Raises
    ------
    DataVersionError
        If the cache does not hold them; says how to fetch them.
    """
    settings = project.parameters["cohort_settings"]
    folders = [settings.get("images"), settings.get("segmentations_by_algorithm")]
    tracked = [{one.path: one for one in tracked_by(project.folder, version)} for version in (before, after)]
    return compare_data(
        files=(_raw_files(project, tracked[0]), _raw_files(project, tracked[1])),
        tables=(_cohort_table(project, tracked[0]), _cohort_table(project, tracked[1])),
        scan_folders=[folder for folder in folders if folder],
    )


def cohort_table(project: CohortProject, version: DataVersion) -> pd.DataFrame | None:
    """Read the cohort table that a version holds, None if it holds none."""
    return _cohort_table(project, {one.path: one for one in tracked_by(project.folder, version)})


def _raw_files(project: CohortProject, tracked: dict[str, Tracked]) -> dict[str, str]:
    raw = tracked.get(project.raw)
    return project.cache.listing(raw.md5) if raw is not None else {}


def _cohort_table(project: CohortProject, tracked: dict[str, Tracked]) -> pd.DataFrame | None:
    found = tracked.get(str(project.catalog[COHORT_TABLE]["filepath"]))
    if found is None:
        return None
    place: Path = project.cache.place(found.md5)
    if not place.is_file():
        raise DataVersionError(
            where=f"object {found.md5}",
            expected="DVC's cache must hold the cohort table",
            got="no such object in the cache",
            fix="Fetch it with `dvc fetch --all-tags`.",
        )
    return pd.read_parquet(place)
