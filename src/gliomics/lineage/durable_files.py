"""Writing a file or a folder whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """Replace a file or a folder by what the block writes, once the block has ended well.

    A reader sees the old file or the new one, never a part; of several writers the last one wins. A folder is
    moved away before the new one takes its place, so that a kill between the two leaves none.

    Parameters
    ----------
    target : Path
        The file or folder; the folder that holds it is made if need be.

    Yields
    ------
    Path
        Where to write: beside the target, in a folder that only this account can read.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        fresh = Path(scratch) / target.name
        yield fresh
        if fresh.is_dir():
            if target.is_dir():
                target.rename(Path(scratch) / "replaced")
        else:
            sync(fresh)
        fresh.replace(target)
    sync(target.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as `replaced` does.

    Parameters
    ----------
    path : Path
        The file; its folder is made if need be.
    content : bytes
        All of it.
    """
    with replaced(path) as fresh:
        fresh.write_bytes(content)


def write_private(path: Path, text: str) -> None:
    """Write a file that only this account can read, as `replaced` does.

    Parameters
    ----------
    path : Path
        The file; its folder is made if need be.
    text : str
        All of it.
    """
    with replaced(path) as fresh:
        fresh.touch(mode=0o600)
        fresh.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Make a file's content, or a rename in a folder, survive a power cut.

    Parameters
    ----------
    path : Path
        The file, or the folder that an entry was renamed in.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_scratch(target: Path) -> None:
    """Delete what killed writers left beside a target that nobody else writes now.

    Parameters
    ----------
    target : Path
        As for `replaced`.
    """
    for left in target.parent.glob(f".{target.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
