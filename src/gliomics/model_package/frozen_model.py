"""A model that stands and is never changed: what scores patients of another cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gliomics.model_package.final_model import FinalModel


@dataclass(frozen=True)
class Champion:
    """A frozen model.

    Attributes
    ----------
    model : FinalModel
        The fitted arm and its card.
    name, version : str
        Where it stands in the registry.
    content_hash : str or None
        The tag that registration gave it.
    """

    model: FinalModel
    name: str
    version: str
    content_hash: str | None

    @property
    def facts(self) -> dict[str, Any]:
        """What the metrics file says of it."""
        return {
            "name": self.name,
            "version": self.version,
            "arm": self.model.card["arm"],
            "fitted_on": self.model.card["n_train"],
            "content_hash": self.content_hash,
        }
