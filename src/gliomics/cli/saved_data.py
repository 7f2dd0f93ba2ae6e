"""The saved data versions of a cohort, as the gate and a rollback ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.lineage.run_facts import FEATURES_HASH, RAW_HASH, unclean
from gliomics.versioning.data_versions import find_version, get_version, verify
from gliomics.versioning.rollback import rollback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.versioning.data_versions import DataVersion
    from gliomics.versioning.project import CohortProject


class SavedData:
    """Data versions by git and DVC; see `gliomics.registry.evidence.DataVersions`.

    Parameters
    ----------
    project : CohortProject
        Whose versions.
    discard : bool
        Whether `restore` may lose changes that no version holds.
    """

    def __init__(self, project: CohortProject, *, discard: bool = False) -> None:
        self._project = project
        self._discard = discard

    def find(self, lineage: Mapping[str, str]) -> str | None:
        """Find the newest version with the raw data and the features of a run."""
        hashes = (lineage.get(RAW_HASH), lineage.get(FEATURES_HASH))
        found = find_version(self._project.folder, self._project.cohort, *hashes)
        return found.tag if found is not None else None

    def problems(self, tag: str) -> tuple[str, ...]:
        """Read every object of a version, and say what is missing or damaged, here or in the remote."""
        found = verify(self._project, self._version(tag))
        parts = {
            "damaged": found.damaged,
            "missing": found.absent,
            "damaged in the remote": found.remote_damaged,
            "missing from the remote": found.remote_absent,
        }
        return tuple(f"{tag}: {len(md5s)} objects {what}" for what, md5s in parts.items() if md5s)

    def unclean(self, lineage: Mapping[str, str]) -> tuple[str, ...]:
        """Say what of code, settings and constraints was not committed when the run started."""
        return unclean(lineage)

    def restore(self, tag: str) -> None:
        """Bring a version back into the workspace, all of it or nothing.

        Raises
        ------
        DataVersionError
            If there are unsaved changes, or objects are missing; nothing has changed then.
        """
        rollback(self._project, self._version(tag), discard=self._discard)

    def _version(self, tag: str) -> DataVersion:
        return get_version(self._project.folder, self._project.cohort, tag)
