"""Saving a file whole or not at all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from gliomics.datasets.places import shown_place
from gliomics.datasets.previews import PREVIEWS
from gliomics.lineage.durable_files import replaced

if TYPE_CHECKING:
    from collections.abc import Callable


class AtomicFileDataset(AbstractDataset[Any, Any]):
    """Any single-file dataset, saved to a temporary name, synced and renamed.

    Kedro's own saves write in place: a killed run leaves half a file that the next run reads. Here the old
    file stays until the new one is whole.

    Parameters
    ----------
    filepath : str
        Where the file lies; relative paths are relative to the project.
    dataset : dict
        Configuration of the wrapped dataset without ``filepath``, such as ``{type: pandas.ParquetDataset}``.
    metadata : dict, optional
        Free facts for plugins such as kedro-viz.
    """

    def __init__(
        self, *, filepath: str, dataset: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        self.filepath = Path(filepath)
        self.metadata = metadata
        self._dataset_config = dataset

    def load(self) -> Any:
        """Load through the wrapped dataset."""
        return self._wrapped(self.filepath).load()

    def save(self, data: Any) -> None:
        """Save through the wrapped dataset beside the target, then replace the target by it."""
        with replaced(self.filepath) as fresh:
            self._wrapped(fresh).save(data)

    @property
    def preview(self) -> Callable[..., Any]:
        """What kedro-viz calls for the panel of the dataset; absent before the file is there."""
        made = PREVIEWS.get(self.filepath.suffix)
        if made is None or not self.filepath.is_file():
            raise AttributeError(f"{self.filepath.name} has no preview")
        return partial(made, self.filepath)

    def _wrapped(self, path: Path) -> AbstractDataset[Any, Any]:
        config = {**self._dataset_config, "filepath": str(path)}
        return AbstractDataset.from_config(self.filepath.stem, config)

    def _exists(self) -> bool:
        return self.filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": shown_place(self.filepath), "dataset": self._dataset_config}
