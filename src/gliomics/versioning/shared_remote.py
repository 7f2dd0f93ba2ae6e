"""The shared DVC remote of an environment, given to DVC at run time: no file of the project names it."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gliomics.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

URL: Final = "GLIOMICS_DVC_REMOTE_URL"
KEY_FILE, KNOWN_HOSTS = "GLIOMICS_DVC_KEY_FILE", "GLIOMICS_DVC_KNOWN_HOSTS"
OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "ssh": {
        "user": "GLIOMICS_DVC_USER",
        "keyfile": KEY_FILE,
        "password": "GLIOMICS_DVC_PASSWORD",
        "passphrase": "GLIOMICS_DVC_PASSPHRASE",
    },
    "s3": {"endpointurl": "GLIOMICS_DVC_ENDPOINT_URL", "region": "AWS_DEFAULT_REGION"},
    "": {},
}
"""By scheme, DVC's options of a remote and the variables that they are read from. S3 keys are Amazon's own
variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), which DVC reads itself."""

SYSTEM_CONFIG: Final = "DVC_SYSTEM_CONFIG_DIR"
SYSTEM_WIDE: Final = Path("/etc/xdg/dvc/config")
"""What the machine's own settings are, where DVC looks for them unless told otherwise."""


@dataclass(frozen=True)
class SharedRemote:
    """A remote that DVC is told of in the environment of its process alone.

    Attributes
    ----------
    name, url : str
        Name of the remote, and where it is.
    options : mapping of str to str
        DVC's options; may hold a password, and is never shown.
    known_hosts : str or None
        File with the host keys of an SSH server; DVC itself does not look at host keys.
    """

    name: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    known_hosts: str | None = None

    @property
    def scheme(self) -> str:
        """``ssh``, ``s3``, or nothing for a folder."""
        return urlsplit(self.url).scheme

    @contextmanager
    def told(self) -> Iterator[dict[str, str]]:
        """Give the variables of a DVC process that shall know the remote.

        Its options lie in a file that only this account can read, for as long as the process runs; no
        command line and no file of the project holds them.
        """
        lines = [f"    {key} = {_quoted(value)}" for key, value in {"url": self.url, **self.options}.items()]
        text = "\n".join([f"['remote \"{self.name}\"']", *lines, ""])
        ours = Path(os.environ[SYSTEM_CONFIG]) / "config" if os.environ.get(SYSTEM_CONFIG) else SYSTEM_WIDE
        if ours.is_file():
            text = ours.read_text(encoding="utf-8") + "\n" + text
        with tempfile.TemporaryDirectory(prefix="gliomics-dvc-") as scratch:
            file = Path(scratch) / "config"
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
            yield {SYSTEM_CONFIG: scratch}


def shared_remote(name: str, url: str) -> SharedRemote:
    """Describe the remote at a url, with what the environment's variables say of it.

    Parameters
    ----------
    name, url : str
        Of ``data_versions``.

    Raises
    ------
    DeploymentError
        If the url is malformed or holds a password, or a file that a variable names is not there.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise _malformed(str(error)) from error
    if parts.password is not None:
        raise DeploymentError(
            where=URL,
            expected="it must hold no password",
            got=f"one for the user {parts.username!r}",
            fix="Put it into GLIOMICS_DVC_PASSWORD, or name a key with GLIOMICS_DVC_KEY_FILE.",
        )
    if parts.scheme not in OPTIONS:
        raise _malformed(f"the scheme {parts.scheme!r}")
    if not parts.scheme and not Path(url).is_absolute():
        raise _malformed(f"the relative path {url!r}")
    if parts.scheme and not (parts.hostname and parts.path.strip("/")):
        raise _malformed(f"{url!r}, without a host or a folder")
    options = {
        key: value for key, variable in OPTIONS[parts.scheme].items() if (value := os.environ.get(variable))
    }
    for variable in (KEY_FILE, KNOWN_HOSTS):
        place = os.environ.get(variable)
        if parts.scheme == "ssh" and place and not os.access(place, os.R_OK):
            raise DeploymentError(
                where=variable,
                expected="it must name a file that can be read",
                got=place,
                fix="Correct the path, or the file's permissions.",
            )
    return SharedRemote(name, url, options, os.environ.get(KNOWN_HOSTS) if parts.scheme == "ssh" else None)


def _malformed(got: str) -> DeploymentError:
    return DeploymentError(
        where=URL,
        expected="it must be ssh://user@host:port/folder, s3://bucket/folder or /a/shared/folder",
        got=got,
        fix="Correct the variable.",
    )


def _quoted(value: str) -> str:
    """Write a value as DVC's configuration reads it."""
    quote = next(mark for mark in ('"', "'", "'''", '"""') if mark not in value)
    return f"{quote}{value}{quote}"
