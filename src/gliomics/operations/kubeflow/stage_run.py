"""What a stage does in its pod: check, take over, run ``kedro run --pipelines STAGE``, hand on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gliomics.errors import GliomicsError, StageRunError
from gliomics.lineage.locks import PATIENCE_VARIABLE
from gliomics.lineage.run_markers import StageMarker, read_marker
from gliomics.operations.kubeflow.results import hand_on, take_over
from gliomics.versioning.project import marker_path, sha256_memory
from gliomics.versioning.recording import source_hash
from gliomics.versioning.stages import stage_source

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT_VARIABLE = "GLIOMICS_PROJECT"
"""Tells a stage where the project folder is."""
WAIT_S = 24 * 3600
"""How long a stage waits for another stage of its pipeline that is using the cohort's data."""
FIXED = ("cohort", "raw_dir")
"""Parameters that the compiled pipeline fixes."""


@dataclass(frozen=True)
class StageCall:
    """What a component was given.

    Attributes
    ----------
    stage, cohort, environment : str
        Names.
    parameters : mapping of str
        What ``kedro run --params`` is given beside the cohort.
    raw : str
        The raw folder that the stage reads, relative to the project; empty when it reads none.
    data_version : str
        Name and hash of the raw data, ``v2:<sha256>``, or the hash alone.
    code, settings : str
        Hashes of the stage's source and of the parameters that it reads, as compiled.
    settings_of : mapping of str
        The `parameters` that `settings` was taken with.
    report, metrics : str
        Outputs that Kubeflow shows, relative to the project; empty when the stage has none.
    """

    stage: str
    cohort: str
    environment: str
    parameters: Mapping[str, Any]
    raw: str
    data_version: str
    code: str
    settings: str
    settings_of: Mapping[str, Any]
    report: str = ""
    metrics: str = ""


