"""The frozen model of external validation, as a dataset."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset

from gliomics.cohort.validation import parse_validation
from gliomics.errors import RegistrationError
from gliomics.model_package.frozen_model import Champion
from gliomics.registry.champion import load_champion


class ChampionDataset(AbstractDataset[None, Champion | None]):
    """The champion that ``validation=external:<cohort>`` names; nothing in the other modes.

    Parameters
    ----------
    validation : str
        The parameter ``validation``.
    model_name_prefix : str
        Registered models are called ``<prefix>-<cohort>``.
    metadata : dict, optional
        Free facts for plugins such as kedro-viz.
    """

    def __init__(
        self, *, validation: str, model_name_prefix: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._validation = parse_validation(validation)
        self._prefix = model_name_prefix
        self.metadata = metadata

    def load(self) -> Champion | None:
        """Return the frozen model, or None when the mode of validation asks for none.

        Raises
        ------
        RegistrationError
            If the registry has no champion of that cohort.
        """
        cohort = self._validation.champion_of
        return None if cohort is None else load_champion(self._prefix, cohort)

    def save(self, data: None) -> None:  # noqa: ARG002
        """Refuse: a run never changes a champion."""
        raise RegistrationError(
            where="external_champion",
            expected="the champion must never be written by a pipeline",
            got="an attempt to save",
            fix="Register a candidate and promote it.",
        )

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"validation": self._validation.text, "model_name_prefix": self._prefix}
