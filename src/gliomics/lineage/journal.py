"""The note that a change of several files is under way, so that a killed one can be finished or undone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from gliomics.errors import DataVersionError
from gliomics.lineage.durable_files import sync, write_whole

if TYPE_CHECKING:
    from pathlib import Path

Action = Literal["rollback", "snapshot"]


@dataclass(frozen=True)
class Journal:
    """What is being done to which cohort.

    Attributes
    ----------
    action : str
        ``rollback`` is finished after a kill, or undone where it cannot be; ``snapshot`` is undone unless its
        tag is there.
    cohort, version : str
        The data version that is gone to or made, as its tag's name.
    before, after : dict of str to (str or None)
        Text of the small files that are written (dvc.lock, *.dvc) by path relative to the project; None
        where there is none.
    stores : list of str
        Case stores among the paths of the version: none of their records is ever deleted.
    surplus : list of str
        Files and folders that the version does not have.
    """

    action: Action
    cohort: str
    version: str
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)
    stores: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)


def open_journal(path: Path, journal: Journal) -> None:
    """Write the journal, whole and synced, before the first change.

    Raises
    ------
    DataVersionError
        If there is one already.
    """
    if path.exists():
        raise DataVersionError(
            where=f"journal {path.name}",
            expected="no other change may be under way",
            got=f"a journal of {datetime.fromtimestamp(path.stat().st_mtime, UTC):%Y-%m-%d %H:%M} UTC",
            fix="Run any gliomics command: it finishes or undoes it.",
        )
    write_whole(path, json.dumps(asdict(journal), indent=1).encode())


def read_journal(path: Path) -> Journal | None:
    """Read the journal of a change that was not closed, None if there is none.

    Raises
    ------
    DataVersionError
        If the file is no journal: it is written whole, so that somebody has changed it.
    """
    if not path.is_file():
        return None
    try:
        return Journal(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataVersionError(
            where=f"journal {path.name}",
            expected="it must be as gliomics wrote it",
            got=f"{type(error).__name__}: {error}",
            fix="Restore it, or delete it and run `gliomics data rollback VERSION --discard` yourself.",
        ) from error


def close_journal(path: Path) -> None:
    """Remove the journal: the change is whole."""
    path.unlink(missing_ok=True)
    sync(path.parent)


def put_back(project: Path, texts: dict[str, str | None]) -> None:
    """Write small files as a journal holds them; None deletes one."""
    for name, text in texts.items():
        if text is None:
            (project / name).unlink(missing_ok=True)
        else:
            write_whole(project / name, text.encode())


def texts_now(project: Path, names: list[str]) -> dict[str, str | None]:
    """Read small files for a journal; None where there is none."""
    return {
        name: (project / name).read_text(encoding="utf-8") if (project / name).is_file() else None
        for name in names
    }
