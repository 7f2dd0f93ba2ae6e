"""The permutation control: an evaluation that finds skill where there is none is broken."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from gliomics.cohort.permutations import permutation_orders
from gliomics.errors import ValidationDesignError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True)
class PermutationControl:
    """What the control found.

    Attributes
    ----------
    n : int
        Number of permutations, B.
    mean, sd : float
        Of the permuted within-fold AUCs (SD with B - 1).
    bound : float
        0.5 + 3 SD / sqrt(B).
    passed : bool
        Whether the mean is at most the bound; a mean below 0.5 passes and is reported as it is.
    observed : float
        AUC of the observed table on the same repeats.
    p_value : float
        (1 + permutations that reach the observed AUC) / (B + 1).
    sd_source : str
        ``permutations``, or ``exact_null`` when B is too small to tell an SD.
    """

    n: int
    mean: float
    sd: float
    bound: float
    passed: bool
    observed: float
    p_value: float
    sd_source: str = "permutations"

    @property
    def power(self) -> float:
        """Chance that a leak which lifts permuted labels to `LEAK` would have exceeded the bound."""
        scatter = self.sd / sqrt(self.n)
        return 1.0 if scatter == 0 else float(norm.cdf((LEAK - self.bound) / scatter))

    @property
    def status(self) -> str:
        """``fails``, ``holds``, or ``not informative`` when the control could hardly have failed."""
        if not self.passed:
            return "fails"
        return "holds" if self.power >= MIN_POWER else "not informative"


LEAK, MIN_POWER = 0.75, 0.8
"""AUC of permuted labels under a leak worth finding, and the power below which a control says nothing."""


@dataclass(frozen=True)
class NotCovered:
    """A control that could not be made, and why; it neither holds nor fails."""

    reason: str
    observed: float


MIN_PERMUTATIONS_FOR_SD = 20
"""Below this many the SD of the permutations themselves is no basis of a bound."""


def permutation_control(
    evaluate: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    observed: float,
    n_rows: int,
    *,
    n: int,
    seed: int,
) -> PermutationControl:
    """Judge an evaluation by what it reports when features and labels have nothing to do with each other.

    Labels and folds stay together, so class counts per fold are kept; the feature rows are dealt to them
    anew.

    Parameters
    ----------
    evaluate : callable
        The whole evaluation, everything that learns included: takes orders, shape (n, n_rows), and gives the
        within-fold AUC of each, shape (n,).
    observed : float
        AUC of the observed table on the same repeats.
    n_rows : int
        Number of labelled patients.
    n : int
        Number of permutations, B.
    seed : int
        The run's seed.

    Returns
    -------
    PermutationControl
        Mean, SD, bound and verdict.

    Raises
    ------
    ValidationDesignError
        If an AUC cannot be computed, because no fold has both classes.

    References
    ----------
    PROTOCOL 4; p-value: Phipson and Smyth, Stat Appl Genet Mol Biol 9:39, 2010.
    """
    aucs = np.asarray(evaluate(permutation_orders(n_rows, n, seed)), dtype=np.float64)
    _refuse_undefined(aucs, observed)
    return _judge(aucs, observed, float(aucs.std(ddof=1)), "permutations")


def sparse_permutation_control(
    aucs: NDArray[np.float64], observed: float, null_sd: float
) -> PermutationControl:
    """Judge a few permutations, each of which cost the training of networks.

    One permutation has no SD, and few have a bad one. Below `MIN_PERMUTATIONS_FOR_SD` the SD is that of the
    within-fold AUC under the exact null (`exact_null_sd`), or that of the permutations if it is larger.

    Parameters
    ----------
    aucs : array of float, shape (B,)
        Within-fold AUC of each permutation.
    observed : float
        AUC of the observed table on the same repeats.
    null_sd : float
        From `exact_null_sd`.

    Returns
    -------
    PermutationControl
        ``sd_source`` tells which SD made the bound.

    References
    ----------
    PROTOCOL 4, "Supervised embeddings"; docs/decisions/0020.
    """
    _refuse_undefined(aucs, observed)
    seen = float(aucs.std(ddof=1)) if len(aucs) > 1 else 0.0
    if len(aucs) >= MIN_PERMUTATIONS_FOR_SD or seen > null_sd:
        return _judge(aucs, observed, seen, "permutations")
    return _judge(aucs, observed, null_sd, "exact_null")


def exact_null_sd(y: NDArray[np.int64], folds: list[NDArray[np.int64]]) -> float:
    """Compute the SD of the within-fold AUC of scores that have nothing to do with the labels.

    In a fold with m long and k short survivors the AUC of untied random ranks has the variance
    (m + k + 1) / (12 m k); folds are taken as independent, repeats as wholly dependent (their mean has the
    variance of one), so that the SD is not understated by repeating.

    Parameters
    ----------
    y : array of int, shape (n,)
        Labels.
    folds : list of array of int, shape (n,)
        Fold of every patient, one array a repeat.

    Returns
    -------
    float
        Mean over repeats of the SD of one repeat; NaN when no fold has both classes.

    References
    ----------
    Mann and Whitney, Ann Math Stat 18:50, 1947.

    Examples
    --------
    >>> exact_null_sd(np.array([1, 0]), [np.array([0, 0])])
    0.5
    """
    deviations = []
    for fold in folds:
        long = np.array([np.count_nonzero((fold == k) & (y == 1)) for k in np.unique(fold)], dtype=float)
        short = np.array([np.count_nonzero((fold == k) & (y == 0)) for k in np.unique(fold)], dtype=float)
        both = (long > 0) & (short > 0)
        if both.any():
            variance = (long + short + 1)[both] / (12 * long * short)[both]
            deviations.append(np.sqrt(variance.sum()) / np.count_nonzero(both))
    return float(np.mean(deviations)) if deviations else float("nan")


def restrict_order(
    order: NDArray[np.intp], drawn_over: NDArray[np.object_], ids: NDArray[np.object_]
) -> NDArray[np.intp]:
    """Translate an order of some patients into one of fewer patients.

    Parameters
    ----------
    order : array of int, shape (m,)
        Whose feature row each of the m patients is given.
    drawn_over : array of str, shape (m,)
        Those patients.
    ids : array of str, shape (n,)
        Patients of an arm, some of those.

    Returns
    -------
    array of int, shape (n,)
        Row of `ids`, or -1 where the feature row belongs to a patient whom the arm does not know.
    """
    row_of = {subject: row for row, subject in enumerate(ids)}
    given = dict(zip(drawn_over, np.asarray(drawn_over, dtype=object)[order], strict=True))
    return np.array([row_of.get(given.get(subject), -1) for subject in ids], dtype=np.intp)


def _refuse_undefined(aucs: NDArray[np.float64], observed: float) -> None:
    if not np.isfinite(aucs).all() or not np.isfinite(observed):
        raise ValidationDesignError(
            where="permutation control",
            expected="every permutation must have a fold with patients of both classes",
            got=f"{np.count_nonzero(~np.isfinite(aucs))} of {len(aucs)} permutations without one",
            fix="Use fewer folds (ingestion.folds.n_splits) or more labelled patients.",
        )


def _judge(aucs: NDArray[np.float64], observed: float, sd: float, sd_source: str) -> PermutationControl:
    n, mean = len(aucs), float(aucs.mean())
    bound = 0.5 + 3.0 * sd / float(np.sqrt(n))
    reached = int(np.count_nonzero(aucs >= observed - 1e-12))
    p_value = (1 + reached) / (n + 1)
    return PermutationControl(n, mean, sd, bound, mean <= bound, observed, p_value, sd_source)
