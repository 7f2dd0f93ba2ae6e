"""Paired comparisons of arms on the same patients, folds and repeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm, rankdata

from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

FAMILY: tuple[tuple[str, str], ...] = (
    ("fusion", "clinical"),
    ("fusion", "radiomics"),
    ("fusion", "deep"),
    ("radiomics", "clinical"),
    ("deep", "clinical"),
)
"""The comparisons that are corrected together (PROTOCOL 3)."""

POWER_FACTOR = float(norm.ppf(0.975) + norm.ppf(0.8))
"""Standard errors that a difference needs for 80 % power at a two-sided level of 5 %: about 2.8."""


@dataclass(frozen=True)
class Comparison:
    """One arm against another.

    Attributes
    ----------
    first, second : str
        Names; differences are first - second.
    n, repeats : int
        Patients whom both scored, and repeats that both have.
    difference, low, high : float
        Of the within-fold AUC, with the paired bootstrap interval.
    standard_error : float
        SD of the paired bootstrap.
    detectable : float
        Difference that this many patients could have shown with 80 % power.
    p_value, p_holm : float
        Paired permutation test, and corrected over the family.
    delong_difference, delong_p : float
        Secondary: one mean score a patient, compared across folds.
    """

    first: str
    second: str
    n: int
    repeats: int
    difference: float
    low: float
    high: float
    standard_error: float
    detectable: float
    p_value: float
    p_holm: float
    delong_difference: float
    delong_p: float


def compare_family(
    arms: Mapping[str, ScoredPatients],
    weights: Mapping[str, NDArray[np.float64]],
    *,
    confidence: float,
    permutations: int,
    seed: int,
) -> list[Comparison]:
    """Make every comparison of `FAMILY` whose two arms were evaluated, and correct them by Holm's method.

    Parameters
    ----------
    arms : mapping of str to ScoredPatients
        Leakage-free scores with observed labels.
    weights : mapping of str to array of float, shape (b, n)
        The shared resamples, restricted to each arm's patients.
    confidence : float
        Of the intervals.
    permutations : int
        Of each paired test.
    seed : int
        The run's seed.

    Returns
    -------
    list of Comparison
        In the order of `FAMILY`.

    References
    ----------
    Holm, Scand J Stat 6:65, 1979; PROTOCOL 3.
    """
    made = [
        _compare(first, second, (arms[first], arms[second]), weights[first], (confidence, permutations, seed))
        for first, second in FAMILY
        if first in arms and second in arms
    ]
    corrected = holm([one.p_value for one in made])
    return [replace(one, p_holm=p) for one, p in zip(made, corrected, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values by Holm's step-down method.

    Examples
    --------
    >>> [round(p, 6) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    corrected = np.empty(len(p_values))
    largest = 0.0
    for step, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[place]))
        corrected[place] = largest
    return [float(p) for p in corrected]


def paired_permutation_test(
    first: ScoredPatients, second: ScoredPatients, *, permutations: int, seed: int
) -> float:
    """Test whether two arms differ in within-fold AUC by swapping their ranks, patient by patient.

    A patient's ranks are swapped in all repeats at once: repeats are not more patients.

    Parameters
    ----------
    first, second : ScoredPatients
        The same patients, folds and repeats.
    permutations : int
        Number of random swaps.
    seed : int
        The run's seed.

    Returns
    -------
    float
        Two-sided p-value, (1 + swaps that differ as much) / (permutations + 1).
    """
    ranks = np.stack([_within_fold_ranks(first), _within_fold_ranks(second)])
    swap = generator(seed, "paired test").random((permutations + 1, len(first.y))) < 0.5
    swap[0] = False
    differences = np.zeros(len(swap))
    folds = 0
    for repeat, fold in enumerate(first.fold):
        for number in np.unique(fold):
            members = np.flatnonzero(fold == number)
            if len(np.unique(first.y[members])) == 2:
                differences += _swapped_difference(
                    ranks[:, repeat][:, members], first.y[members], swap[:, members]
                )
                folds += 1
    if not folds:
        return float("nan")
    reached = np.count_nonzero(np.abs(differences[1:]) >= abs(differences[0]) - 1e-9)
    return float((1 + reached) / (permutations + 1))


def delong(
    y: NDArray[np.int64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[float, float]:
    """Compare two correlated AUCs of one score a patient.

    Parameters
    ----------
    y : array of int, shape (n,)
        1 or 0.
    first, second : array of float, shape (n,)
        Scores.

    Returns
    -------
    difference : float
        AUC of the first minus that of the second.
    p_value : float
        Two-sided; 1 when the two never differ.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Biometrics 44:837, 1988.
    """
    long, short = y == 1, y == 0
    components = []
    for score in (first, second):
        wins = score[long][:, None] - score[short][None, :]
        wins = (wins > 0) + 0.5 * (wins == 0)
        components.append((wins.mean(axis=1), wins.mean(axis=0), wins.mean()))
    difference = float(components[0][2] - components[1][2])
    variance = sum(
        float(np.var(components[0][part] - components[1][part], ddof=1)) / len(components[0][part])
        for part in (0, 1)
    )
    if variance <= 0:
        return difference, 1.0 if difference == 0 else 0.0
    return difference, float(2 * norm.sf(abs(difference) / np.sqrt(variance)))


def on_common_ground(
    first: ScoredPatients, second: ScoredPatients
) -> tuple[ScoredPatients, ScoredPatients, NDArray[np.intp]]:
    """Keep the patients and repeats that both arms have; repeats are matched by their folds.

    Returns
    -------
    first, second : ScoredPatients
        Restricted.
    columns : array of int
        Places of the kept patients in `first` as given.
    """
    ids, left, right = np.intersect1d(first.ids.astype(str), second.ids.astype(str), return_indices=True)
    repeats = sorted(set(first.repeat) & set(second.repeat))
    kept = [
        ScoredPatients(
            ids=ids.astype(object),
            y=arm.y[columns],
            score=arm.score[rows][:, columns],
            threshold=arm.threshold[rows][:, columns],
            fold=arm.fold[rows][:, columns],
            repeat=tuple(repeats),
        )
        for arm, columns in ((first, left), (second, right))
        for rows in ([arm.repeat.index(repeat) for repeat in repeats],)
    ]
    return kept[0], kept[1], left


def _compare(
    first: str,
    second: str,
    arms: tuple[ScoredPatients, ScoredPatients],
    weights: NDArray[np.float64],
    how: tuple[float, int, int],
) -> Comparison:
    confidence, permutations, seed = how
    one, two, columns = on_common_ground(*arms)
    resampled = within_fold_auc(one, weights[:, columns]) - within_fold_auc(two, weights[:, columns])
    resampled = resampled[np.isfinite(resampled)]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(resampled, [tail, 1.0 - tail]) if len(resampled) else (np.nan, np.nan)
    error = float(resampled.std(ddof=1)) if len(resampled) > 1 else float("nan")
    p_value = paired_permutation_test(one, two, permutations=permutations, seed=seed)
    secondary = delong(one.y, one.score.mean(axis=0), two.score.mean(axis=0))
    difference = float((within_fold_auc(one, one.once) - within_fold_auc(two, two.once))[0])
    return Comparison(
        first,
        second,
        len(one.y),
        len(one.score),
        difference,
        float(low),
        float(high),
        error,
        POWER_FACTOR * error,
        p_value,
        p_value,
        *secondary,
    )


def _within_fold_ranks(patients: ScoredPatients) -> NDArray[np.float64]:
    ranks = np.empty_like(patients.score)
    for repeat, fold in enumerate(patients.fold):
        for number in np.unique(fold):
            members = fold == number
            ranks[repeat, members] = rankdata(patients.score[repeat, members])
    return ranks


def _swapped_difference(
    ranks: NDArray[np.float64], y: NDArray[np.int64], swap: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """AUC of the first minus the second arm in one fold, for every pattern of swaps, shape (b,)."""
    first = np.where(swap, ranks[1], ranks[0])
    second = np.where(swap, ranks[0], ranks[1])
    difference = np.zeros(len(swap))
    for arm, sign in ((first, 1.0), (second, -1.0)):
        for member in np.flatnonzero(y == 1):
            gap = arm[:, member][:, None] - arm[:, y == 0]
            difference += sign * ((gap > 0) + 0.5 * (gap == 0)).mean(axis=1) / np.count_nonzero(y == 1)
    return difference
