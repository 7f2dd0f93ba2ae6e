"""The population stability index, and how large it is when nothing has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import betabinom, hypergeom

from gliomics.seeding import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_DRAWS = 20_000
CHUNK = 100_000
CLEAR = 20
"""Draws beyond the observed value after which no more are made."""
EVERYDAY = 0.95
"""Quantile of the index without any change that is shown beside it."""


def stability_index(training: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the population stability index.

    With shares p of the training patients and q of the new cases in each bin, it is the sum of
    (q - p) ln(q / p). Each count is raised by one half, so that an empty bin gives a large term and no
    infinite one.

    Parameters
    ----------
    training : array of int, shape (bins,)
        Counts of the training patients.
    new : array of int, shape (..., bins)
        Counts of the new cases.

    Returns
    -------
    array of float, shape (...)
        0 for equal shares.

    References
    ----------
    .. [1] Siddiqi, Credit Risk Scorecards, Wiley 2006.
    .. [2] Yurdakul and Naranjo, Statistical properties of the population stability index, J Risk Model Valid
       14(4), 2020.

    Examples
    --------
    >>> round(float(stability_index(np.array([10, 10]), np.array([5, 15]))), 3)
    0.247
    """
    p = (training + 0.5) / (training.sum() + 0.5 * len(training))
    q = (new + 0.5) / (new.sum(axis=-1, keepdims=True) + 0.5 * len(training))
    found: NDArray[np.float64] = ((q - p) * np.log(q / p)).sum(axis=-1)
    return found


@dataclass
class NoChange:
    """What the index is when new cases come from where the training patients came from.

    For bins between order statistics of n training values, the shares of the population in the bins are
    Dirichlet distributed with the counts of spacings as parameters, whatever the feature's distribution [1]_.
    So both samples' chance is in the reference: with few cases the index is large without any change (about
    (bins - 1)(1/n + 1/m), [2]_), and the reference is large too.

    Parameters
    ----------
    seed : int
        The run's.
    most_draws : int
        Where a probability is small.

    References
    ----------
    .. [1] Wilks, Mathematical Statistics, Wiley 1962, section 8.7.
    .. [2] Yurdakul and Naranjo 2020, as in `stability_index`.
    """

    seed: int
    most_draws: int
    _drawn: dict[tuple[tuple[int, ...], int, int], NDArray[np.float64]] = field(
        default_factory=dict, repr=False
    )

    def expected(self, counts: tuple[int, ...], cases: int) -> tuple[float, float]:
        """Give the mean index without change, and its 95th percentile."""
        drawn = self._draw(counts, cases, FIRST_DRAWS)
        return float(drawn.mean()), float(np.quantile(drawn, EVERYDAY))

    def probability(self, counts: tuple[int, ...], cases: int, observed: float) -> float:
        """Give the probability of an index at least as large without change.

        Never zero: (draws at least as large + 1) / (draws + 1).
        """
        drawn = self._draw(counts, cases, FIRST_DRAWS)
        beyond = _at_least(drawn, observed)
        if beyond < CLEAR and self.most_draws > FIRST_DRAWS:
            drawn = self._draw(counts, cases, self.most_draws)
            beyond = _at_least(drawn, observed)
        return (beyond + 1) / (len(drawn) + 1)

    def _draw(self, counts: tuple[int, ...], cases: int, draws: int) -> NDArray[np.float64]:
        """Draw indices, sorted; the same whatever was asked before, and once for each question."""
        known = self._drawn.get((counts, cases, draws))
        if known is not None:
            return known
        rng = generator(self.seed, "stability index", cases, *counts)
        training = np.asarray(counts)
        spacings = training + 1.0 / len(counts)
        parts = []
        for start in range(0, draws, CHUNK):
            shares = rng.dirichlet(spacings, size=min(CHUNK, draws - start))
            parts.append(stability_index(training, rng.multinomial(cases, shares)))
        found = np.sort(np.concatenate(parts))
        self._drawn[counts, cases, draws] = found
        return found


def outside_probability(outside: int, cases: int, training: int) -> float:
    """Give the probability that at least so many new values fall outside the training range by chance.

    The share of the population outside the range of n values is Beta(2, n - 1) distributed, whatever the
    feature's distribution; so the number among new cases is beta-binomial. Ties make it conservative.

    Parameters
    ----------
    outside, cases, training : int
        New values outside, new values, training values.

    Returns
    -------
    float
        1.0 where there is nothing to compare.

    References
    ----------
    .. [1] Wilks, Determination of sample sizes for setting tolerance limits, Ann Math Stat 12:91, 1941.

    Examples
    --------
    >>> round(outside_probability(1, 1, 9), 3)
    0.2
    """
    if training < 2 or outside == 0:
        return 1.0
    return float(betabinom.sf(outside - 1, cases, 2, training - 1))


def more_missing_probability(missing: int, cases: int, missing_before: int, training: int) -> float:
    """Give the one-sided probability of Fisher's exact test: so many missing among the new cases by chance.

    Parameters
    ----------
    missing, cases : int
        Of the new cases.
    missing_before, training : int
        Of the training patients.

    Examples
    --------
    >>> round(more_missing_probability(5, 5, 0, 5), 4)
    0.004
    """
    if missing == 0:
        return 1.0
    return float(hypergeom.sf(missing - 1, training + cases, missing_before + missing, cases))


def _at_least(drawn: NDArray[np.float64], observed: float) -> int:
    return len(drawn) - int(np.searchsorted(drawn, observed - 1e-12, side="left"))
