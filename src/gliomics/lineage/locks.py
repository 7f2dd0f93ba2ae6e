"""Locks between processes that go with the process that holds them."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gliomics.errors import DataVersionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gliomics.errors import GliomicsError

POLL_S = 0.05
PATIENCE_S = 5.0
"""How long to wait for another process, unless `PATIENCE_VARIABLE` says otherwise."""
PATIENCE_VARIABLE = "GLIOMICS_LOCK_PATIENCE_S"


@contextmanager
def file_lock(
    path: Path,
    *,
    of: str = "this cohort's data",
    refusal: type[GliomicsError] = DataVersionError,
    patience_s: float | None = None,
) -> Iterator[None]:
    """Hold a lock file.

    Parameters
    ----------
    path : Path
        Made if need be; it stays. The lock is the kernel's, so that a killed process holds nothing. Its
        holder writes its process id and when it started into it, for the message that others get.
    of : str
        What may be used by one process only, for that message.
    refusal : type
        What is raised if another process does not let go in time.
    patience_s : float or None
        How long to wait for it; None for what `PATIENCE_VARIABLE` says.

    Raises
    ------
    GliomicsError
        As `refusal` says.
    """
    handle = acquire(path, of=of, refusal=refusal, patience_s=patience_s)
    try:
        yield
    finally:
        os.close(handle)


def acquire(
    path: Path,
    *,
    of: str = "this cohort's data",
    refusal: type[GliomicsError] = DataVersionError,
    patience_s: float | None = None,
) -> int:
    """Take a lock as `file_lock` does and give the handle, whose closing lets go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if patience_s is None:
        patience_s = float(os.environ.get(PATIENCE_VARIABLE, PATIENCE_S))
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                holder = _holder(handle)
                os.close(handle)
                raise refusal(
                    where=f"lock {path.name}",
                    expected=f"no other gliomics or kedro process may use {of} now",
                    got=holder,
                    fix="Wait for it, or end it; the lock goes with its process.",
                ) from error
            time.sleep(POLL_S)
        else:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "since": _now()}).encode(), 0)
            return handle


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _holder(handle: int) -> str:
    """Say who holds a lock, as its file tells."""
    try:
        holder = json.loads(os.pread(handle, 1000, 0))
        return f"process {holder['pid']}, which has used it since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process that uses it"
