"""Locks between processes that go with the process that holds them."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gliomics.errors import DataVersionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLL_S = 0.05


@contextmanager
def file_lock(path: Path, *, shared: bool = False, patience_s: float = 5.0) -> Iterator[None]:
    """Hold a lock file.

    Parameters
    ----------
    path : Path
        Made if need be; it stays, empty. The lock is the kernel's, so that a killed process holds nothing.
    shared : bool
        Whether others may hold it too, as long as all of them share (runs), or nobody else (a rollback).
    patience_s : float
        How long to wait.

    Raises
    ------
    DataVersionError
        If another process does not let go in time.
    """
    handle = acquire(path, shared=shared, patience_s=patience_s)
    try:
        yield
    finally:
        os.close(handle)


def acquire(path: Path, *, shared: bool, patience_s: float = 5.0) -> int:
    """Take a lock as `file_lock` does and give the handle, whose closing lets go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                os.close(handle)
                raise DataVersionError(
                    where=f"lock {path.name}",
                    expected="no other gliomics or kedro process may use this cohort's data now",
                    got="one that does",
                    fix="Wait for it, or end it; the lock goes with its process.",
                ) from error
            time.sleep(POLL_S)
        else:
            return handle
