"""Kedro hooks: what a run follows from, taken when it starts, and the markers of its whole stages."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from mlflow.entities import Dataset, DatasetInput, InputTag

from gliomics.errors import DataVersionError
from gliomics.hooks.refusal import Refusal
from gliomics.lineage.locks import acquire
from gliomics.lineage.run_facts import (
    FEATURES_HASH,
    RunFacts,
    code_hash,
    environment_hash,
    parameters_hash,
    settings_hash,
    weights_hash,
)
from gliomics.lineage.run_markers import StageMarker, write_marker
from gliomics.versioning.git_tags import changed_paths, head_commit
from gliomics.versioning.project import (
    cohort_lock,
    features_hash,
    journal_path,
    learned_from,
    marker_path,
    sha256_memory,
)
from gliomics.versioning.recording import stage_code
from gliomics.versioning.rollback import finish_interrupted
from gliomics.versioning.stages import PACKAGE, Stage, describe_stages

if TYPE_CHECKING:
    from collections.abc import Generator

    from kedro.framework.context import KedroContext
    from kedro.pipeline import Pipeline

RAW = "raw_folder"
MLFLOW_DIGEST = 36
"""Longest digest of a dataset that MLflow takes."""
TOLD = ("kedro_command", "runtime_params")
SOURCE = "mlflow.source.name"
"""Tags that may hold a path of this machine; the last one is the path of a program."""
ELSEWHERE = "(outside the project)"


class LineageHooks:
    """Tags the run with what it follows from, and leaves the markers that ``gliomics dvc record`` reads."""

    def __init__(self) -> None:
        self._folder = Path()
        self._catalog: dict[str, Any] = {}
        self._parameters: dict[str, Any] = {}
        self._cohort = ""
        self._lock: int | None = None
        self._stages: list[Stage] = []
        self._code: dict[str, str] = {}
        self._hashes: dict[str, str] = {}
        self._memory = sha256_memory(self._folder)

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Finish or undo what a killed command left half done, before anything is computed."""
        self._folder = Path(context.project_path)
        self._catalog = dict(context.config_loader["catalog"])
        self._parameters = dict(context.config_loader["parameters"])
        finish_interrupted(self._folder)

    @hook_impl(wrapper=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline
    ) -> Generator[None, object, object]:
        """Hold the cohort's data still; once MLflow's run has started, tag it with what it follows from.

        A run that is refused because another one holds the data leaves no MLflow run.
        """
        self._cohort = str(self._parameters["cohort"])
        try:
            self._hold_data()
            answers = yield
            self._record_origin(run_params, pipeline)
        except DataVersionError as error:
            self._let_go()
            raise Refusal(str(error)) from error
        except BaseException:
            self._let_go()
            raise
        return answers

    def _record_origin(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        memory = self._memory = sha256_memory(self._folder)
        whole = {
            name: stage
            for name, stage in pipelines.items()
            if not name.startswith("__") and set(stage.nodes) <= set(pipeline.nodes)
        }
        self._stages = describe_stages(self._folder, whole, self._catalog)
        self._code = {stage.name: stage_code(self._folder, stage) for stage in self._stages}
        made = pipeline.all_outputs()
        self._hashes = {}
        for name in sorted(set(self._places()) - made):
            place = self._folder / self._places()[name]
            if place.exists() and (name in pipeline.inputs() or name in learned_from(self._catalog)):
                self._hashes[name] = memory.of_path(place)
        raw = self._folder / self._places()[RAW]
        facts = self._facts(run_params, memory.of_path(raw) if raw.is_dir() else None)
        memory.keep()
        run = mlflow.active_run()
        if run is not None:
            mlflow.set_tags(facts.tags())
            _hide_machine_paths(run.info.run_id)
            self._log_inputs({RAW: facts.raw_hash} if facts.raw_hash else {}, "raw data")
        self._tag_features()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Hash what was saved, and tag the run once all that models learn from is there."""
        place = self._places().get(dataset_name)
        if place is None or not (self._folder / place).exists():
            return
        self._hashes[dataset_name] = self._memory.of_path(self._folder / place)
        if dataset_name in learned_from(self._catalog):
            self._tag_features()

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Generator[None, object, object]:
        """Leave a marker for every stage that was run whole; let the data go when all is recorded."""
        try:
            self._write_markers()
            return (yield)
        finally:
            self._let_go()

    def _write_markers(self) -> None:
        for stage in self._stages:
            places = {**stage.inputs, **stage.outputs}
            if set(places) <= set(self._hashes):
                marker = StageMarker(
                    code=self._code[stage.name],
                    parameters=parameters_hash(self._parameters, stage.parameters),
                    inputs={_shown(place): self._hashes[name] for name, place in stage.inputs.items()},
                    outputs={_shown(place): self._hashes[name] for name, place in stage.outputs.items()},
                )
                write_marker(marker_path(self._folder, self._cohort, stage.name), marker)

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let the cohort's data go."""
        self._let_go()

    def _hold_data(self) -> None:
        """Take the cohort's lock, at a moment when no change of its data is half done.

        Nobody shares it: two runs at once would mix their files, and register a model of both.
        """
        self._let_go()
        while self._lock is None:
            self._lock = acquire(cohort_lock(self._folder, self._cohort))
            if journal_path(self._folder).exists():
                self._let_go()
                finish_interrupted(self._folder)

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _facts(self, run_params: dict[str, Any], raw_hash: str | None) -> RunFacts:
        changed = changed_paths(self._folder)
        return RunFacts(
            cohort=self._cohort,
            environment=str(run_params.get("env") or "base"),
            commit=head_commit(self._folder),
            changed=None if changed is None else tuple(changed),
            raw_hash=raw_hash,
            settings_hash=settings_hash(self._parameters),
            code_hash=code_hash(self._folder / PACKAGE),
            environment_hash=environment_hash(),
            weights_hash=weights_hash(self._parameters),
        )

    def _places(self) -> dict[str, str]:
        return {
            name: str(place)
            for name, entry in self._catalog.items()
            if not name.startswith("_")
            and not entry["type"].endswith(".CaseStoreDataset")
            and (place := entry.get("filepath") or entry.get("path"))
        }

    def _tag_features(self) -> None:
        wanted = learned_from(self._catalog)
        if mlflow.active_run() is None or not set(wanted) <= set(self._hashes):
            return
        found = features_hash(self._folder, self._catalog, self._memory)
        if found is not None:
            mlflow.set_tag(FEATURES_HASH, found)
            self._log_inputs({name: self._hashes[name] for name in wanted}, "training")

    def _log_inputs(self, hashes: dict[str, str], context: str) -> None:
        run = mlflow.active_run()
        if run is None or not hashes:
            return
        inputs = [
            DatasetInput(
                Dataset(
                    name=name,
                    digest=digest[:MLFLOW_DIGEST],
                    source_type="local",
                    source=json.dumps({"uri": _shown(self._places()[name])}),
                ),
                [InputTag("mlflow.data.context", context)],
            )
            for name, digest in sorted(hashes.items())
        ]
        mlflow.MlflowClient().log_inputs(run.info.run_id, inputs)


def _shown(place: str) -> str:
    """Name a place inside the project; a path elsewhere on the machine is nobody's business."""
    return ELSEWHERE if Path(place).is_absolute() or ".." in Path(place).parts else place


def _hide_machine_paths(run_id: str) -> None:
    """Take paths of this machine out of the tags that MLflow and kedro-mlflow set."""
    client = mlflow.MlflowClient()
    tags = client.get_run(run_id).data.tags
    for name in TOLD:
        if name in tags:
            client.set_tag(run_id, name, without_paths(tags[name]))
    if SOURCE in tags:
        client.set_tag(run_id, SOURCE, Path(tags[SOURCE]).name)


def without_paths(text: str) -> str:
    """Replace every path that leads out of the project by a word.

    Parameters
    ----------
    text : str
        Such as a command line.

    Returns
    -------
    str
        With ``(outside the project)`` for absolute paths and paths that go up.
    """
    return re.sub(r"(?<![\w.:/])(?:~|\.\.|[A-Za-z]:)?(?:[/\\][^\s,'\"/\\]+)+[/\\]?", ELSEWHERE, text)
