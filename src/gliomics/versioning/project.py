"""A cohort of a project, as far as its data versions go."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gliomics.lineage.content_hashes import HashMemory
from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.lineage.locks import file_lock
from gliomics.versioning.commands import run_dvc
from gliomics.versioning.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gliomics.versioning.shared_remote import SharedRemote
    from gliomics.versioning.stages import Stage

OWN_FOLDER = ".gliomics"
LOCK_FILE = "dvc.lock"
RAW_LAYER = "data/01_raw"


def journal_path(folder: Path) -> Path:
    """Say where the journal of a project lies."""
    return folder / OWN_FOLDER / "journal.json"


def marker_path(folder: Path, cohort: str, stage: str) -> Path:
    """Say where the marker of a stage's last run lies."""
    return folder / OWN_FOLDER / "runs" / cohort / f"{stage}.json"


def cohort_lock(folder: Path, cohort: str) -> Path:
    """Say where the lock of a cohort lies: one run, rollback or snapshot holds it at a time."""
    return folder / OWN_FOLDER / "locks" / f"cohort-{cohort}.lock"


def dvc_lock(folder: Path) -> Path:
    """Say where DVC's own lock lies: while it is held, DVC's commands wait."""
    return folder / ".dvc" / "tmp" / "lock"


def sha256_memory(folder: Path) -> HashMemory:
    """Give the memory of the files' sha256."""
    return HashMemory(folder / OWN_FOLDER / "sha256.json")


def md5_memory(folder: Path) -> HashMemory:
    """Give the memory of the files' md5, which is DVC's hash."""
    return HashMemory(folder / OWN_FOLDER / "md5.json", "md5")


@contextmanager
def exclusive(folder: Path, cohort: str) -> Iterator[None]:
    """Keep runs of a cohort, and other commands that write versions, away.

    Raises
    ------
    DataVersionError
        If one of them is under way.
    """
    with (
        file_lock(folder / OWN_FOLDER / "locks" / "versions.lock"),
        file_lock(cohort_lock(folder, cohort)),
    ):
        yield


@dataclass(frozen=True)
class CohortProject:
    """What versioning needs to know of a project and one of its cohorts.

    Attributes
    ----------
    folder : Path
        Of the project.
    cohort : str
        Name.
    stages : list of Stage
        Of this cohort, in order.
    parameters : mapping of str
        As a plain run on this cohort in ``base`` resolves them.
    catalog : mapping of str
        Likewise.
    remote : str
        Name of DVC's remote.
    dvc_yaml : str
        What ``gliomics dvc sync`` would write.
    shared : SharedRemote or None
        The remote, where no file of the project describes it.
    """

    folder: Path
    cohort: str
    stages: list[Stage]
    parameters: Mapping[str, Any]
    catalog: Mapping[str, Any]
    remote: str
    dvc_yaml: str
    shared: SharedRemote | None = None

    @property
    def raw(self) -> str:
        """Path of the raw folder that DVC tracks."""
        return f"{RAW_LAYER}/{self.cohort}"

    @property
    def raw_file(self) -> str:
        """Path of DVC's file of the raw folder."""
        return f"{self.raw}.dvc"

    @property
    def stores(self) -> list[str]:
        """Paths of the case stores."""
        return sorted(path for stage in self.stages for path in stage.stores.values())

    @property
    def learned_names(self) -> set[str]:
        """Names of the datasets that models learn from."""
        return set(learned_from(self.catalog))

    @cached_property
    def cache(self) -> ObjectStore:
        """DVC's cache."""
        return ObjectStore(self.folder / run_dvc(self.folder, "cache", "dir").strip())

    def features_hash(self, memory: HashMemory) -> str | None:
        """Hash what models learn from, as it lies on the disk; None if some of it is not there."""
        return features_hash(self.folder, self.catalog, memory)


def learned_from(catalog: Mapping[str, Any]) -> dict[str, str]:
    """Give the paths of the datasets that models learn from, by name, as the catalog marks them."""
    return {
        name: str(entry["filepath"])
        for name, entry in catalog.items()
        if not name.startswith("_")
        and ((entry.get("metadata") or {}).get("gliomics") or {}).get("learned_from")
    }


def features_hash(folder: Path, catalog: Mapping[str, Any], memory: HashMemory) -> str | None:
    """Hash the datasets that models learn from; None if one of them is not there."""
    places = learned_from(catalog)
    if not places or not all((folder / place).is_file() for place in places.values()):
        return None
    return fingerprint_json({name: memory.of_file(folder / place) for name, place in places.items()})
