"""Results of single cases, found again by what they were computed from."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gliomics.lineage.durable_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

SUFFIX = ".safetensors"
ABANDONED_AFTER_S = 3600.0
"""Age from which a temporary folder can only be left over from a killed run."""


@dataclass(frozen=True)
class CaseRecord:
    """What was computed for one case.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        Numbers, kept bit by bit.
    facts : mapping of str
        Whatever JSON can hold.
    """

    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseStore:
    """A folder of records, one file each, named by a sha256 of everything that the record follows from.

    Adding one patient to a cohort computes one patient; a changed byte, setting or line of code finds no
    record and computes anew. Workers read and write the store themselves. A file is written whole or not at
    all, and one that was damaged afterwards counts as absent.

    Attributes
    ----------
    folder : Path
        Made when the first record is put.
    """

    folder: Path

    def get(self, key: str) -> CaseRecord | None:
        """Look a record up.

        Parameters
        ----------
        key : str
            As given to `put`.

        Returns
        -------
        CaseRecord or None
            None if there is none, or if its file is damaged (which is logged).
        """
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                head = json.loads(file.metadata()["record"])
        except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
            logger.warning("record %s is damaged (%s) and is computed again", key[:12], error)
            return None
        if head.get("sha256") != _digest(arrays, head.get("facts")):
            logger.warning("record %s is damaged (other bytes than were put) and is computed again", key[:12])
            return None
        return CaseRecord(arrays, head["facts"])

    def put(self, key: str, record: CaseRecord) -> None:
        """Keep a record, replacing one of the same key.

        Parameters
        ----------
        key : str
            sha256 of what the record follows from, such as `gliomics.lineage.fingerprints.fingerprint_json`
            gives.
        record : CaseRecord
            What to keep.
        """
        facts = dict(record.facts)
        arrays = {name: np.ascontiguousarray(array) for name, array in record.arrays.items()}
        head = json.dumps({"facts": facts, "sha256": _digest(arrays, facts)}, sort_keys=True, allow_nan=False)
        write_whole(self._path(key), save(arrays, {"record": head}))

    def remember(self, key: str, compute: Callable[[], CaseRecord]) -> tuple[CaseRecord, bool]:
        """Look a record up, or compute it and keep it.

        Parameters
        ----------
        key : str
            As `put`.
        compute : callable
            Makes the record; what it raises is passed on and nothing is kept.

        Returns
        -------
        record : CaseRecord
            The kept one.
        computed : bool
            Whether it had to be computed.
        """
        found = self.get(key)
        if found is not None:
            return found, False
        record = compute()
        self.put(key, record)
        return record, True

    def keys(self) -> Iterator[str]:
        """Give the keys of all records, sorted."""
        for path in sorted(self.folder.glob(f"??/[!.]*{SUFFIX}")):
            yield path.stem

    def remove_leftovers(self) -> None:
        """Delete what runs left that were killed while they wrote."""
        for path in self.folder.glob(f"??/.*{SUFFIX}-*"):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER_S:
                shutil.rmtree(path, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"


def _digest(arrays: Mapping[str, NDArray[Any]], facts: object) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode() + array.tobytes())
    return digest.hexdigest()
