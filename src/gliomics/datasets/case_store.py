"""The handle of a case store, handed to the nodes that fill and read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from gliomics.datasets.places import shown_place
from gliomics.errors import SettingsError
from gliomics.lineage.case_store import CaseStore


class CaseStoreDataset(AbstractDataset[None, CaseStore]):
    """A folder of per-case results that workers read and write themselves.

    The store outlives a run: that is its purpose. It is never the truth about a cohort, which is the table
    that a node gathers from it; deleting it costs time and nothing else.

    Parameters
    ----------
    path : str
        The store's folder.
    metadata : dict, optional
        Free facts for plugins such as kedro-viz.
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> CaseStore:
        """Return the store, tidied of what killed runs left."""
        store = CaseStore(self._path)
        store.remove_leftovers()
        return store

    def save(self, data: None) -> None:  # noqa: ARG002
        """Refuse: records are put one by one, by the workers that compute them."""
        raise SettingsError(
            where=f"case store {self._path.name}",
            expected="it must be filled record by record",
            got="an attempt to save it as a whole",
            fix="Take the store as an input of the node and put the records there.",
        )

    def _exists(self) -> bool:
        return True  # an empty store is a store

    def _describe(self) -> dict[str, Any]:
        return {"path": shown_place(self._path)}
