"""nginx in front of the two servers: rendered, tested, started, switched and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import psutil
from jinja2 import Environment, StrictUndefined

from gliomics.errors import ServingError
from gliomics.lineage.durable_files import write_whole
from gliomics.operations.processes import Process, adopt

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.operations.model_server.settings import ServingSettings

TEMPLATE = "nginx.conf.j2"
POLL_S = 0.05
PLACES = ("/usr/sbin/nginx", "/usr/local/sbin/nginx")
"""Where an ordinary user's PATH does not look."""


@dataclass(frozen=True)
class Upstream:
    """The server that answers: its colour, its port, and the model that it has."""

    colour: str
    port: int
    name: str
    version: str


@dataclass(frozen=True)
class Proxy:
    """An nginx of its own, with all its files in one folder.

    Attributes
    ----------
    folder : Path
        Absolute.
    settings : ServingSettings
        Limits and timeouts.
    """

    folder: Path
    settings: ServingSettings

    @property
    def configuration(self) -> Path:
        """The file that nginx reads."""
        return self.folder / "nginx.conf"

    def start(self, upstream: Upstream) -> Process:
        """Start nginx before a server.

        Raises
        ------
        ServingError
            If there is no nginx, its configuration does not pass its own test, or the port is taken.
        """
        self.configure(upstream)
        done = subprocess.run(self._command(), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            where = f"{self.settings.host}:{self.settings.port}"
            raise ServingError(
                where=f"nginx on {where}",
                expected="it must start",
                got=_last_line(done.stderr),
                fix="Choose a free port with --port, or end what listens there.",
            )
        return adopt("nginx", self._pid())

    def configure(self, upstream: Upstream) -> None:
        """Write the configuration for a server, after nginx has tested it beside its place.

        Raises
        ------
        ServingError
            If the test fails; the configuration in place stays as it was.
        """
        text = render(self.folder, self.settings, upstream)
        (self.folder / "temporary").mkdir(parents=True, exist_ok=True)
        trial = self.folder / "nginx-trial.conf"
        trial.write_text(text, encoding="utf-8")
        command = [_nginx(), "-t", "-q", "-p", str(self.folder), "-c", str(trial)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        trial.unlink()
        if done.returncode:
            raise ServingError(
                where="nginx -t",
                expected="the configuration must pass",
                got=_last_line(done.stderr),
                fix="Correct conf/base/serving/parameters.yml; nothing was changed.",
            )
        write_whole(self.configuration, text.encode())

    def switch(self, started: Process, upstream: Upstream) -> list[psutil.Process]:
        """Let a running nginx take its new requests to another server.

        Returns
        -------
        list of psutil.Process
            The workers of before: each ends when the last request that it took has been answered.
        """
        if not started.is_running():
            raise ServingError(
                where="nginx",
                expected="it must run",
                got=f"process {started.pid} has ended",
                fix="Run `gliomics serve up`.",
            )
        self.configure(upstream)
        master = psutil.Process(started.pid)
        before: list[psutil.Process] = master.children()
        master.send_signal(signal.SIGHUP)
        return before

    def drained(self, workers: list[psutil.Process]) -> bool:
        """Wait until the workers of before have ended, at most as long as nginx lets them."""
        _, left = psutil.wait_procs(workers, timeout=self.drain_s + 5.0)
        return not left

    @property
    def drain_s(self) -> int:
        """The longest that a request can last: sent slowly, then predicted."""
        return self.settings.request_timeout_s + self.settings.client_timeout_s

    def stop(self, started: Process) -> bool:
        """End nginx; requests that it has taken are answered first."""
        return started.stop(signal.SIGQUIT, self.drain_s + 5.0)

    def _command(self) -> list[str]:
        return [_nginx(), "-p", str(self.folder), "-c", str(self.configuration)]

    def _pid(self) -> int:
        """Read the pid file, which nginx writes just after its command has come back."""
        path, until = self.folder / "nginx.pid", time.monotonic() + 5.0
        while not (path.is_file() and path.read_text().strip()):
            if time.monotonic() > until:
                raise ServingError(
                    where="nginx",
                    expected="it must write nginx.pid",
                    got="none within 5 s",
                    fix="See nginx-error.log.",
                )
            time.sleep(POLL_S)
        return int(path.read_text())


def render(folder: Path, settings: ServingSettings, upstream: Upstream) -> str:
    """Write nginx's configuration.

    Parameters
    ----------
    folder : Path
        For its pid, logs and temporary files.
    settings : ServingSettings
        Limits and timeouts.
    upstream : Upstream
        Who answers.

    Returns
    -------
    str
        The file.
    """
    if any(sign in str(folder) for sign in " \t;{}\"'$\\"):
        raise ServingError(
            where="serving folder",
            expected="its path must hold no spaces, quotes or signs of nginx",
            got=str(folder),
            fix="Clone the project to another place.",
        )
    template = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    return environment.from_string(template).render(
        settings.model_dump(),
        folder=str(folder),
        drain_s=settings.request_timeout_s + settings.client_timeout_s,
        proxy_timeout_s=settings.request_timeout_s + 5,
        colour=upstream.colour,
        upstream_port=upstream.port,
        name=upstream.name,
        version=upstream.version,
    )


def _nginx() -> str:
    found = shutil.which("nginx") or next((p for p in PLACES if os.access(p, os.X_OK)), None)
    if found is None:
        raise ServingError(
            where="gliomics serve",
            expected="the program nginx must be installed",
            got=f"it is neither on PATH nor at {' or '.join(map(str, PLACES))}",
            fix="Install it, on Debian with `apt-get install nginx`.",
        )
    return found


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if "still could not bind" not in line]
    return lines[-1] if lines else "no reason given"
