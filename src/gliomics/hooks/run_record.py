"""Kedro hooks: what a run leaves behind in MLflow, and the lines that it ends with. No science."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from mlflow.entities import Metric, Param
from mlflow.telemetry import set_telemetry_client
from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH
from pydantic import BaseModel

from gliomics import __version__
from gliomics.compute import close_cluster
from gliomics.datasets.atomic_file import AtomicFileDataset
from gliomics.datasets.file_folder import FileFolderDataset
from gliomics.errors import SettingsError
from gliomics.hooks.quiet_kedro_mlflow import MlflowHook
from gliomics.reporting.result_lines import summary_lines

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)

# Tags that kedro-mlflow sets and that hold a path of this machine.
MACHINE_TAGS = ("project_path", "conf_source")
METRICS_A_CALL, PARAMS_A_CALL = 1000, 100
"""As many as MLflow takes at once."""
Stamp = tuple[int, int] | None
"""Inode and time of a file or folder; None where there is none."""


QUIET_MLFLOW = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
NOT_LOGGED = "params:registry.ledger"
"""A parameter that is a path of a machine."""


class TypedParameterTracking(MlflowHook):  # type: ignore[misc]
    """kedro-mlflow's own hook, which here logs validated settings key by key, many at once and each once.

    One call a parameter, as kedro-mlflow does it, takes minutes against a server with passwords.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, str] = {}
        self._logged: set[tuple[str, str]] = set()

    @hook_impl
    def before_node_run(
        self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], is_async: bool
    ) -> None:
        """Log the node's parameters, settings models as the dictionaries that they came from."""
        plain = {
            name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
            for name, value in inputs.items()
            if name != NOT_LOGGED
        }
        self._waiting.clear()
        super().before_node_run(node=node, catalog=catalog, inputs=plain, is_async=is_async)
        run = mlflow.active_run()
        if run is None:
            return
        run_id = run.info.run_id
        fresh = [Param(key, text) for key, text in self._waiting.items() if (run_id, key) not in self._logged]
        for start in range(0, len(fresh), PARAMS_A_CALL):
            mlflow.MlflowClient().log_batch(run_id, params=fresh[start : start + PARAMS_A_CALL])
        self._logged.update((run_id, param.key) for param in fresh)

    def _log_param(self, name: str, value: object) -> None:
        """Keep a parameter for the batch; one that is too long goes kedro-mlflow's way."""
        if len(str(value)) > MAX_PARAM_VAL_LENGTH:
            super()._log_param(name, value)
        else:
            self._waiting[name] = str(value)


