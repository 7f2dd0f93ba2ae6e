"""A Dask scheduler and its workers, in the project's own environment."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gliomics.operations.ports import HOST, listens
from gliomics.operations.processes import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gliomics.operations.local_servers.place import Place


@dataclass(frozen=True)
class Scheduler:
    """The scheduler."""

    place: Place
    port: int
    name: str = "dask-scheduler"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"tcp://{HOST}:{self.port}"

    @staticmethod
    def lacks() -> str | None:
        """Nothing: it comes with the project's own environment."""
        return None

    def prepare(self) -> None:
        """Make the folder that workers spill to."""
        (self.place.folder / "dask").mkdir(mode=0o700, exist_ok=True)

    def command(self) -> Command:
        """Say how it is started."""
        return _dask(self.place, "scheduler", "--host", HOST, "--port", str(self.port), "--no-dashboard")

    def is_healthy(self) -> bool:
        """Whether it listens."""
        return listens(self.port)


@dataclass(frozen=True)
class Workers:
    """Workers with one thread each, kept at their number by a nanny."""

    place: Place
    scheduler: Scheduler
    count: int
    name: str = "dask-workers"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def address(self) -> str:
        """How many work for whom."""
        return f"{self.count} for {self.scheduler.address}"

    @staticmethod
    def lacks() -> str | None:
        """Nothing: they come with the project's own environment."""
        return None

    def prepare(self) -> None:
        """Nothing to prepare."""

    def command(self) -> Command:
        """Say how they are started."""
        return _dask(
            self.place,
            "worker",
            self.scheduler.address,
            "--nworkers",
            str(self.count),
            "--nthreads",
            "1",
            "--no-dashboard",
            "--local-directory",
            str(self.place.folder / "dask"),
        )

    def is_healthy(self) -> bool:
        """Whether the scheduler knows all of them."""
        from distributed import Client

        try:
            with Client(self.scheduler.address, timeout=5, set_as_default=False) as client:
                return len(client.scheduler_info(n_workers=-1)["workers"]) >= self.count
        except OSError:
            return False


def _dask(place: Place, *arguments: str) -> Command:
    # A worker finds the project's configuration from its folder, as a local worker process does.
    return Command(
        [sys.executable, "-m", "dask", *arguments],
        {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW_", "GLIOMICS_DVC"))
        },
        None,
        Path.cwd() if place.folder.is_relative_to(Path.cwd()) else place.folder,
    )


def cluster(place: Place, port: int, workers: int) -> Sequence[Scheduler | Workers]:
    """Give the parts of a cluster; none for no workers."""
    if not workers:
        return ()
    scheduler = Scheduler(place, port)
    return (scheduler, Workers(place, scheduler, workers))
