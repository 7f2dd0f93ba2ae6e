"""Recording in dvc.lock what a plain ``kedro run`` has made, without running it again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.lineage.run_facts import fingerprint_path, parameters_hash
from gliomics.lineage.run_markers import StageMarker, read_marker, why_stale
from gliomics.versioning.commands import run_dvc
from gliomics.versioning.project import marker_path, sha256_memory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gliomics.lineage.content_hashes import HashMemory
    from gliomics.versioning.project import CohortProject
    from gliomics.versioning.stages import Stage


@dataclass(frozen=True)
class Recorded:
    """What became of each stage.

    Attributes
    ----------
    stages : list of str
        Whose inputs and outputs are now in dvc.lock.
    refused : dict of str to str
        Why the others are not.
    """

    stages: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def record(project: CohortProject) -> Recorded:
    """Record the stages whose last run matches what is on the disk now.

    Parameters
    ----------
    project : CohortProject
        dvc.yaml is in step with it.

    Returns
    -------
    Recorded
        A stage counts too if dvc.lock holds it already and nothing has changed since.
    """
    memory = sha256_memory(project.folder)
    refused = {}
    for stage in project.stages:
        marker = read_marker(marker_path(project.folder, project.cohort, stage.name))
        now = stage_now(project.folder, stage, project.parameters, memory)
        reason = why_stale(marker, now) or _absent_outputs(project.folder, stage)
        if reason:
            refused[stage.name] = reason
    memory.keep()
    for name in _unchanged(project, sorted(refused)):
        del refused[name]
    kept = [stage.name for stage in project.stages if stage.name not in refused]
    if kept:
        run_dvc(project.folder, "commit", "--force", *_targets(project, kept))
    return Recorded(kept, refused)


def stage_now(folder: Path, stage: Stage, parameters: Mapping[str, Any], memory: HashMemory) -> StageMarker:
    """Describe a stage as code, settings and files are now."""
    return StageMarker(
        code=stage_code(folder, stage),
        parameters=parameters_hash(parameters, stage.parameters),
        inputs=_hashes(folder, stage.inputs, memory),
        outputs=_hashes(folder, stage.outputs, memory),
    )


def stage_code(folder: Path, stage: Stage) -> str:
    """Hash the source that a stage runs."""
    return source_hash(folder, stage.code)


def source_hash(folder: Path, source: tuple[str, ...]) -> str:
    """Hash source by its paths, as `gliomics.versioning.stages.stage_source` lists them."""
    return fingerprint_json({path: fingerprint_path(folder / path) for path in source})


def _hashes(folder: Path, places: Mapping[str, str], memory: HashMemory) -> dict[str, str]:
    return {place: memory.of_path(folder / place) for place in places.values() if (folder / place).exists()}


def _absent_outputs(folder: Path, stage: Stage) -> str:
    absent = [place for place in stage.outputs.values() if not (folder / place).exists()]
    return f"its output {absent[0]} is not there" if absent else ""


def _unchanged(project: CohortProject, names: list[str]) -> list[str]:
    """Find the stages that dvc.lock holds as they are; a case store may have more records by now."""
    if not names:
        return []
    targets = _targets(project, names)
    said = json.loads(run_dvc(project.folder, "status", "--json", *targets) or "{}")
    return [
        name
        for name, target in zip(names, targets, strict=True)
        if all(_only_stores(project, change) for change in said.get(target, []))
    ]


def _only_stores(project: CohortProject, change: Any) -> bool:
    if not isinstance(change, dict) or set(change) != {"changed outs"}:
        return False
    return set(change["changed outs"]) <= set(project.stores)


def _targets(project: CohortProject, names: list[str]) -> list[str]:
    return [f"{name}@{project.cohort}" for name in names]
