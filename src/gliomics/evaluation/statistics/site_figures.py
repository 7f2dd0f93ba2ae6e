"""What leave-one-site-out adds to an arm's figures: which sites can say something, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.evaluation.statistics.intervals import estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.evaluation.statistics.metrics import ScoredPatients

SITE_NOTE = (
    "Every site is scored by models of the other sites. Only sites with both classes hold a pair to compare: "
    "the AUC is the mean over these, whatever their size; pair_weighted_auc counts each of their pairs once. "
    "Scores of different sites are never compared."
)


def no_fold_with_both(y: NDArray[np.int64], folds: Mapping[int, NDArray[np.int64]]) -> str | None:
    """Say that no fold holds patients of both classes, or None if one does in every repeat."""
    for repeat, fold in sorted(folds.items()):
        if not any(len(np.unique(y[fold == number])) == 2 for number in np.unique(fold)):
            return f"no fold of repeat {repeat} holds both a long and a short survivor"
    return None


def pair_weighted_auc(patients: ScoredPatients, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of all within-fold pairs in the right order; see `within_fold_auc` for shapes.

    The within-fold AUC weights folds equally; where folds differ much in size this counts pairs equally.
    """
    won, of = np.zeros(len(weights)), np.zeros(len(weights))
    for score, fold in zip(patients.score, patients.fold, strict=True):
        for number in np.unique(fold):
            long = np.flatnonzero((fold == number) & (patients.y == 1))
            short = np.flatnonzero((fold == number) & (patients.y == 0))
            gap = score[long][:, None] - score[short][None, :]
            right = (gap > 0) + 0.5 * (gap == 0)
            won += ((weights[:, long] @ right) * weights[:, short]).sum(axis=1)
            of += weights[:, long].sum(axis=1) * weights[:, short].sum(axis=1)
    return np.divide(won, of, out=np.full_like(won, np.nan), where=of > 0)


def site_figures(
    patients: ScoredPatients, sites: pd.Series, weights: NDArray[np.float64], confidence: float
) -> dict[str, Any]:
    """Count the classes of every site and compute the pair-weighted AUC.

    Parameters
    ----------
    patients : ScoredPatients
        Scores of leave-one-site-out: one repeat.
    sites : Series of str
        Site of each fold, indexed by fold.
    weights : array of float, shape (b, n)
        Resamples of the patients.
    confidence : float
        Of the interval.

    Returns
    -------
    dict
        JSON-ready: ``sites``, ``n_in_sites_with_both_classes``, ``pair_weighted_auc`` and a note.
    """
    counts, compared = {}, 0
    for number in np.unique(patients.fold[0]):
        y = patients.y[patients.fold[0] == number]
        n_short = int((y == 0).sum())
        both = 0 < n_short < len(y)
        compared += len(y) if both else 0
        counts[str(sites[number])] = {"n_long": len(y) - n_short, "n_short": n_short, "compared": both}
    found = estimate(pair_weighted_auc, patients, weights, confidence)
    return {
        "note": SITE_NOTE,
        "sites": counts,
        "n_in_sites_with_both_classes": compared,
        "pair_weighted_auc": {
            name: value if np.isfinite(value) else None
            for name, value in (("value", found.value), ("low", found.low), ("high", found.high))
        },
    }
