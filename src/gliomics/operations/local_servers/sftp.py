"""The DVC remote of one machine: OpenSSH's server, for SFTP and one key only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gliomics.lineage.durable_files import write_private
from gliomics.operations.ports import HOST
from gliomics.operations.processes import Command

if TYPE_CHECKING:
    from gliomics.operations.local_servers.place import Place

PRIVILEGE_SEPARATION: Final = Path("/run/sshd")
CONFIG: Final = """Port {port}
ListenAddress {host}
HostKey "{folder}/host_key"
AuthorizedKeysFile "{keys}"
PidFile none
AllowUsers {user}
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
DisableForwarding yes
PermitTTY no
MaxSessions 64
MaxStartups 64
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


@dataclass(frozen=True)
class Sftp:
    """An SFTP server with a host key and a user key of its own."""

    place: Place
    port: int
    name: str = "sftp"
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def folder(self) -> Path:
        """Keys and settings."""
        return self.place.folder / "sftp"

    @property
    def remote(self) -> Path:
        """Where DVC's objects lie."""
        return self.folder / "remote"

    @property
    def address(self) -> str:
        """Where the remote is, as DVC wants it."""
        return f"ssh://{_account()}@{HOST}:{self.port}{self.remote}"

    @staticmethod
    def lacks() -> str | None:
        """Name the Debian package that is missing, if it is."""
        return None if _sshd() and shutil.which("ssh-keygen") else "openssh-server"

    def prepare(self) -> None:
        """Make keys with the first start, and write the settings."""
        self.remote.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("host_key", "user_key"):
            if not (self.folder / name).is_file():
                make = [
                    "ssh-keygen",
                    "-q",
                    "-t",
                    "ed25519",
                    "-N",
                    "",
                    "-C",
                    "gliomics",
                    "-f",
                    str(self.folder / name),
                ]
                subprocess.run(make, check=True, capture_output=True)  # noqa: S603
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        host_key = (self.folder / "host_key.pub").read_text(encoding="ascii").strip()
        (self.folder / "known_hosts").write_text(f"[{HOST}]:{self.port} {host_key}\n", encoding="ascii")
        keys = str(self.folder / "authorized_keys").replace("%", "%%")
        text = CONFIG.format(port=self.port, host=HOST, folder=self.folder, keys=keys, user=_account())
        write_private(self.folder / "sshd_config", text)
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)

    def command(self) -> Command:
        """Say how it is started."""
        arguments = [str(_sshd()), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        return Command(arguments, {"PATH": os.environ.get("PATH", os.defpath)}, None, self.place.folder)

    def is_healthy(self) -> bool:
        """Whether an SSH server answers."""
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as connection:
                connection.settimeout(5)
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


def _account() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _sshd() -> str | None:
    """Find sshd, which must be called by its whole path and is off the PATH of ordinary users."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin")
