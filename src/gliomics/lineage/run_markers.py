"""What a stage read and wrote in its last whole run, so that the run can be recorded without another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from gliomics.lineage.durable_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = 3


@dataclass(frozen=True)
class StageMarker:
    """One stage's run, or the state of the project as it is now.

    Attributes
    ----------
    code, parameters : str
        Hashes of the source and of the values, as they were when the run started.
    inputs, outputs : dict of str to str
        sha256 by path relative to the project: inputs when the run started or, if it made them itself, when
        it had saved them.
    """

    code: str
    parameters: str
    inputs: dict[str, str]
    outputs: dict[str, str]


def write_marker(path: Path, marker: StageMarker) -> None:
    """Write a marker, replacing that of the run before."""
    write_whole(path, json.dumps(asdict(marker), indent=1, sort_keys=True).encode())


def read_marker(path: Path) -> StageMarker | None:
    """Read a marker; None where there is none, or not a whole one."""
    try:
        return StageMarker(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def why_stale(marker: StageMarker | None, now: StageMarker) -> str:
    """Say what is no longer as it was in the run, empty when all is.

    Parameters
    ----------
    marker : StageMarker or None
        Of the last whole run of the stage.
    now : StageMarker
        As things are.
    """
    if marker is None:
        return "it has not been run whole here"
    reasons = []
    if marker.code != now.code:
        reasons.append("the code has changed since the run started")
    if marker.parameters != now.parameters:
        reasons.append("it ran with other settings than conf/base holds")
    for what, then, present in (
        ("inputs", marker.inputs, now.inputs),
        ("outputs", marker.outputs, now.outputs),
    ):
        other = sorted(name for name in {*then, *present} if then.get(name) != present.get(name))
        if other:
            more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
            reasons.append(f"other {what} than in the run: {', '.join(other[:SHOWN])}{more}")
    return "; ".join(reasons)
