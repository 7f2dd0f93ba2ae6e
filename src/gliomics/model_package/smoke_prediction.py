"""The prediction of its example that every model carries, and that whoever loads it must get again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

SMOKE_FILE: Final = "smoke.json"
SMOKE_FIGURES: Final = ("probability", "low", "high", "threshold")
SMOKE_TOLERANCE: Final = 1e-9
"""How far a model may be from its stored prediction, unless the gate is told otherwise."""


def figures_to_store(scored: pd.Series) -> dict[str, float | None]:
    """Pick what is stored beside a model.

    Parameters
    ----------
    scored : Series
        The example as `gliomics.model_package.scoring.score_rows` scores it.

    Returns
    -------
    dict of str to (float or None)
        `SMOKE_FIGURES`, None where the model gives none.
    """
    return {name: None if pd.isna(scored[name]) else float(scored[name]) for name in SMOKE_FIGURES}


def smoke_difference(found: Mapping[str, Any] | pd.Series, stored: Mapping[str, float | None]) -> float:
    """Compare a prediction of the stored example with the one stored beside it.

    Parameters
    ----------
    found : mapping of str
        The figures as they were predicted now; those that are absent or None differ.
    stored : mapping of str to (float or None)
        Content of `SMOKE_FILE`.

    Returns
    -------
    float
        The largest difference of a figure that is stored, infinite where one was not predicted.
    """
    known = {key: value for key, value in stored.items() if value is not None}
    return max(
        math.inf if found.get(key) is None else abs(float(found[key]) - value) for key, value in known.items()
    )
