"""Intervals over patients: a stratified bootstrap that carries all repeats of a patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gliomics.evaluation.statistics.metrics import ScoredPatients

INTERVAL_NOTE = (
    "Intervals are percentiles of a stratified bootstrap over patients, each carrying all repeats; "
    "they omit the variability of training."
)


@dataclass(frozen=True)
class Estimate:
    """A value with its percentile interval; NaN where it cannot be computed."""

    value: float
    low: float
    high: float


def resample_patients(y: NDArray[np.int64], n: int, seed: int) -> NDArray[np.float64]:
    """Draw patients with replacement inside each class.

    Parameters
    ----------
    y : array of int, shape (patients,)
        Class of each patient of the population, sorted by id; the same resamples serve every arm. -1 is the
        class of the censored; with them, the labelled are drawn as often as without them.
    n : int
        Number of resamples.
    seed : int
        The run's seed.

    Returns
    -------
    array of float, shape (n, patients)
        How often each patient was drawn; the counts of a class sum to its size.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993; PROTOCOL 3.
    """
    rng = generator(seed, "bootstrap")
    weights = np.zeros((n, len(y)))
    for label in (0, 1, -1):
        members = np.flatnonzero(y == label)
        if len(members):
            weights[:, members] = rng.multinomial(
                len(members), np.full(len(members), 1 / len(members)), size=n
            )
    return weights


def estimate(
    metric: Callable[[ScoredPatients, NDArray[np.float64]], NDArray[np.float64]],
    patients: ScoredPatients,
    weights: NDArray[np.float64],
    confidence: float,
) -> Estimate:
    """Compute a metric and its interval by the same function.

    Parameters
    ----------
    metric : callable
        One of `gliomics.evaluation.statistics.metrics.METRICS`.
    patients : ScoredPatients
        Scores of n patients.
    weights : array of float, shape (b, n)
        Resamples from `resample_patients`, restricted to these patients.
    confidence : float
        Coverage aimed at, such as 0.95.

    Returns
    -------
    Estimate
        Resamples without a usable fold are left out of the percentiles.
    """
    value = float(metric(patients, patients.once)[0])
    return percentile_interval(value, metric(patients, weights), confidence)


def percentile_interval(value: float, resampled: NDArray[np.float64], confidence: float) -> Estimate:
    """Put the percentile interval of resampled values around a value.

    Parameters
    ----------
    value : float
        On the patients as they are.
    resampled : array of float, shape (b,)
        In each resample; NaN where it has none.
    confidence : float
        Coverage aimed at, such as 0.95.

    Returns
    -------
    Estimate
        Without limits when no resample has a value.
    """
    finite = resampled[np.isfinite(resampled)]
    if not len(finite):
        return Estimate(value, np.nan, np.nan)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail])
    return Estimate(value, float(low), float(high))
