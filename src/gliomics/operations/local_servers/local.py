"""Starting, stopping and looking at the servers of one machine."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gliomics.errors import DeploymentError
from gliomics.lineage.locks import file_lock
from gliomics.operations.environment.variables import (
    LEDGER,
    PASSWORD,
    REMOTE_URL,
    SCHEDULER,
    TRACKING_URI,
    USERNAME,
)
from gliomics.operations.local_servers.dask_cluster import Scheduler, cluster
from gliomics.operations.local_servers.postgres import Postgres
from gliomics.operations.local_servers.sftp import Sftp
from gliomics.operations.local_servers.tracking import PIPELINE, Tracking
from gliomics.operations.ports import is_free
from gliomics.operations.processes import POLL_S, Process, start
from gliomics.versioning.shared_remote import KEY_FILE, KNOWN_HOSTS

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gliomics.operations.local_servers.place import Place
    from gliomics.operations.processes import Command

PATIENCE_S: Final = 120.0
"""How long a server may take to come up; MLflow makes some hundred tables with its first start."""

TAIL: Final = 15


class Server(Protocol):
    """One of the servers."""

    @property
    def name(self) -> str:
        """What it is."""

    @property
    def address(self) -> str:
        """Where it listens."""

    @property
    def stop_signal(self) -> signal.Signals:
        """What ends it in good order."""

    def lacks(self) -> str | None:
        """Name the Debian package that is missing, if it is."""

    def prepare(self) -> None:
        """Make what it needs before it starts; does nothing the second time."""

    def command(self) -> Command:
        """Say how it is started."""

    def is_healthy(self) -> bool:
        """Whether it does its work."""


@dataclass(frozen=True)
class Status:
    """How a server is: running, and where; healthy, if it answers as it should."""

    name: str
    address: str
    pid: int | None
    healthy: bool
    log: Path


@dataclass(frozen=True)
class LocalServers:
    """The servers of one folder.

    Attributes
    ----------
    place : Place
        Their folder.
    ports : mapping of str to int
        By server, as asked for on the command line; 0 or none leaves it to us.
    workers : int
        Dask workers; none starts no scheduler either.
    """

    place: Place
    ports: Mapping[str, int]
    workers: int = 0

    def up(self, say: Callable[[str], None]) -> None:
        """Start what does not run yet; all of it or nothing.

        Parameters
        ----------
        say : callable
            Told a line at each step.

        Raises
        ------
        DeploymentError
            If a package is missing, or a server does not come up: those that were started are stopped again.
        """
        self.place.make()
        with file_lock(self.place.lock, of="the local servers", refusal=DeploymentError):
            servers = self._servers()
            _refuse_missing(servers)
            running = self.place.processes()
            started: list[Server] = []
            try:
                for server in servers:
                    self._start(server, running, started, say)
            except BaseException:
                for server in reversed(started):
                    running.pop(server.name).stop(server.stop_signal)
                    say(f"{server.name}: stopped again")
                self.place.remember(running)
                raise
            self.place.write_env(self._variables(servers))

    def down(self, say: Callable[[str], None], *, remove: bool = False) -> None:
        """Stop what runs; a process with an old number that is a stranger is left alone.

        Parameters
        ----------
        say : callable
            Told a line at each step.
        remove : bool
            Whether database, artifacts, data versions, ledger and passwords are deleted too.
        """
        if not self.place.folder.is_dir():
            say("nothing was ever started here")
            return
        with file_lock(self.place.lock, of="the local servers", refusal=DeploymentError):
            running = self.place.processes()
            order = {server.name: server for server in reversed(self._servers(every=True))}
            for name, server in order.items():
                process = running.pop(name, None)
                stopped = process is not None and process.stop(server.stop_signal)
                if process is not None:
                    say(f"{name}: {'stopped' if stopped else 'was not running'}")
            self.place.remember(running)
            if remove:
                for folder in (_postgres(order).data, self.place.folder):
                    shutil.rmtree(folder, ignore_errors=True)
                say(f"{self.place.folder}: removed, with database, artifacts, data versions and passwords")

    def status(self) -> list[Status]:
        """Look at every server."""
        if not self.place.folder.is_dir():
            return []
        running = self.place.processes()
        found = []
        for server in self._servers(every=True):
            process = running.get(server.name)
            if process is None and server.name.startswith("dask"):
                continue
            up = process is not None and process.is_running()
            pid = process.pid if process is not None and up else None
            found.append(
                Status(
                    server.name, server.address, pid, up and server.is_healthy(), self.place.log(server.name)
                )
            )
        return found

    def _servers(self, *, every: bool = False) -> list[Server]:
        ports, passwords = self.place.ports(self.ports), self.place.passwords()
        postgres = Postgres(self.place, ports["postgres"], passwords)
        tracking = Tracking(self.place, ports["mlflow"], passwords, postgres)
        workers = self.workers or (1 if every else 0)
        return [
            postgres,
            tracking,
            Sftp(self.place, ports["sftp"]),
            *cluster(self.place, ports["dask"], workers),
        ]

    def _start(
        self, server: Server, running: dict[str, Process], started: list[Server], say: Callable[[str], None]
    ) -> None:
        process = running.get(server.name)
        if process is not None and process.is_running() and server.is_healthy():
            say(f"{server.name}: runs already ({server.address})")
            return
        if process is not None:
            process.stop(server.stop_signal)
        self._refuse_taken(server)
        server.prepare()
        running[server.name] = start(server.name, server.command(), self.place.log(server.name))
        started.append(server)
        self.place.remember(running)
        self._wait(server, running[server.name])
        say(f"{server.name}: up ({server.address})")

    def _refuse_taken(self, server: Server) -> None:
        port = getattr(server, "port", None)
        if port is not None and not is_free(port):
            kind = server.name.partition("-")[0]
            raise DeploymentError(
                where=server.name,
                expected=f"port {port} must be free",
                got=f"a program that listens on port {port}",
                fix=f"Stop it, or choose another with --{kind}-port.",
            )

    def _wait(self, server: Server, process: Process) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if not process.is_running():
                raise self._did_not_come_up(server, "it ended")
            if server.is_healthy():
                return
            time.sleep(POLL_S)
        raise self._did_not_come_up(server, "no answer")

    def _did_not_come_up(self, server: Server, what: str) -> DeploymentError:
        log = self.place.log(server.name)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        return DeploymentError(
            where=server.name,
            expected=f"it must answer at {server.address} within {PATIENCE_S:g} s",
            got="\n".join([f"{what}; its last words:", *lines]),
            fix=f"See {log}.",
        )

    def _variables(self, servers: Sequence[Server]) -> dict[str, str]:
        by_name = {server.name: server for server in servers}
        sftp = by_name["sftp"]
        keys = self.place.folder / "sftp"
        variables = {
            TRACKING_URI: by_name["mlflow"].address,
            USERNAME: PIPELINE,
            PASSWORD: self.place.passwords()["mlflow_pipeline"],
            LEDGER: str(self.place.folder / "ledger.jsonl"),
            REMOTE_URL: sftp.address,
            KEY_FILE: str(keys / "user_key"),
            KNOWN_HOSTS: str(keys / "known_hosts"),
        }
        scheduler = by_name.get("dask-scheduler")
        return variables | ({SCHEDULER: scheduler.address} if isinstance(scheduler, Scheduler) else {})


def _refuse_missing(servers: Sequence[Server]) -> None:
    packages = sorted({package for server in servers if (package := server.lacks())})
    if packages:
        raise DeploymentError(
            where="this machine",
            expected="PostgreSQL and OpenSSH's server must be installed",
            got=f"no {' and no '.join(packages)}",
            fix=f"Run `apt-get install {' '.join(packages)}`.",
        )


def _postgres(servers: Mapping[str, Server]) -> Postgres:
    found = servers["postgres"]
    if not isinstance(found, Postgres):
        raise TypeError(found)
    return found
