"""DVC's objects: files kept under the md5 of their bytes, folders as lists of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gliomics.errors import DataVersionError
from gliomics.lineage.content_hashes import file_digest, list_files
from gliomics.lineage.durable_files import remove_scratch, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

FOLDER = ".dir"


@dataclass(frozen=True)
class Tracked:
    """A path that a data version holds.

    Attributes
    ----------
    path : str
        Relative to the project.
    md5 : str
        Of the file; of a folder that of its list, with ``.dir`` at the end.
    """

    path: str
    md5: str

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.md5.endswith(FOLDER)


@dataclass(frozen=True)
class ObjectStore:
    """A folder of objects, DVC's cache or a local remote: ``files/md5/<2 digits>/<the rest>``."""

    folder: Path

    def place(self, md5: str) -> Path:
        """Say where an object lies."""
        return self.folder / "files" / "md5" / md5[:2] / md5[2:]

    def listing(self, md5: str) -> dict[str, str]:
        """Read a folder's list: md5 by path relative to the folder.

        Raises
        ------
        DataVersionError
            If the object is not there or damaged.
        """
        try:
            entries = json.loads(self.place(md5).read_text(encoding="utf-8"))
            return {entry["relpath"]: entry["md5"] for entry in entries}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataVersionError(
                where=f"object {md5}",
                expected="DVC's cache must hold this list of a folder",
                got=f"{type(error).__name__}: {error}",
                fix="Fetch it with `dvc fetch --all-tags`, after deleting it where it is damaged.",
            ) from error

    def files_of(self, tracked: Tracked) -> dict[str, str]:
        """Give md5 by path relative to the project of every file of a tracked path."""
        if not tracked.is_folder:
            return {tracked.path: tracked.md5}
        return {f"{tracked.path}/{name}": md5 for name, md5 in self.listing(tracked.md5).items()}

    def absent(self, tracked: Iterable[Tracked]) -> list[str]:
        """List the objects of tracked paths that are not here, sorted."""
        missing = set()
        for one in tracked:
            if not self.place(one.md5).is_file():
                missing.add(one.md5)
                continue
            missing |= {md5 for md5 in self.files_of(one).values() if not self.place(md5).is_file()}
        return sorted(missing)

    def damaged(self, tracked: Iterable[Tracked]) -> list[str]:
        """List the objects that are here but are not what their name says, sorted: every byte is read."""
        names = set()
        for one in tracked:
            if self.place(one.md5).is_file():
                names.add(one.md5)
                if not self.is_damaged(one.md5):
                    names |= set(self.files_of(one).values())
        return sorted(md5 for md5 in names if self.place(md5).is_file() and self.is_damaged(md5))

    def is_damaged(self, md5: str) -> bool:
        """Whether an object's bytes are not what its name says."""
        return file_digest(self.place(md5), "md5") != md5.removesuffix(FOLDER)


def folder_md5(files: Mapping[str, str]) -> str:
    """Give the md5 that DVC gives to a folder of these files (md5 by relative path)."""
    entries = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return (
        hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + FOLDER
    )


def md5_of(path: Path, of_file: Callable[[Path], str]) -> str | None:
    """Give the md5 that DVC gives to what lies at a path, None if nothing does.

    Parameters
    ----------
    path : Path
        A file or a folder.
    of_file : callable
        Gives the md5 of a file: `gliomics.lineage.content_hashes.file_digest` reads every byte.
    """
    if path.is_file():
        return of_file(path)
    if path.is_dir():
        return folder_md5({name: of_file(path / name) for name in list_files(path)})
    return None


def restore(project: Path, store: ObjectStore, tracked: Tracked, *, keep_others: bool) -> None:
    """Put what a version holds at its path, file or folder as a whole.

    Parameters
    ----------
    project : Path
        Its folder.
    store : ObjectStore
        Has every object.
    tracked : Tracked
        What to put where.
    keep_others : bool
        Whether files of a folder that the version does not hold stay (case stores: records are found by
        content, so that none is ever wrong); otherwise the folder is replaced, by renaming.
    """
    target = project / tracked.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not tracked.is_folder:
        _copy_whole(store.place(tracked.md5), target)
    elif keep_others:
        for name, md5 in store.listing(tracked.md5).items():
            if not (target / name).is_file():
                _copy_whole(store.place(md5), target / name)
    else:
        _replace_folder(store, store.listing(tracked.md5), target)


def _replace_folder(store: ObjectStore, listing: Mapping[str, str], target: Path) -> None:
    remove_scratch(target)
    with replaced(target) as fresh:
        fresh.mkdir()
        for name, md5 in listing.items():
            _copy(store.place(md5), fresh / name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())


def _copy_whole(source: Path, target: Path) -> None:
    with replaced(target) as fresh:
        shutil.copyfile(source, fresh)