class RunRecordHooks:
    """Tags the MLflow run, attaches the datasets that ask for it and says where the results are."""

    def __init__(self) -> None:
        self._project = Path()
        self._started = 0.0
        self._node_started: dict[str, float] = {}
        self._before: dict[str, Stamp] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Keep MLflow quiet and at home, remember the project, check every setting before any work."""
        for name, value in QUIET_MLFLOW.items():
            os.environ.setdefault(name, value)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # MLflow reads the variables again: no usage data leaves the machine.
        set_telemetry_client()  # type: ignore[no-untyped-call]
        self._project = Path(context.project_path)
        _ = context.params  # Kedro validates typed parameters when they are first read

    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Tag the run, once kedro-mlflow has started it; refuse a run that lacks what it reads."""
        atexit.register(_end_as_killed)
        _exit_on_sigterm()
        only_missing = bool(run_params.get("only_missing_outputs"))
        self._before = (
            {name: _stamp(name, catalog) for name in pipeline.all_outputs()} if only_missing else {}
        )
        try:
            if not only_missing:
                _refuse_absent_inputs(pipeline, catalog)
            if "external_champion" in pipeline.inputs():
                catalog.load("external_champion")
        except Exception:  # Kedro calls no hook for an error before the first node
            mlflow.end_run("FAILED")
            raise
        self._started = time.perf_counter()
        cohort = catalog.load("params:cohort")
        settings = catalog.load("params:cohort_settings")
        logger.info("%s: cohort %s (%s)", "run", cohort, _field(settings, "title"))
        if _field(settings, "synthetic"):
            logger.warning("cohort %s is SYNTHETIC: its figures say nothing about patients", cohort)
        run = mlflow.active_run()
        if run is None:
            return
        client = mlflow.MlflowClient()
        for tag in MACHINE_TAGS:
            if tag in client.get_run(run.info.run_id).data.tags:
                client.delete_tag(run.info.run_id, tag)
        mlflow.set_tags(
            {
                "gliomics.cohort": cohort,
                "gliomics.environment": run_params.get("env") or "base",
                "gliomics.version": __version__,
                "gliomics.synthetic": str(bool(_field(settings, "synthetic"))).lower(),
            }
        )

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the node's clock."""
        self._node_started[node.name] = time.perf_counter()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Say, at DEBUG, how long a node took; its own INFO line carries the counts."""
        logger.debug("%s took %.1f s", node.name, time.perf_counter() - self._node_started[node.name])

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Attach results to the MLflow run before kedro-mlflow ends it, and say where they are.

        Under ``--only-missing-outputs`` Kedro hands over the whole pipeline whatever it has skipped: only
        what was made counts, and a run that made nothing leaves no MLflow run.
        """
        run = mlflow.active_run()
        outputs = sorted(
            name
            for name in pipeline.all_outputs()
            if name not in self._before or self._before[name] != _stamp(name, catalog)
        )
        if not outputs:
            logger.info(
                "nothing to do: all %d outputs are there. --only-missing-outputs asks whether they exist, "
                "not whether they are up to date; `dvc repro` does.",
                len(self._before),
            )
            if run is not None:
                mlflow.end_run()
                mlflow.MlflowClient().delete_run(run.info.run_id)
            return
        if run is not None:
            for name in outputs:
                self._log_dataset(name, catalog)
            if "metrics" in outputs:
                mlflow.log_metrics(flat_metrics(catalog.load("metrics")))
            if "training_curves" in outputs:
                _log_curves(run.info.run_id, catalog.load("training_curves"))
        self._say_where(outputs, catalog)
        close_cluster()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let the workers of a Dask cluster go."""
        close_cluster()

    def _log_dataset(self, name: str, catalog: DataCatalog) -> None:
        dataset = catalog.get(name)
        if not isinstance(dataset, AtomicFileDataset | FileFolderDataset) or not dataset.exists():
            return
        if not (dataset.metadata or {}).get("gliomics", {}).get("log_to_mlflow", False):
            return
        if isinstance(dataset, FileFolderDataset):
            mlflow.log_artifacts(str(dataset.path), artifact_path=name)
        else:
            mlflow.log_artifact(str(dataset.filepath))

    def _say_where(self, outputs: list[str], catalog: DataCatalog) -> None:
        logger.info("finished in %.0f s", time.perf_counter() - self._started)
        if "metrics" in outputs:
            for line in summary_lines(catalog.load("metrics")):
                logger.info("%s", line)
            logger.info("metrics: %s", self._place("metrics", catalog))
        if "report" in outputs:
            logger.info("report:  %s", self._place("report", catalog))
        if "registered_model" in outputs:
            registered = catalog.load("registered_model")
            if registered["status"] == "registered":
                logger.info(
                    "model:   %s (version %s of %s)",
                    registered["uri"],
                    registered["version"],
                    registered["name"],
                )
            else:
                logger.warning("model:   none registered: %s", registered["reason"])

    def _place(self, name: str, catalog: DataCatalog) -> str:
        dataset = catalog.get(name)
        if not isinstance(dataset, AtomicFileDataset):
            return name
        path = dataset.filepath
        return str(path.relative_to(self._project) if path.is_relative_to(self._project) else path)


def _refuse_absent_inputs(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Refuse a part of the pipeline whose inputs no run has left; name the stages to run first."""
    absent = sorted(
        name for name in pipeline.inputs() if not name.startswith("params:") and not catalog.exists(name)
    )
    if not absent:
        return
    pipelines.set_requested(None)  # of a part of the pipelines Kedro has read no other
    order = {node.name: place for place, node in enumerate(pipelines["__default__"].nodes)}
    writers = sorted(
        (
            name
            for name, stage in pipelines.items()
            if not name.startswith("__") and set(absent) & stage.all_outputs()
        ),
        key=lambda name: min(order[node.name] for node in pipelines[name].nodes),
    )
    if writers:
        raise SettingsError(
            where="kedro run",
            expected="what the run reads must be there",
            got=f"no {', '.join(absent)}",
            fix=f"Run first what writes it: `kedro run --pipelines {','.join(writers)}`, in the same "
            "environment and on the same cohort.",
        )


