"""The folder of the servers: ports and passwords that are made once, what runs, the file to load."""

from __future__ import annotations

import json
import secrets
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from gliomics.errors import DeploymentError
from gliomics.lineage.durable_files import write_private
from gliomics.operations.ports import any_free_port, is_free
from gliomics.operations.processes import Process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFERRED: Final[Mapping[str, int]] = {"mlflow": 5000, "postgres": 5433, "sftp": 2222, "dask": 8786}
"""Ports that are taken when they are free."""

PASSWORDS: Final = ("postgres", "mlflow_database", "mlflow_admin", "mlflow_pipeline", "mlflow_session")


@dataclass(frozen=True)
class Place:
    """Where the servers keep all that they have.

    Attributes
    ----------
    folder : Path
        Absolute.
    """

    folder: Path

    @property
    def env_file(self) -> Path:
        """What a shell loads to use the servers."""
        return self.folder / "env"

    @property
    def lock(self) -> Path:
        """Held by a command that starts or stops servers."""
        return self.folder / "lock"

    def log(self, name: str) -> Path:
        """Where a server's output goes."""
        return self.folder / "logs" / f"{name}.log"

    def make(self) -> None:
        """Make the folder; others may pass through, as PostgreSQL's account must, but read nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        for name in ("logs", "artifacts", "sftp"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)

    def ports(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Give the port of each server: as asked for, else as before, else a usual one, else any free one."""
        kept: dict[str, int] = self._read("ports.json")
        ports = {}
        for name, usual in PREFERRED.items():
            ports[name] = wanted.get(name) or kept.get(name) or (usual if is_free(usual) else any_free_port())
        write_private(self.folder / "ports.json", json.dumps(ports))
        return ports

    def passwords(self) -> dict[str, str]:
        """Give the passwords, which are made with the first call."""
        kept: dict[str, str] = self._read("passwords.json")
        if set(kept) != set(PASSWORDS):
            kept = {name: kept.get(name) or secrets.token_urlsafe(24) for name in PASSWORDS}
            write_private(self.folder / "passwords.json", json.dumps(kept))
        return kept

    def processes(self) -> dict[str, Process]:
        """Give what was started last, whether it runs or not."""
        return {name: Process(**facts) for name, facts in self._read("processes.json").items()}

    def remember(self, processes: Mapping[str, Process]) -> None:
        """Write down what was started."""
        facts = {name: asdict(process) for name, process in processes.items()}
        write_private(self.folder / "processes.json", json.dumps(facts))

    def write_env(self, variables: Mapping[str, str]) -> None:
        """Write the file to load: ``. .gliomics/prod/env``."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        write_private(
            self.env_file, "\n".join(["# Written by `gliomics servers up`. Holds passwords.", *lines, ""])
        )

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DeploymentError(
                where=str(path),
                expected="it must be what `gliomics servers up` wrote",
                got=f"no JSON ({error})",
                fix="Stop the servers by hand and remove the folder, or restore the file.",
            ) from error
        return dict(found)
