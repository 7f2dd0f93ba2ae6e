"""The folder of a cohort's raw data, handed out as a path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from gliomics.datasets.places import shown_place
from gliomics.errors import SettingsError


class RawFolderDataset(AbstractDataset[None, Path]):
    """A folder that is read where it lies and never written.

    Raw data comes in many formats and many files, and workers read their cases themselves; so nodes get
    the path, and the domain's readers open what they need (see docs/decisions/0002).

    Parameters
    ----------
    path : str
        The folder; relative paths are relative to the project.
    metadata : dict, optional
        Free facts for plugins such as kedro-viz.
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the folder.

        Raises
        ------
        SettingsError
            If there is no such folder.
        """
        if not self._path.is_dir():
            raise SettingsError(
                where=f"raw data folder {self._path.parent.name}/{self._path.name}",
                expected="the folder must exist",
                got=f"no folder {shown_place(self._path)}",
                fix="For the demo cohort run `gliomics demo`; for your own data put it there or name its "
                "place with `--params raw_dir=<folder>`.",
            )
        return self._path

    def save(self, data: None) -> None:  # noqa: ARG002
        """Refuse: raw data is never written by a run."""
        raise SettingsError(
            where="raw_folder",
            expected="raw data must never be written by a pipeline",
            got="an attempt to save",
            fix="Save to a dataset of a later layer.",
        )

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": shown_place(self._path)}
