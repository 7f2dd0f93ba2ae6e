"""The fitted arms of a run: one folder an arm, replaced as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from gliomics.datasets.places import shown_place
from gliomics.lineage.durable_files import remove_scratch, replaced
from gliomics.model_package.final_model import FinalModel
from gliomics.model_package.model_files import load_final_model, save_final_model


class ModelFolderDataset(AbstractDataset[dict[str, FinalModel], dict[str, FinalModel]]):
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
        self.path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, FinalModel]:
        """Return every saved arm, sorted by name."""
        return {arm.name: load_final_model(arm) for arm in sorted(self.path.iterdir()) if arm.is_dir()}

    def save(self, data: dict[str, FinalModel]) -> None:
        """Replace the whole folder by these arms."""
        remove_scratch(self.path)
        with replaced(self.path) as fresh:
            fresh.mkdir()
            for arm, model in data.items():
                save_final_model(model, fresh / arm)

    def _exists(self) -> bool:
        return self.path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": shown_place(self.path)}