def run_stage(
    call: StageCall,
    *,
    upstream: Mapping[str, tuple[str, str]],
    results: str,
    results_hash: str,
    report: str | None,
    metrics: Any,
) -> None:
    """Run a stage of the project as a component; ends the process when it fails.

    Parameters
    ----------
    call : StageCall
        The component's inputs.
    upstream : mapping of str to (str, str)
        Folder and hash of the results of every stage that this one waits for.
    results, results_hash : str
        Where the results' folder and the text of their hash go.
    report : str or None
        Where the page goes that Kubeflow shows.
    metrics : kfp.dsl.Metrics or None
        The figures that Kubeflow shows.
    """
    folder = Path(os.environ[PROJECT_VARIABLE])
    try:
        _check_code(folder, call)
        _check_data(folder, call)
        given = {
            stage: take_over(folder, call.cohort, stage, Path(artifact), digest)
            for stage, (artifact, digest) in upstream.items()
        }
        _run(folder, call)
        marker = _marker_of_the_run(folder, call, given)
        digest = hand_on(folder, marker, Path(results))
    except GliomicsError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201  (a component's log is its output)
        sys.exit(1)
    _write(Path(results_hash), digest)
    if report is not None:
        _write(Path(report), (folder / call.report).read_text(encoding="utf-8"))
    if metrics is not None:
        found = json.loads((folder / call.metrics).read_text(encoding="utf-8"))
        for name, value in shown_figures(found).items():
            metrics.log_metric(name, value)


def kedro_command(call: StageCall) -> list[str]:
    """Give the command that runs the stage.

    Raises
    ------
    StageRunError
        If a parameter is one that the pipeline fixes, or cannot be written on a command line of Kedro's.
    """
    parameters = {name: _as_written(value) for name, value in call.parameters.items()}
    for name, value in parameters.items():
        if name in FIXED or "," in f"{name}{value}" or "=" in name:
            raise StageRunError(
                where=f"input parameters of stage {call.stage}",
                expected=f"a parameter must be none of {', '.join(FIXED)} and hold no comma",
                got=f"{name}={value}",
                fix="Give the cohort to `gliomics kubeflow compile --cohort`; write lists below conf/.",
            )
    given = ",".join(f"{name}={value}" for name, value in {"cohort": call.cohort, **parameters}.items())
    return [
        sys.executable,
        "-m",
        "kedro",
        "run",
        f"--env={call.environment}",
        f"--pipelines={call.stage}",
        f"--params={given}",
    ]


def _as_written(value: Any) -> Any:
    """Undo what JSON does to whole numbers on their way through Kubeflow."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_code(folder: Path, call: StageCall) -> None:
    found = source_hash(folder, stage_source(folder, call.stage))
    if found != call.code:
        raise StageRunError(
            where=f"stage {call.stage}",
            expected=f"the project folder must hold the code of the compiled pipeline, hash {call.code}",
            got=f"hash {found}",
            fix="Compile again with `gliomics kubeflow compile`, or check out what it was compiled from.",
        )


def _check_data(folder: Path, call: StageCall) -> None:
    """Compare the raw data with the data version that the results will be said to follow from."""
    if not call.raw:
        return
    name, _, wanted = call.data_version.rpartition(":")
    raw = folder / call.raw
    memory = sha256_memory(folder)
    found = memory.of_path(raw) if raw.is_dir() else "nothing"
    memory.keep()
    if found != wanted:
        raise StageRunError(
            where=f"stage {call.stage}, {call.raw}",
            expected=f"raw data must be that of the input data_version, {call.data_version or '(empty)'}",
            got=found,
            fix=f"Run `gliomics data rollback {name or 'VERSION'} --cohort {call.cohort}` in the project "
            "folder, or give the version that is there.",
        )


def _run(folder: Path, call: StageCall) -> None:
    command = kedro_command(call)
    marker_path(folder, call.cohort, call.stage).unlink(missing_ok=True)
    # Stages that do not follow each other share the volume: one waits for the other.
    environment = {PATIENCE_VARIABLE: str(WAIT_S), **os.environ}
    done = subprocess.run(command, cwd=folder, check=False, env=environment)  # noqa: S603  (our own arguments)
    if done.returncode:
        raise StageRunError(
            where=f"stage {call.stage}",
            expected=f"`kedro {' '.join(command[3:])}` must succeed",
            got=f"exit code {done.returncode}",
            fix="Its own message stands above.",
        )


def _marker_of_the_run(folder: Path, call: StageCall, given: Mapping[str, Mapping[str, str]]) -> StageMarker:
    """Read what the run read and wrote, and see that it read what it was given."""
    marker = read_marker(marker_path(folder, call.cohort, call.stage))
    if marker is None or (call.parameters == call.settings_of and marker.parameters != call.settings):
        raise StageRunError(
            where=f"stage {call.stage}",
            expected="it must run with the settings that the pipeline was compiled with",
            got="no record of the run"
            if marker is None
            else f"settings below conf/ with hash {marker.parameters}",
            fix="Compile again with `gliomics kubeflow compile`.",
        )
    for stage, outputs in given.items():
        both = sorted(set(outputs) & set(marker.inputs))
        other = [name for name in both if outputs[name] != marker.inputs[name]]
        if other:
            raise StageRunError(
                where=f"stage {call.stage}",
                expected=f"{other[0]} must stay as stage {stage} wrote it",
                got=f"hash {marker.inputs[other[0]]} instead of {outputs[other[0]]}",
                fix="Run one pipeline at a time on a project folder and cohort.",
            )
    return marker


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def shown_figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Choose the figures of ``metrics.json`` that Kubeflow shows beside the run: every arm's AUC.

    Parameters
    ----------
    metrics : mapping
        As in the file.

    Returns
    -------
    dict of str to float
        ``<population>.<arm>.auc``.
    """
    return {
        f"{population}.{arm}.auc": float(figures["auc"]["value"])
        for population, facts in metrics["populations"].items()
        for arm, figures in facts.get("arms", {}).items()
        if figures.get("status") == "evaluated" and isinstance(figures.get("auc"), dict)
    }
