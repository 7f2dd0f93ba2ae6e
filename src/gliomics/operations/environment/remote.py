"""The shared DVC remote: can it be reached, does it know us, is its folder there and can be written to."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gliomics.errors import DataVersionError, DeploymentError
from gliomics.operations.environment.variables import redact
from gliomics.versioning.commands import run_dvc
from gliomics.versioning.shared_remote import KEY_FILE, KNOWN_HOSTS, URL

if TYPE_CHECKING:
    from pathlib import Path

    from gliomics.versioning.shared_remote import SharedRemote

OWNER_WRITES = 0o222


def check_remote(remote: SharedRemote, project: Path, timeout_s: float) -> str:
    """Check the remote without changing anything there.

    Parameters
    ----------
    remote : SharedRemote
        Which.
    project : Path
        Folder of the project, for DVC.
    timeout_s : float
        How long an answer may take.

    Returns
    -------
    str
        What was found, in words.

    Raises
    ------
    DeploymentError
        Naming the variable that is wrong.
    """
    if remote.scheme == "ssh":
        asyncio.run(_check_ssh(remote, timeout_s))
    elif remote.scheme == "":
        if not os.access(remote.url, os.R_OK | os.W_OK | os.X_OK):
            raise _refused(URL, "its folder must be there and writable", "none", "Make or mount the folder.")
    else:
        _check_by_dvc(remote, project)
    return f"{remote.url} can be read and written to"


def _check_by_dvc(remote: SharedRemote, project: Path) -> None:
    try:
        run_dvc(project, "list-url", f"remote://{remote.name}/", shared=remote)
    except DataVersionError as error:
        said = redact(str(error.got).splitlines()[-1])
        raise _refused(
            URL,
            f"{remote.url} must be there and let us in",
            said,
            "Look at the bucket's name, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, GLIOMICS_DVC_ENDPOINT_URL, "
            "and that the package dvc-s3 is installed.",
        ) from error


async def _check_ssh(remote: SharedRemote, timeout_s: float) -> None:
    try:
        import asyncssh
    except ImportError as error:
        raise _refused(
            URL,
            "dvc-ssh must be installed for an SSH remote",
            "no such package",
            "Install the extra: pip install 'gliomics[prod]'.",
        ) from error
    parts = urlsplit(remote.url)
    options = remote.options
    login: dict[str, Any] = {
        "username": parts.username or options.get("user") or (),
        "known_hosts": remote.known_hosts,
        "password": options.get("password"),
        "passphrase": options.get("passphrase"),
        "agent_forwarding": False,
    }
    if "keyfile" in options:
        login["client_keys"] = [options["keyfile"]]
    try:
        async with asyncio.timeout(timeout_s):
            async with (
                asyncssh.connect(parts.hostname or "", parts.port or (), **login) as connection,
                connection.start_sftp_client() as sftp,
            ):
                await _check_folder(sftp, parts.path)
    except asyncssh.HostKeyNotVerifiable as error:
        raise _refused(
            KNOWN_HOSTS,
            f"the key of {parts.hostname} must be one of those in the file",
            "another",
            "Find out why before anything else: the server was set up anew, or it is not the server.",
        ) from error
    except (asyncssh.PermissionDenied, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        given = KEY_FILE if "keyfile" in options else "GLIOMICS_DVC_PASSWORD or " + KEY_FILE
        raise _refused(
            given,
            f"{parts.hostname} must let in {parts.username or options.get('user') or 'this account'}",
            f"refused ({type(error).__name__})",
            "Correct it, or have the key added to the server.",
        ) from error
    except (TimeoutError, OSError, asyncssh.Error) as error:
        raise _refused(
            URL,
            f"an SSH server must answer at {parts.hostname}:{parts.port or 22} within {timeout_s:g} s",
            type(error).__name__,
            "Start it, or correct the variable.",
        ) from error


async def _check_folder(sftp: Any, path: str) -> None:
    if not await sftp.isdir(path):
        raise _refused(URL, f"the folder {path} must exist at the server", "none", "Make it there.")
    permissions = (await sftp.stat(path)).permissions
    if permissions is not None and not permissions & OWNER_WRITES:
        raise _refused(URL, f"the folder {path} must be writable", "read-only", "Change its permissions.")


def _refused(where: str, expected: str, got: str, fix: str) -> DeploymentError:
    return DeploymentError(where=where, expected=expected, got=got, fix=fix)