def _stamp(name: str, catalog: DataCatalog) -> Stamp:
    """Tell a file or folder from the one that a save puts in its place by renaming."""
    dataset = catalog.get(name)
    place = getattr(dataset, "filepath", None) or getattr(dataset, "path", None)
    if place is None or not Path(place).exists():
        return None
    facts = Path(place).stat()
    return facts.st_ino, facts.st_mtime_ns


def _log_curves(run_id: str, curves: pd.DataFrame) -> None:
    points = curve_metrics(curves)
    for start in range(0, len(points), METRICS_A_CALL):
        mlflow.MlflowClient().log_batch(run_id, points[start : start + METRICS_A_CALL])


def _end_as_killed() -> None:
    """Close, at exit, a run that neither ended nor failed: it was interrupted.

    Kedro calls no hook on Ctrl-C, and MLflow's own exit handler would call such a run finished. kedro-mlflow
    activates the run again at every node and ends it once, so that a run that ended well can still be active
    here: it keeps the status that it ended with.
    """
    while (run := mlflow.active_run()) is not None:
        status = mlflow.MlflowClient().get_run(run.info.run_id).info.status
        mlflow.end_run("KILLED" if status == "RUNNING" else status)


def _exit_on_sigterm() -> None:
    """Let SIGTERM end the process as an exit does, so that the run is closed as killed."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def _field(settings: Any, name: str) -> Any:
    return settings.get(name) if isinstance(settings, dict) else getattr(settings, name)


def flat_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """Flatten the numbers of the metrics file into MLflow's ``a.b.c`` names.

    Parameters
    ----------
    metrics : dict
        As in ``metrics.json``.

    Returns
    -------
    dict of str to float
        ``<population>.<arm>.<figure>[.<part>]`` for every number of every evaluated arm.
    """
    flat: dict[str, float] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "candidates":  # counts whose names MLflow does not allow
                    continue
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        elif isinstance(value, int | float):
            flat[prefix] = float(value)

    for population, facts in metrics["populations"].items():
        walk(population, facts.get("arms", {}))
    return flat


def curve_metrics(curves: pd.DataFrame) -> list[Metric]:
    """Turn the loss curves of networks trained on observed labels into MLflow's histories.

    Parameters
    ----------
    curves : DataFrame
        As `gliomics.networks.training.fold_networks.curves_table` makes it; those of permuted labels stay in
        the file.

    Returns
    -------
    list of Metric
        ``cnn3d.<sampling>.<repeat and fold, or final>.<phase>.<loss>``, the epoch as the step.
    """
    metrics, now = [], int(1000 * time.time())
    for point in curves[curves["permutation"] == 0].to_dict(orient="records"):
        final = pd.isna(point["repeat"])
        place = "final" if final else f"repeat{int(point['repeat'])}_fold{int(point['fold'])}"
        metrics += [
            Metric(
                f"cnn3d.{point['sampling']}.{place}.{point['phase']}.{loss}",
                float(point[loss]),
                now,
                int(point["epoch"]),
            )
            for loss in ("train_loss", "validation_loss")
            if not pd.isna(point[loss])
        ]
    return metrics
