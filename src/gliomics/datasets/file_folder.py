"""A folder of files by name, replaced as a whole."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from gliomics.datasets.places import shown_place
from gliomics.datasets.previews import PREVIEWS
from gliomics.errors import SettingsError
from gliomics.lineage.durable_files import remove_scratch, replaced

if TYPE_CHECKING:
    from collections.abc import Callable


class FileFolderDataset(AbstractDataset[dict[str, bytes], dict[str, bytes]]):
    """Files that a node made, by their name in the folder, such as ``SUBJECT/map.nii.gz``.

    Saving writes a new folder beside the old one and swaps them by renaming, so that a killed run never
    leaves a mixture of two runs' files and no file of an earlier run stays.

    Parameters
    ----------
    path : str
        The folder.
    metadata : dict, optional
        Free facts for plugins such as kedro-viz. ``gliomics.preview`` names the file that kedro-viz shows.
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, bytes]:
        """Return every file by its name in the folder, sorted."""
        files = sorted(file for file in self.path.rglob("*") if file.is_file())
        return {file.relative_to(self.path).as_posix(): file.read_bytes() for file in files}

    def save(self, data: dict[str, bytes]) -> None:
        """Replace the whole folder by these files.

        Raises
        ------
        SettingsError
            If a name leads out of the folder.
        """
        for name in data:
            self._refuse_outside(name)
        remove_scratch(self.path)
        with replaced(self.path) as fresh:
            fresh.mkdir()
            for name, content in data.items():
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).write_bytes(content)

    @property
    def preview(self) -> Callable[..., Any]:
        """What kedro-viz calls for the panel of the dataset; absent where no file is named or there."""
        named = ((self.metadata or {}).get("gliomics") or {}).get("preview")
        if named is None or not (self.path / named).is_file():
            raise AttributeError(f"{self.path.name} has no preview")
        return partial(PREVIEWS[Path(named).suffix], self.path / named)

    def _refuse_outside(self, name: str) -> None:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise SettingsError(
                where=f"folder {self.path.name}",
                expected="a file's name must lie in the folder",
                got=repr(name),
                fix="Name the file without '..' and without a leading '/'.",
            )

    def _exists(self) -> bool:
        return self.path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": shown_place(self.path)}
