"""A stage's results as an artifact: written by the stage, put in place by those that wait for it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from gliomics.errors import StageRunError
from gliomics.lineage.durable_files import replaced
from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.lineage.run_markers import StageMarker, read_marker, write_marker
from gliomics.versioning.project import marker_path, sha256_memory

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "marker.json"
AGAIN = "Run the pipeline again without the cache."


def hand_on(folder: Path, marker: StageMarker, artifact: Path) -> str:
    """Copy a stage's results into an artifact.

    Parameters
    ----------
    folder : Path
        The project.
    marker : StageMarker
        What the run wrote.
    artifact : Path
        Its folder: every output under its path in the project, and the marker.

    Returns
    -------
    str
        Hash of the results: of the paths and hashes of the outputs.
    """
    for name in marker.outputs:
        source, target = folder / name, artifact / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    artifact.mkdir(parents=True, exist_ok=True)
    (artifact / MARKER).write_text(json.dumps(asdict(marker), indent=1, sort_keys=True), encoding="utf-8")
    return fingerprint_json(marker.outputs)


def take_over(folder: Path, cohort: str, stage: str, artifact: Path, digest: str) -> dict[str, str]:
    """Put a stage's results where the catalog wants them, unless the very same lie there.

    Parameters
    ----------
    folder : Path
        The project.
    cohort, stage : str
        Whose results; its marker is put in place too.
    artifact : Path
        As `hand_on` wrote it.
    digest : str
        Hash that the stage reported.

    Returns
    -------
    dict of str to str
        sha256 by path of the results.

    Raises
    ------
    StageRunError
        If the artifact is not what the stage reported.
    """
    marker = read_marker(artifact / MARKER)
    found = None if marker is None else fingerprint_json(marker.outputs)
    if marker is None or found != digest:
        raise StageRunError(
            where=f"results of stage {stage}",
            expected=f"they must be those with hash {digest}",
            got=f"those with hash {found}" if found else f"no {MARKER} with them",
            fix=AGAIN,
        )
    memory = sha256_memory(folder)
    for name, wanted in marker.outputs.items():
        target = folder / name
        if target.exists() and memory.of_path(target) == wanted:
            continue
        _replace(target, artifact / name)
        found = memory.of_path(target)
        if found != wanted:
            raise StageRunError(
                where=f"results of stage {stage}, {name}",
                expected=f"its hash must be {wanted}",
                got=found,
                fix=AGAIN,
            )
    memory.keep()
    write_marker(marker_path(folder, cohort, stage), marker)
    return marker.outputs


def _replace(target: Path, source: Path) -> None:
    """Replace a file or a folder by a copy, by renaming; a store of artifacts keeps no empty folder."""
    with replaced(target) as fresh:
        if source.is_file():
            shutil.copyfile(source, fresh)
        elif source.is_dir():
            shutil.copytree(source, fresh)
        else:
            fresh.mkdir()
