"""Environment variables that an environment's settings name: missing ones are named, secrets never shown."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from gliomics.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TRACKING_URI: Final = "MLFLOW_TRACKING_URI"
USERNAME: Final = "MLFLOW_TRACKING_USERNAME"
PASSWORD: Final = "MLFLOW_TRACKING_PASSWORD"  # noqa: S105  (a name)
LEDGER: Final = "GLIOMICS_LEDGER"
REMOTE_URL: Final = "GLIOMICS_DVC_REMOTE_URL"
SCHEDULER: Final = "GLIOMICS_DASK_SCHEDULER"

MEANING: Final[Mapping[str, str]] = {
    TRACKING_URI: "address of the MLflow tracking server, such as https://mlflow.example.org",
    USERNAME: "account at the tracking server",
    PASSWORD: "password of that account",
    LEDGER: "whole path of the registry's ledger, on a folder that all share",
    REMOTE_URL: "where data versions are kept: ssh://user@host:port/folder, s3://bucket/folder, a folder",
    SCHEDULER: "address of the Dask scheduler, such as tcp://scheduler:8786",
}
SECRETS: Final = (
    PASSWORD,
    "MLFLOW_TRACKING_TOKEN",
    "GLIOMICS_DVC_PASSWORD",
    "GLIOMICS_DVC_PASSPHRASE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
"""Variables whose values must not be shown anywhere."""

HIDDEN: Final = "(hidden)"
SHORTEST_SECRET: Final = 6
"""Shorter values are not looked for in texts: too much would be hidden by chance."""

CREDENTIALS: Final = "servers"
"""Entry of credentials.yml whose keys are variables; kedro-mlflow exports it too (server.credentials)."""

_ASKED = re.compile(r"\$\{gliomics\.env:\s*(\w+)\s*\}")


def read_variable(name: str) -> str:
    """Resolve ``${gliomics.env:NAME}``.

    Raises
    ------
    DeploymentError
        If the variable is not set, or empty.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        raise missing([name])
    return value


def missing(names: list[str]) -> DeploymentError:
    """Build the error for variables that are not set; says what each one is for."""
    told = "; ".join(f"{name} ({MEANING[name]})" if name in MEANING else name for name in names)
    return DeploymentError(
        where="environment variables" if len(names) > 1 else "environment variable",
        expected=f"these must be set: {told}" if len(names) > 1 else f"{told} must be set",
        got=f"no value for {', '.join(names)}",
        fix="Export it, or write it below `servers:` in the git-ignored conf/<env>/credentials.yml. "
        "`make prod-up` starts servers on this machine and writes .gliomics/prod/env, to be loaded with `.`.",
    )


def asked_by(conf: Path) -> list[str]:
    """List the variables that the settings in a folder below conf/ ask for, sorted.

    Parameters
    ----------
    conf : Path
        Such as ``conf/prod``.
    """
    found: set[str] = set()
    for file in sorted(conf.glob("**/*.yml")):
        lines = file.read_text(encoding="utf-8").splitlines()
        found.update(
            name for line in lines if not line.lstrip().startswith("#") for name in _ASKED.findall(line)
        )
    return sorted(found)


def require(names: list[str]) -> None:
    """Check that variables are set.

    Raises
    ------
    DeploymentError
        Naming all that are not.
    """
    absent = [name for name in names if not os.environ.get(name, "").strip()]
    if absent:
        raise missing(absent)


def export_credentials(credentials: Mapping[str, Any]) -> None:
    """Put the entry ``servers`` of credentials.yml into the process's environment, as kedro-mlflow does.

    Parameters
    ----------
    credentials : mapping
        The whole file. What it names wins over what was exported.

    Raises
    ------
    DeploymentError
        If the entry is not a list of variables and texts.
    """
    entry = credentials.get(CREDENTIALS) or {}
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise DeploymentError(
            where=f"credentials.yml, {CREDENTIALS}",
            expected="variables with their values in quotes",
            got=f"{HIDDEN}, another form",
            fix=f"Write lines such as `{USERNAME}: pipeline` below it.",
        )
    os.environ.update(entry)


def redact(text: str) -> str:
    """Replace the value of every secret variable in a text."""
    for name in SECRETS:
        value = os.environ.get(name, "")
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, HIDDEN)
    return text
