"""What the training patients looked like: counts in bins, to compare new cases with; no patient's row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_BINS = 10
PATIENTS_PER_BIN = 5
"""Training patients that a bin should hold at least; with fewer of them in all there are fewer bins."""


class ColumnProfile(BaseModel):
    """One column of the training patients.

    Attributes
    ----------
    known, missing : int
        Patients with and without a value.
    low, high : float or None
        Smallest and largest value.
    edges : tuple of float
        Upper ends of all bins but the last, ascending; a value at an edge belongs below it.
    counts : tuple of int
        Training patients in each bin; they add up to `known`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: int
    missing: int
    low: float | None
    high: float | None
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def count(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count values, none of them missing, in the bins."""
        places = np.searchsorted(np.asarray(self.edges), values, side="left")
        return np.bincount(places, minlength=len(self.counts))


class TrainingProfile(BaseModel):
    """Every column of a model's training patients, and its scores.

    Attributes
    ----------
    version : int
        Of this form.
    patients : int
        Training patients.
    columns : dict of str to ColumnProfile
        As the model sees them, text as numbers.
    fitted : ColumnProfile
        Scores that the model gives its own training patients.
    out_of_fold : ColumnProfile or None
        Mean scores that cross-validation gave them; known once the evaluation is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    patients: int
    columns: dict[str, ColumnProfile]
    fitted: ColumnProfile
    out_of_fold: ColumnProfile | None = None


def profile_training(
    columns: Sequence[str], encoded: NDArray[np.float64], scores: NDArray[np.float64]
) -> TrainingProfile:
    """Describe training patients.

    Parameters
    ----------
    columns : sequence of str
        Names.
    encoded : array, shape (patients, columns)
        Numbers, missing as NaN.
    scores : array, shape (patients,)
        The fitted model's.

    Returns
    -------
    TrainingProfile
        Aggregates only.
    """
    found = {str(name): profile_column(encoded[:, place]) for place, name in enumerate(columns)}
    return TrainingProfile(patients=len(encoded), columns=found, fitted=profile_column(scores))


def profile_column(values: NDArray[np.float64]) -> ColumnProfile:
    """Cut a column at quantiles of its known values; one of few different values gets a bin for each.

    Parameters
    ----------
    values : array, shape (patients,)
        Missing as NaN.

    Returns
    -------
    ColumnProfile
        At most ten bins, and none narrower than about five patients.

    Examples
    --------
    >>> profile_column(np.array([1.0, 1.0, 2.0, np.nan])).counts
    (2, 1)
    >>> len(profile_column(np.arange(100.0)).counts)
    10
    """
    known = np.sort(values[np.isfinite(values)])
    missing = len(values) - len(known)
    if not len(known):
        return ColumnProfile(known=0, missing=missing, low=None, high=None, edges=(), counts=())
    bins = min(MOST_BINS, max(2, len(known) // PATIENTS_PER_BIN))
    levels = np.unique(known)
    if len(levels) <= bins:
        edges = (levels[:-1] + levels[1:]) / 2
    else:
        places = np.round(len(known) * np.arange(1, bins) / bins).astype(int) - 1
        edges = np.unique(known[places])
        edges = edges[edges < known[-1]]
    found = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return ColumnProfile(
        known=len(known),
        missing=missing,
        low=float(known[0]),
        high=float(known[-1]),
        edges=tuple(map(float, edges)),
        counts=tuple(map(int, found)),
    )
