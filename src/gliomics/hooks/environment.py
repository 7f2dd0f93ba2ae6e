"""Kedro hooks: an environment's variables, credentials, logs and servers, before anything else happens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from kedro.config import MissingConfigException
from kedro.framework.hooks import hook_impl
from mlflow.utils.logging_utils import disable_logging

from gliomics.errors import DeploymentError
from gliomics.hooks.refusal import Refusal
from gliomics.operations.environment.json_logs import add_context, has_own_logs
from gliomics.operations.environment.readiness import Servers, prepare
from gliomics.operations.environment.variables import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kedro.config import AbstractConfigLoader
    from kedro.framework.context import KedroContext


class DeploymentHooks:
    """Gets the environment ready and checks its servers, before configuration is resolved."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Stop here, with one message, where a variable is missing or a server refuses."""
        folder, env = Path(context.project_path), context.env or "base"
        try:
            prepare(folder, env, lambda kind: read_config(context.config_loader, kind))
            if has_own_logs(folder / "conf" / env):
                # MLflow writes plain lines round the logging of Python.
                disable_logging()  # type: ignore[no-untyped-call]
            parameters = read_config(context.config_loader, "parameters")
            tracking = read_config(context.config_loader, "mlflow")
            servers = Servers(
                folder,
                parameters,
                str(tracking["server"]["mlflow_tracking_uri"]),
                str(tracking["tracking"]["experiment"]["name"]),
            )
            if servers.settings.servers:
                add_context(cohort=str(parameters["cohort"]))
            servers.check_all()
        except DeploymentError as error:
            raise Refusal(redact(str(error))) from error

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Let the lines of the log carry the id of the MLflow run."""
        run = mlflow.active_run()
        add_context(run_id=run.info.run_id if run is not None else None)


def read_config(loader: AbstractConfigLoader, kind: str) -> Mapping[str, Any]:
    """Read a kind of configuration; an empty mapping where no file has it.

    Parameters
    ----------
    loader : AbstractConfigLoader
        Of the project and environment.
    kind : str
        Such as ``parameters``, ``mlflow`` or ``credentials``.
    """
    patterns: dict[str, list[str]] = getattr(loader, "config_patterns", {})
    if kind == "mlflow":
        patterns.setdefault(kind, ["mlflow*", "mlflow*/**", "**/mlflow*"])
    try:
        found: Mapping[str, Any] = loader[kind]
    except MissingConfigException:
        return {}
    return found
