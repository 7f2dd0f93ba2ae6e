"""Processes that outlive the command which started them, never mistaken for strangers with their number."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLL_S: Final = 0.1
PROC: Final = Path("/proc")
_CHILDREN: Final[list[subprocess.Popen[bytes]]] = []
"""Started by this very process: they shall outlive it, and be no zombies when they do not."""

STATE, GROUP, SESSION, STARTED = 0, 2, 3, 19
"""Fields of /proc/PID/stat after the name in brackets (proc(5))."""


@dataclass(frozen=True)
class Process:
    """A process and what tells it from any other that has had, or will have, its number.

    Attributes
    ----------
    name : str
        What it is.
    pid : int
        Its number, which is also that of its session and process group.
    started : int
        When it started, in ticks since the machine did.
    boot : str
        Which start of the machine that was.
    """

    name: str
    pid: int
    started: int
    boot: str

    def is_running(self) -> bool:
        """Whether it, and not a stranger with its number, runs."""
        facts = _facts(self.pid)
        return (
            self.boot == boot_id()
            and facts is not None
            and facts[STATE] != "Z"
            and int(facts[STARTED]) == self.started
        )

    def members(self) -> list[int]:
        """List the running processes of its group, itself among them; none if the number is a stranger's."""
        leader = _facts(self.pid)
        if self.boot != boot_id() or (leader is not None and int(leader[STARTED]) != self.started):
            return []
        found = []
        for place in PROC.iterdir():
            facts = _facts(int(place.name)) if place.name.isdigit() else None
            if facts is None or facts[STATE] == "Z" or int(facts[STARTED]) < self.started:
                continue
            if facts[GROUP] == facts[SESSION] == str(self.pid):
                found.append(int(place.name))
        return sorted(found)

    def stop(self, polite: signal.Signals = signal.SIGTERM, patience_s: float = 20.0) -> bool:
        """End it and its children; kill what does not end in time.

        Returns
        -------
        bool
            Whether there was anything to end.
        """
        if not self.members():
            return False
        asked: set[int] = set()
        until = time.monotonic() + patience_s
        while (members := self.members()) and time.monotonic() < until:
            # The leader ends its children itself; those that it leaves behind are asked one by one.
            for pid in {self.pid} if self.is_running() else set(members):
                if pid not in asked:
                    _send(pid, polite)
                    asked.add(pid)
            time.sleep(POLL_S)
        for pid in self.members():
            _send(pid, signal.SIGKILL)
        while self.members():
            time.sleep(POLL_S)
        return True


@dataclass(frozen=True)
class Command:
    """How a server is started.

    Attributes
    ----------
    arguments : sequence of str
        Never hold a secret: every account of the machine can read them.
    environment : mapping of str to str
        Its whole environment.
    user : (int, int) or None
        Account and group that it runs as; None for our own.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    user: tuple[int, int] | None = None
    folder: Path = field(default_factory=Path.cwd)


def start(name: str, command: Command, log: Path) -> Process:
    """Start a process in a session of its own, its output in a file.

    Parameters
    ----------
    name : str
        What it is.
    command : Command
        How.
    log : Path
        Added to.

    Returns
    -------
    Process
        Running, or just ended: ask `Process.is_running`.
    """
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    uid, gid = command.user or (None, None)
    try:
        child = subprocess.Popen(  # noqa: S603  (our own arguments, no shell)
            command.arguments,
            env=dict(command.environment),
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            user=uid,
            group=gid,
            extra_groups=None if command.user is None else [],
        )
    finally:
        os.close(handle)
    _CHILDREN.append(child)
    return adopt(name, child.pid)


def adopt(name: str, pid: int) -> Process:
    """Note a process that leads a session of its own, as every daemon does.

    Parameters
    ----------
    name : str
        What it is.
    pid : int
        Its number.

    Returns
    -------
    Process
        Running, or just ended: ask `Process.is_running`.
    """
    facts = _facts(pid)
    return Process(name, pid, int(facts[STARTED]) if facts is not None else 0, boot_id())


def boot_id() -> str:
    """Say which start of the machine this is."""
    return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()


def _facts(pid: int) -> list[str] | None:
    """Read the fields of a process after its name; None if there is none."""
    for child in _CHILDREN:
        child.poll()
    try:
        return (
            (PROC / str(pid) / "stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()
        )
    except (FileNotFoundError, ProcessLookupError):
        return None


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return
