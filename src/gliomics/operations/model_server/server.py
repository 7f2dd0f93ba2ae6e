"""One server: a version of a model behind ``mlflow models serve``, healthy and proven before it counts."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import psutil
from pydantic import BaseModel, ConfigDict

from gliomics.errors import ServingError
from gliomics.model_package.requests import CASE_ROOT
from gliomics.model_package.smoke_prediction import SMOKE_FILE, SMOKE_TOLERANCE, smoke_difference
from gliomics.operations.ports import any_free_port
from gliomics.operations.processes import Command, Process, start
from gliomics.registry.evidence import MODEL_FOLDER

if TYPE_CHECKING:
    from gliomics.operations.model_server.settings import ServingSettings

HEADER = "X-Gliomics-Model"
"""Of every answer: ``name/version/colour`` of the server that gave it."""
EXAMPLE_FILE = "serving_input_example.json"
POLL_S = 0.1


class Server(BaseModel):
    """A server that was started: what it serves, where, and its process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    colour: str
    name: str
    version: str
    port: int
    process: Process

    @property
    def label(self) -> str:
        """What the header of its answers says."""
        return f"{self.name}/{self.version}/{self.colour}"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Launch:
    """How servers are started.

    Attributes
    ----------
    folder : Path
        Each colour gets a folder in it, for its model, and a log.
    settings : ServingSettings
        Workers, limits, timeouts.
    case_root : str or None
        Below which case folders may be asked for.
    """

    folder: Path
    settings: ServingSettings
    case_root: str | None

    def start(self, colour: str, name: str, version: str) -> Server:
        """Fetch a version and start its server; it is not healthy yet.

        Fetched once and served from the disk, it needs no registry later.
        """
        place = self.folder / colour
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        uri = f"models:/{name}/{version}"
        model = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(place / "model")))
        port = any_free_port()
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "models",
            "serve",
            "--model-uri",
            str(model),
            "--env-manager",
            "local",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            str(self.settings.workers),
            "--timeout",
            str(self.settings.request_timeout_s),
        ]
        self.log(colour).unlink(missing_ok=True)
        how = Command(command, self._environment(f"{name}/{version}/{colour}"))
        process = start(colour, how, self.log(colour))
        return Server(colour=colour, name=name, version=version, port=port, process=process)

    def log(self, colour: str) -> Path:
        """Name the file that the last server of this colour writes to."""
        return self.folder / f"{colour}.log"

    def prove(self, server: Server) -> None:
        """Wait until a server is healthy, then hold its prediction of the stored example to the stored one.

        Raises
        ------
        ServingError
            If it ends, is not healthy in time, or predicts something else.
        """
        until = time.monotonic() + self.settings.start_timeout_s
        while health(server.url) != server.label:
            if not server.process.is_running():
                raise self._failed(server, "it ended")
            if time.monotonic() > until:
                raise self._failed(server, f"not within {self.settings.start_timeout_s} s")
            time.sleep(POLL_S)
        model = next((self.folder / server.colour / "model").rglob("MLmodel")).parent
        stored = json.loads((model / MODEL_FOLDER / SMOKE_FILE).read_text(encoding="utf-8"))
        status, text = ask(server.url, (model / EXAMPLE_FILE).read_bytes(), self.settings.request_timeout_s)
        if status != 200:
            raise self._failed(server, f"to its example it answered {status}: {text[:300]}")
        found = json.loads(text)["predictions"][0]
        if not smoke_difference(found, stored) <= SMOKE_TOLERANCE:
            given = {key: found.get(key) for key in stored}
            raise self._failed(server, f"of its example it predicts {given} where {stored} is stored")

    def _failed(self, server: Server, got: str) -> ServingError:
        log = self.log(server.colour)
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        errors = [line for line in lines if "Error" in line or "Exception:" in line]
        said = f"; its log says: {errors[0].strip()[:300]}" if errors else ""
        return ServingError(
            where=f"{server.name}, version {server.version} ({server.colour})",
            expected="the new server must be healthy and give the stored prediction of the stored example",
            got=f"{got}{said}",
            fix=f"The whole log is {log}.",
        )

    def _environment(self, label: str) -> dict[str, str]:
        """Pass on what is there, credentials of the tracking server included, and what makes it a server."""
        commands = str(Path(sys.executable).parent)
        ours = {
            "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', '')}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "UVICORN_HTTP": "gliomics_guard:GuardedProtocol",
            "UVICORN_HEADERS": f"{HEADER}:{label}",
            "UVICORN_SERVER_HEADER": "false",
            "UVICORN_ACCESS_LOG": "false",
            "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": str(self.settings.request_timeout_s),
            "GLIOMICS_MAX_BODY_BYTES": str(self.settings.max_body_kib * 1024),
        }
        if self.case_root is not None:
            ours[CASE_ROOT] = self.case_root
        return {**os.environ, **ours}


def health(url: str) -> str | None:
    """Ask a server who it is: ``name/version/colour``, or None if it does not answer."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2.0) as answer:  # noqa: S310  (loopback)
            label: str | None = answer.headers.get(HEADER)
    except OSError:
        return None
    return label


def ask(url: str, body: bytes, timeout_s: float) -> tuple[int, str]:
    """Ask for predictions: the status and the text of the answer."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/invocations", data=body, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def resident_mib(server: Server) -> float:
    """Sum the memory of a server and its children, in MiB."""
    total = 0
    for pid in server.process.members():
        try:
            total += psutil.Process(pid).memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20
