"""Getting an environment ready, and checking its servers: the same for runs and for commands."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from gliomics.errors import DeploymentError
from gliomics.operations.environment.json_logs import add_context, configure_logs
from gliomics.operations.environment.remote import check_remote
from gliomics.operations.environment.tracking import TrackingServer, parse_tracking_uri
from gliomics.operations.environment.variables import (
    LEDGER,
    PASSWORD,
    TRACKING_URI,
    USERNAME,
    asked_by,
    export_credentials,
    require,
)
from gliomics.versioning.shared_remote import shared_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gliomics.versioning.shared_remote import SharedRemote


class DeploymentSettings(BaseModel):
    """What an environment needs round it.

    Attributes
    ----------
    servers : bool
        Whether runs go to a tracking server, whose data versions lie in a shared remote and whose ledger on a
        shared folder. All three are checked before any work.
    timeout_s : float
        How long each may take to answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: bool = False
    timeout_s: float = Field(default=10.0, gt=0, le=300)


def prepare(folder: Path, env: str, read: Callable[[str], Mapping[str, Any]]) -> None:
    """Set up an environment's logs and credentials, and check that its variables are set.

    Parameters
    ----------
    folder : Path
        Of the project.
    env : str
        Name of the environment.
    read : callable
        Gives a kind of configuration by name; an empty mapping where there is none.

    Raises
    ------
    DeploymentError
        Naming every variable that is missing.
    """
    conf = folder / "conf" / env
    configure_logs(conf)
    wanted = asked_by(conf)
    if TRACKING_URI in wanted:
        wanted += [USERNAME, PASSWORD]
        add_context(env=env)
    if wanted:
        export_credentials(read("credentials"))
        require(wanted)


@dataclass(frozen=True)
class Checked:
    """What was checked: a name, and what was found or what is wrong."""

    what: str
    found: str
    error: DeploymentError | None = None


@dataclass(frozen=True)
class Servers:
    """The servers of an environment.

    Attributes
    ----------
    folder : Path
        Of the project.
    parameters : mapping
        Resolved.
    tracking_uri, experiment : str
        As mlflow.yml has them.
    """

    folder: Path
    parameters: Mapping[str, Any]
    tracking_uri: str
    experiment: str

    @property
    def settings(self) -> DeploymentSettings:
        """What the environment needs."""
        return DeploymentSettings.model_validate(self.parameters.get("deployment") or {})

    def check_all(self) -> None:
        """Check everything; the first thing that is wrong is raised.

        Raises
        ------
        DeploymentError
            Naming the variable.
        """
        if self.settings.servers:
            for done in self.checks():
                if done.error is not None:
                    raise done.error

    def checks(self) -> Iterator[Checked]:
        """Check one after the other, quick ones first."""
        parts: dict[str, Callable[[], str]] = {
            "ledger": self._check_ledger,
            "tracking server": self._check_tracking,
            "data remote": self._check_remote,
        }
        for what, check in parts.items():
            try:
                yield Checked(what, check())
            except DeploymentError as error:
                yield Checked(what, str(error), error)

    def _check_tracking(self) -> str:
        server = TrackingServer(parse_tracking_uri(self.tracking_uri), self.settings.timeout_s)
        registration = self.parameters.get("registration")
        prefix = (
            registration["model_name_prefix"]
            if isinstance(registration, dict)
            else getattr(registration, "model_name_prefix", "gliomics")
        )
        return server.check(self.experiment, [f"{prefix}-{self.parameters['cohort']}"])

    def _check_ledger(self) -> str:
        place = Path(str(self.parameters["registry"]["ledger"]))
        parent = place.parent
        if not place.is_absolute():
            raise DeploymentError(
                where=LEDGER,
                expected="it must be a whole path, the same file for all",
                got=f"{place}",
                fix="Name a file on a folder that all share.",
            )
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise DeploymentError(
                where=LEDGER,
                expected=f"the folder {parent} must be there and writable",
                got="no such folder" if not parent.is_dir() else "no permission",
                fix="Make or mount it, or correct the variable.",
            )
        return f"{place} can be written to"

    def _check_remote(self) -> str:
        remote = remote_of(self.parameters)
        if remote is None:
            return "none, the remote of .dvc/config is used"
        return check_remote(remote, self.folder, self.settings.timeout_s)


def remote_of(parameters: Mapping[str, Any]) -> SharedRemote | None:
    """Describe the shared remote of ``data_versions``; None where a file of the project describes it."""
    url = parameters["data_versions"].get("url")
    return None if url is None else shared_remote(str(parameters["data_versions"]["remote"]), str(url))
