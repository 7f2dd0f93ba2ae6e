"""Calling git and DVC, in a project, by command line."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from gliomics.errors import DataVersionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gliomics.versioning.shared_remote import SharedRemote

SHOWN_LINES = 12
QUIET_DVC = {"DVC_NO_ANALYTICS": "true", "DVC_STUDIO_OFFLINE": "true", "DO_NOT_TRACK": "1"}
IDENTITY = {
    "GIT_AUTHOR_NAME": "gliomics",
    "GIT_AUTHOR_EMAIL": "gliomics@localhost",
    "GIT_COMMITTER_NAME": "gliomics",
    "GIT_COMMITTER_EMAIL": "gliomics@localhost",
}
"""Whose commits and tags ours are where git knows nobody."""


def run_git(
    project: Path,
    *arguments: str,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run git in a project and give what it printed.

    Raises
    ------
    DataVersionError
        If git is not there or fails, with its words.
    """
    return _run(project, ("git", *arguments), stdin=stdin, env=env or {})


def ask_git(project: Path, *arguments: str) -> str | None:
    """Run git and give what it printed, None if it is not there or fails."""
    try:
        return run_git(project, *arguments)
    except DataVersionError:
        return None


def run_dvc(
    project: Path, *arguments: str, shared: SharedRemote | None = None, site: Path | None = None
) -> str:
    """Run this environment's DVC in a project and give what it printed.

    Parameters
    ----------
    project : Path
        Its folder.
    *arguments : str
        Of the command.
    shared : SharedRemote, optional
        A remote that DVC is told of for this command alone.
    site : Path, optional
        Where DVC notes what it found, for a folder that does not last.

    Raises
    ------
    DataVersionError
        If DVC fails, with its words; it waits for its own lock.
    """
    command = (sys.executable, "-m", "dvc", *arguments)
    env = {**QUIET_DVC, **({} if site is None else {"DVC_SITE_CACHE_DIR": str(site)})}
    if shared is None:
        return _run(project, command, stdin=None, env=env)
    with shared.told() as told:
        return _run(project, command, stdin=None, env={**env, **told})


def _run(project: Path, command: Sequence[str], *, stdin: str | None, env: Mapping[str, str]) -> str:
    name = "dvc" if command[0] == sys.executable else command[0]
    shown = " ".join([name, *(part for part in command if part not in {sys.executable, "-m", "dvc", "git"})])
    try:
        done = subprocess.run(  # noqa: S603  (our own arguments, no shell)
            command,
            cwd=project,
            env={**os.environ, **env},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise DataVersionError(
            where=shown, expected=f"{name} must be installed", got="no such command", fix=f"Install {name}."
        ) from error
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise DataVersionError(
            where=shown,
            expected="it must succeed",
            got="\n".join(words[-SHOWN_LINES:]),
            fix="Nothing was changed by gliomics; see what it says above.",
        )
    return done.stdout
