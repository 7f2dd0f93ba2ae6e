"""The ledger of the model registry: what happened to which version, in a chain that shows every change."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

from gliomics.errors import LedgerError
from gliomics.lineage.durable_files import write_whole
from gliomics.lineage.locks import file_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Action = Literal["register", "promote", "refuse", "force", "rollback"]
ACTIONS: tuple[Action, ...] = get_args(Action)
FIRST = "0" * 64
"""What the first entry follows."""


@dataclass(frozen=True)
class LedgerEntry:
    """One line of the ledger.

    Attributes
    ----------
    action : str
        register, promote, refuse, force or rollback.
    model : str
        Registered model.
    before, after : str or None
        Champion's version before and after; for ``register`` and ``refuse`` `after` is the version that was
        registered or refused.
    verdict : str
        Passed, refused, or what was forced, in words.
    reasons : tuple of str
        Why it was refused, or what was warned of.
    data_version : str or None
        Tag of the data version.
    who : str
        Account of the person or service.
    when : str
        UTC, ISO 8601.
    number : int
        From 1.
    former : str
        sha256 of the entry before.
    sha256 : str
        Of all the other fields.
    """

    action: Action
    model: str
    before: str | None
    after: str | None
    verdict: str
    reasons: tuple[str, ...] = ()
    data_version: str | None = None
    who: str = ""
    when: str = ""
    number: int = 0
    former: str = FIRST
    sha256: str = ""

    def digest(self) -> str:
        """Hash every field but the hash itself."""
        facts = {name: value for name, value in asdict(self).items() if name != "sha256"}
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Ledger:
    """A file of JSON lines, each of which holds the sha256 of the one before.

    Nothing is ever taken out or changed. An entry that was altered, removed or put between others breaks the
    chain; a tail that was cut off shows against an anchor, the hash of the last entry that is kept elsewhere.

    Attributes
    ----------
    path : Path
        The file; made with the first entry.
    patience_s : float
        How long to wait for another process that writes.
    """

    path: Path
    patience_s: float = 60.0

    def entries(self) -> list[LedgerEntry]:
        """Read and check the whole chain.

        Returns
        -------
        list of LedgerEntry
            In order; empty when there is no file yet.

        Raises
        ------
        LedgerError
            Naming the first line that is not what was written.
        """
        if not self.path.is_file():
            return []
        content = self.path.read_bytes().decode("utf-8", errors="replace")
        if content and not content.endswith("\n"):
            raise self._tampered(content.count("\n") + 1, "a whole line", "a line without its end")
        found: list[LedgerEntry] = []
        for number, line in enumerate(content.splitlines(), start=1):
            entry = self._parse(number, line)
            former = found[-1].sha256 if found else FIRST
            if entry.number != number or entry.former != former:
                raise self._tampered(number, "the entry must follow the one before it", "another chain")
            if entry.digest() != entry.sha256:
                raise self._tampered(number, "its fields must have the sha256 that it states", "others")
            found.append(entry)
        return found

    def verify(self, anchor: str | None = None) -> list[LedgerEntry]:
        """Check the chain, and that it still holds the entry that an anchor names.

        Parameters
        ----------
        anchor : str or None
            sha256 of an entry, kept outside of the file.

        Returns
        -------
        list of LedgerEntry
            All entries.

        Raises
        ------
        LedgerError
            If the chain is broken, or shorter than it was.
        """
        found = self.entries()
        if anchor is not None and anchor not in {entry.sha256 for entry in found}:
            raise self._tampered(
                len(found) + 1, f"the entry {anchor[:12]} that the registry remembers must be there", "none"
            )
        return found

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing, whatever machine they run on that shares the folder.

        Raises
        ------
        LedgerError
            If another process does not let go in time.
        """
        lock = self.path.with_name(f".{self.path.name}.lock")
        with file_lock(lock, of="the ledger of models", refusal=LedgerError, patience_s=self.patience_s):
            yield

    def append(self, entry: LedgerEntry, anchor: str | None = None) -> LedgerEntry:
        """Add an entry; to be called inside `locked`.

        Parameters
        ----------
        entry : LedgerEntry
            Its number, its place in the chain, the account and the time are filled in here.
        anchor : str or None
            As `verify`.

        Returns
        -------
        LedgerEntry
            As it was written. The file is replaced by a synced copy with one line more, so that a reader and
            a power cut find it whole.

        Raises
        ------
        LedgerError
            If the ledger was tampered with: nothing is written to it until that is dealt with.
        """
        found = self.verify(anchor)
        placed = replace(
            entry,
            who=entry.who or account(),
            when=entry.when or datetime.now(UTC).isoformat(timespec="seconds"),
            number=len(found) + 1,
            former=found[-1].sha256 if found else FIRST,
        )
        placed = replace(placed, sha256=placed.digest())
        old = self.path.read_bytes() if found else b""
        line = json.dumps(asdict(placed), sort_keys=True, ensure_ascii=False)
        write_whole(self.path, old + line.encode() + b"\n")
        return placed

    def _parse(self, number: int, line: str) -> LedgerEntry:
        try:
            facts = json.loads(line)
            entry = LedgerEntry(**{**facts, "reasons": tuple(facts["reasons"])})
        except (ValueError, TypeError, KeyError) as error:
            raise self._tampered(number, "an entry of the ledger", "something else") from error
        return entry

    def _tampered(self, number: int, expected: str, got: str) -> LedgerError:
        return LedgerError(
            where=f"ledger {self.path.name}, line {number}",
            expected=expected,
            got=got,
            fix="It was changed by hand or damaged, and nothing more is written to it. Restore it from a "
            "backup, and check with `gliomics registry verify`.",
        )


def account() -> str:
    """Name who acts: the account at the tracking server if there is one, else that of the machine.

    No name, address or machine is kept.
    """
    named = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"


def champions(entries: list[LedgerEntry], model: str) -> list[str]:
    """Follow the champions of a model: those that a rollback can go back to, the present one last.

    Parameters
    ----------
    entries : list of LedgerEntry
        The ledger.
    model : str
        Registered model.

    Returns
    -------
    list of str
        Versions. A promotion adds one, a rollback takes away all after the one that it went back to.
    """
    line: list[str] = []
    for entry in entries:
        if entry.model != model or entry.after is None:
            continue
        if entry.action in ("promote", "force"):
            line.append(entry.after)
        elif entry.action == "rollback":
            while line and line[-1] != entry.after:
                line.pop()
    return line
