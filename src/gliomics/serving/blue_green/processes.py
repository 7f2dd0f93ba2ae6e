"""Processes that outlive the command that started them: known again by more than a number, ended whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SAME_START_S = 2.0
"""How far the start of a process may seem to have moved: the kernel's clock is set now and then."""


class Started(BaseModel):
    """A process that was started here.

    Attributes
    ----------
    pid : int
        Its number, which the system gives to another one once it has ended.
    created : float
        When it started, in seconds since 1970.
    marker : str
        A path that its command line names, as no stranger's does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    created: float
    marker: str


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Start a process in a session of its own, which this one neither waits for nor takes with it.

    Parameters
    ----------
    command : sequence of str
        The program, by its whole path, and its arguments.
    environment : mapping of str to str
        All that it knows.
    log : Path
        Gets what it writes; what was there is lost.

    Returns
    -------
    int
        Its number.
    """
    writes = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), writes, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(command[0], list(command), environment, file_actions=actions, setsid=True)


def remember(pid: int, marker: str) -> Started:
    """Note a process that runs now.

    Raises
    ------
    psutil.NoSuchProcess
        If it has ended already.
    """
    return Started(pid=pid, created=psutil.Process(pid).create_time(), marker=marker)


def find(started: Started) -> psutil.Process | None:
    """Find the process, or None if it has ended, whoever has its number now."""
    try:
        process = psutil.Process(started.pid)
        same = (
            abs(process.create_time() - started.created) < SAME_START_S
            and process.status() != psutil.STATUS_ZOMBIE
            and started.marker in " ".join(process.cmdline())
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if same else None


def stop(started: Started, patience_s: float) -> bool:
    """End a process and its children: asked first, and killed if they have not ended in time.

    Parameters
    ----------
    started : Started
        What is ended; a stranger with the same number is left alone.
    patience_s : float
        How long they may take to finish what they do, in seconds.

    Returns
    -------
    bool
        Whether it still ran.
    """
    process = find(started)
    if process is None:
        return False
    family = [process, *process.children(recursive=True)]
    for member in family:
        _quietly(member.terminate)
    _, left = psutil.wait_procs(family, timeout=patience_s)
    for member in left:
        _quietly(member.kill)
    psutil.wait_procs(left, timeout=5.0)
    return True


def _quietly(act: object) -> None:
    try:
        act()  # type: ignore[operator]
    except psutil.NoSuchProcess:
        return
