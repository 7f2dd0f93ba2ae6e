"""What a run follows from, written down when it starts."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

from gliomics.lineage.fingerprints import fingerprint_json, fingerprint_source
from gliomics.lineage.source_imports import imported_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

GIT_COMMIT = "gliomics.git_commit"
GIT_DIRTY = "gliomics.git_dirty"
DIRTY_PATHS = "gliomics.git_dirty_paths"
RAW_HASH = "gliomics.raw_hash"
FEATURES_HASH = "gliomics.features_hash"
SETTINGS_HASH = "gliomics.settings_hash"
CODE_HASH = "gliomics.code_hash"
ENVIRONMENT_HASH = "gliomics.environment_hash"
WEIGHTS_HASH = "gliomics.weights_hash"
CHAIN_ID = "gliomics.chain_id"
COHORT = "gliomics.cohort"

UNKNOWN = "unknown"
UNTRAINED = "untrained"
NO_SETTINGS = frozenset(
    {
        "compute",
        "cohorts",
        "raw_dir",
        "registry",
        "data_versions",
        "deployment",
        "kubeflow",
        "monitoring",
        "serving",
    }
)
"""Parameters that change no result: how and where work is done, other cohorts, places, gate, servers."""
SHOWN_PATHS = 20


@dataclass(frozen=True)
class RunFacts:
    """What a run follows from.

    Attributes
    ----------
    cohort, environment : str
        Names.
    commit : str or None
        Git's, None where git does not know.
    changed : tuple of str or None
        Paths of code, settings and constraints that differ from the commit.
    raw_hash : str or None
        Of the raw folder: names and sha256 of its files.
    settings_hash, code_hash, environment_hash : str
        Of the resolved parameters, of the source that stages run, of Python and every installed library.
    weights_hash : str
        sha256 of MedicalNet's checkpoint as configured, or ``untrained``, or ``none``.
    """

    cohort: str
    environment: str
    commit: str | None
    changed: tuple[str, ...] | None
    raw_hash: str | None
    settings_hash: str
    code_hash: str
    environment_hash: str
    weights_hash: str

    @property
    def chain_id(self) -> str:
        """Join the runs of one chain: equal data, settings, code and libraries give an equal id.

        ``kedro run`` makes one run, ``dvc repro`` one a stage, maybe on other days: what they follow from
        is what they have in common.
        """
        return fingerprint_json(
            {
                "cohort": self.cohort,
                "environment": self.environment,
                "raw": self.raw_hash,
                "settings": self.settings_hash,
                "code": self.code_hash,
                "libraries": self.environment_hash,
            }
        )[:16]

    def tags(self) -> dict[str, str]:
        """Give the facts as tags of a run or of a model version."""
        dirty = UNKNOWN if self.changed is None else str(bool(self.changed)).lower()
        tags = {
            COHORT: self.cohort,
            GIT_COMMIT: self.commit or UNKNOWN,
            GIT_DIRTY: dirty,
            RAW_HASH: self.raw_hash or UNKNOWN,
            SETTINGS_HASH: self.settings_hash,
            CODE_HASH: self.code_hash,
            ENVIRONMENT_HASH: self.environment_hash,
            WEIGHTS_HASH: self.weights_hash,
            CHAIN_ID: self.chain_id,
        }
        if self.changed:
            tags[DIRTY_PATHS] = ", ".join(self.changed[:SHOWN_PATHS])
        return tags


def unclean(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Say what of a run's code was not committed when it started, or is not known; empty when clean.

    Parameters
    ----------
    tags : mapping of str to str
        Of a run or a model version.
    """
    if GIT_COMMIT not in tags:
        return ("no lineage was recorded",)
    if tags[GIT_COMMIT] == UNKNOWN or tags.get(GIT_DIRTY) == UNKNOWN:
        return ("git did not know the code",)
    if tags.get(GIT_DIRTY) != "false":
        return tuple(path.strip() for path in tags.get(DIRTY_PATHS, "changed code").split(","))
    return ()


def settings_hash(parameters: Mapping[str, Any]) -> str:
    """Hash the resolved parameters of a run, but those that change no result."""
    return fingerprint_json({key: value for key, value in parameters.items() if key not in NO_SETTINGS})


def parameters_hash(parameters: Mapping[str, Any], names: Sequence[str]) -> str:
    """Hash the values of some parameters by dotted name, but those that change no result."""
    values = {}
    for name in names:
        value: Any = parameters
        for part in name.split("."):
            value = value[part]
        if name.split(".")[0] not in NO_SETTINGS:
            values[name] = value
    return fingerprint_json(values)


def code_hash(package: Path) -> str:
    """Hash the source that the stages run: their own and all that it imports.

    Parameters
    ----------
    package : Path
        The folder ``src/gliomics`` of the project.
    """
    parts = imported_parts(package, sorted((package / "pipelines").rglob("*.py")))
    return fingerprint_json({part: fingerprint_path(package / part) for part in parts})


def fingerprint_path(path: Path) -> str:
    """Hash the Python source of a folder, or of a single module."""
    if path.is_dir():
        return fingerprint_source(path)
    return fingerprint_json({path.name: path.read_text(encoding="utf-8")})


def environment_hash() -> str:
    """Hash the versions of Python and of every installed library; gliomics itself is the code."""
    found = {f"{d.metadata['Name']}".lower(): d.version.split("+")[0] for d in distributions()}
    found.pop("gliomics", None)
    return fingerprint_json({"python": platform.python_version(), "libraries": found})


def weights_hash(parameters: Mapping[str, Any]) -> str:
    """Name the pretrained weights that the settings ask for; the embedding stage checks the file."""
    medicalnet = (parameters.get("embedding") or {}).get("medicalnet") or {}
    if not medicalnet.get("enabled", False):
        return "none"
    return UNTRAINED if medicalnet["weights"] == UNTRAINED else str(medicalnet["sha256"])
