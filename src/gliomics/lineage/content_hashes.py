"""Hashes of what lies on the disk: files by sha256, folders by the names and hashes of their files."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gliomics.lineage.durable_files import write_whole
from gliomics.lineage.fingerprints import fingerprint_json

if TYPE_CHECKING:
    from pathlib import Path

SETTLED_S = 2.0
"""A file younger than this may change again within the tick of its time stamp: its hash is not kept."""


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Hash a file's bytes.

    Parameters
    ----------
    path : Path
        The file.
    algorithm : str
        As `hashlib` knows it.

    Returns
    -------
    str
        In hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def list_files(folder: Path) -> list[str]:
    """List the files below a folder as paths relative to it, sorted; hidden scratch folders do not count."""
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


@dataclass
class HashMemory:
    """Hashes of files that have not been touched since they were hashed.

    A cohort's scans are hashed once; afterwards a file counts as unchanged while size, time stamps and inode
    are. What decides whether data is whole (``gliomics data verify``, rollback) does not ask it.

    Attributes
    ----------
    path : Path
        Where it is kept between commands; a damaged or missing file costs time only.
    algorithm : str
        As `hashlib` knows it.
    """

    path: Path
    algorithm: str = "sha256"
    _known: dict[str, list[object]] = field(default_factory=dict)
    _loaded: bool = False

    def of_file(self, file: Path) -> str:
        """Hash a file, or remember its hash."""
        self._load()
        state = file.stat()
        facts = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
        name = str(file.absolute())
        known = self._known.get(name)
        if known is not None and known[:-1] == facts:
            return str(known[-1])
        digest = file_digest(file, self.algorithm)
        if time.time() - max(state.st_mtime, state.st_ctime) > SETTLED_S:
            self._known[name] = [*facts, digest]
        else:
            self._known.pop(name, None)
        return digest

    def of_folder(self, folder: Path) -> dict[str, str]:
        """Hash every file below a folder.

        Returns
        -------
        dict of str to str
            By path relative to the folder, sorted.
        """
        return {name: self.of_file(folder / name) for name in list_files(folder)}

    def of_path(self, path: Path) -> str:
        """Hash a file, or a folder by the names and hashes of its files."""
        return fingerprint_json(self.of_folder(path)) if path.is_dir() else self.of_file(path)

    def keep(self) -> None:
        """Write the hashes down for the next command."""
        if self._loaded:
            write_whole(self.path, json.dumps(self._known).encode())

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        try:
            self._known = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}
