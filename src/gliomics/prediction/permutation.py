"""The permutation control: an evaluation that finds skill where there is none is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
    """

    n: int
    mean: float
    sd: float
    bound: float
    passed: bool
    observed: float
    p_value: float


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
    if not np.isfinite(aucs).all() or not np.isfinite(observed):
        raise ValidationDesignError(
            where="permutation control",
            expected="every permutation must have a fold with patients of both classes",
            got=f"{np.count_nonzero(~np.isfinite(aucs))} of {n} permutations without one",
            fix="Use fewer folds (ingestion.folds.n_splits) or more labelled patients.",
        )
    mean, sd = float(aucs.mean()), float(aucs.std(ddof=1))
    bound = 0.5 + 3.0 * sd / float(np.sqrt(n))
    reached = int(np.count_nonzero(aucs >= observed - 1e-12))
    return PermutationControl(n, mean, sd, bound, mean <= bound, observed, (1 + reached) / (n + 1))
