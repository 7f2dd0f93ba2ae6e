"""The MLflow tracking server: accounts and passwords, PostgreSQL behind it, artifacts handed through."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import requests

from gliomics.errors import DeploymentError
from gliomics.lineage.durable_files import write_private
from gliomics.operations.local_servers.postgres import DATABASES, PASSFILE
from gliomics.operations.ports import HOST
from gliomics.operations.processes import Command

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.operations.local_servers.place import Place
    from gliomics.operations.local_servers.postgres import Postgres

ADMIN: Final = "admin"
PIPELINE: Final = "pipeline"
"""The ordinary account that runs and promotes; what it makes is its own, others may read it."""

TIMEOUT_S: Final = 10
AUTH_INI: Final = """[mlflow]
default_permission = READ
database_uri = {database}
admin_username = {admin}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""
"""Without the cache each request costs the server a tenth of a second of hashing. All of its workers know a
changed password after this time."""


@dataclass(frozen=True)
class Tracking:
    """The tracking server."""

    place: Place
    port: int
    passwords: dict[str, str]
    postgres: Postgres
    name: str = "mlflow"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def _auth_ini(self) -> Path:
        return self.place.folder / "auth.ini"

    @staticmethod
    def lacks() -> str | None:
        """Nothing: it comes with the project's own environment."""
        return None

    def prepare(self) -> None:
        """Write what its accounts are kept in."""
        write_private(self._auth_ini, AUTH_INI.format(database=self.postgres.uri(DATABASES[1]), admin=ADMIN))

    def command(self) -> Command:
        """Say how it is started; passwords come from files and the environment, which others cannot read."""
        arguments = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--app-name",
            "basic-auth",
            "--host",
            HOST,
            "--port",
            str(self.port),
            "--workers",
            "2",
            "--backend-store-uri",
            self.postgres.uri(DATABASES[0]),
            "--serve-artifacts",
            "--artifacts-destination",
            str(self.place.folder / "artifacts"),
        ]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "GLIOMICS_", "PG"))}
        environment = {
            **inherited,
            "PGPASSFILE": str(self.place.folder / PASSFILE),
            "MLFLOW_AUTH_CONFIG_PATH": str(self._auth_ini),
            "MLFLOW_AUTH_ADMIN_PASSWORD": self.passwords["mlflow_admin"],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": self.passwords["mlflow_session"],
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        return Command(arguments, environment, None, self.place.folder)

    def is_healthy(self) -> bool:
        """Whether it answers and knows the pipeline's account, which is made with the first start."""
        try:
            if requests.get(f"{self.address}/health", timeout=TIMEOUT_S).text.strip() != "OK":
                return False
            known = self._ask("GET", "users/current", PIPELINE, "mlflow_pipeline")
            if known == requests.codes.unauthorized:
                known = self._make_account()
        except requests.RequestException:
            return False
        return bool(known == requests.codes.ok)

    def _make_account(self) -> int:
        facts = {"username": PIPELINE, "password": self.passwords["mlflow_pipeline"]}
        made = self._ask("POST", "users/create", ADMIN, "mlflow_admin", facts)
        if made == requests.codes.unauthorized:
            raise DeploymentError(
                where="MLflow",
                expected=f"the server on port {self.port} must be the one of {self.place.folder}",
                got=f"one that answers {made} to the administrator's password",
                fix="Choose another port with --mlflow-port.",
            )
        return made

    def _ask(
        self, method: str, what: str, user: str, password: str, facts: dict[str, str] | None = None
    ) -> int:
        answer = requests.request(
            method,
            f"{self.address}/api/2.0/mlflow/{what}",
            json=facts,
            timeout=TIMEOUT_S,
            auth=(user, self.passwords[password]),
        )
        return int(answer.status_code)
