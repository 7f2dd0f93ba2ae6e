"""The fitted arms of a run: one folder an arm, replaced as a whole."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    from gliomics.prediction.final_model import FinalModel


class ModelFolderDataset(AbstractDataset["dict[str, FinalModel]", "dict[str, FinalModel]"]):
    """Fitted arms by name, each as skops and JSON in a folder of its own.

    Saving writes a new folder beside the old one and swaps them by renaming, so that a killed run never
    leaves a mixture of two runs' models.

    Parameters
    ----------
    path : str
        The folder that holds one folder an arm.
    metadata : dict, optional
        Free facts for plugins such as kedro-viz.
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, FinalModel]:
        """Return every saved arm, sorted by name."""
        from gliomics.serving.model_files import load_final_model  # noqa: PLC0415  (skops and torch: 4 s)

        return {arm.name: load_final_model(arm) for arm in sorted(self._path.iterdir()) if arm.is_dir()}

    def save(self, data: dict[str, FinalModel]) -> None:
        """Replace the whole folder by these arms."""
        from gliomics.serving.model_files import save_final_model  # noqa: PLC0415

        self._path.parent.mkdir(parents=True, exist_ok=True)
        for left_by_a_killed_save in self._path.parent.glob(f".{self._path.name}-*"):
            shutil.rmtree(left_by_a_killed_save)
        with tempfile.TemporaryDirectory(dir=self._path.parent, prefix=f".{self._path.name}-") as scratch:
            fresh = Path(scratch) / "new"
            fresh.mkdir()
            for arm, model in data.items():
                save_final_model(model, fresh / arm)
            if self._path.exists():
                self._path.rename(Path(scratch) / "old")
            fresh.rename(self._path)

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
