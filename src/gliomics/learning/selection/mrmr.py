"""Minimum redundancy, maximum relevance: features that say something new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from gliomics.learning.selection.ranking import FeatureRanking, label_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_F_SHARE = 1.0 - 1e-9
"""Squared correlations with the label above this, a perfect separation, give this one's F."""


class MrmrSelector(FeatureRanking):
    """Take, one after another, the feature with the best balance of relevance and redundancy.

    Relevance is the ANOVA F with the label, redundancy the mean absolute correlation with the features taken
    so far. Each step depends on the earlier ones only, so the first k of a longer ranking are the ranking of
    length k. Near-copies are passed over besides, as everywhere; `max_correlation` 1 leaves that out.

    Parameters
    ----------
    k : int
        Number of features to keep; fewer when fewer qualify.
    max_correlation : float
        Largest absolute correlation between two kept features.
    max_constant_share : float
        Largest share of training rows that may hold one value; 1 leaves out constants only.
    scheme : {"quotient", "difference"}
        F divided by the redundancy (FCQ), or F minus it (FCD). F has no bound and a mean correlation is at
        most 1, so that the difference differs little from the ANOVA ranking when F is large. The quotient's
        redundancy is taken as at least 1 / sqrt(n), the standard error of a correlation of nothing: a smaller
        one is an accident, and dividing by it would prefer noise.

    Attributes
    ----------
    order_ : array of int, shape (<= k,)
        Kept columns, best first.
    n_features_in_ : int
        Number of columns seen in `fit`.

    References
    ----------
    Ding and Peng, Minimum redundancy feature selection from microarray gene expression data, J Bioinform
    Comput Biol 3:185, 2005, table 1.
    """

    def __init__(
        self,
        k: int = 10,
        max_correlation: float = 0.9,
        max_constant_share: float = 1.0,
        scheme: Literal["quotient", "difference"] = "quotient",
    ) -> None:
        self.k = k
        self.max_correlation = max_correlation
        self.max_constant_share = max_constant_share
        self.scheme = scheme

    def relevance(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int64],
        unit: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Compute the ANOVA F of each column with the two classes."""
        squared = (label_correlation(unit, y) / np.linalg.norm(y - y.mean())) ** 2
        squared = np.minimum(squared, LARGEST_F_SHARE)
        return np.asarray(squared / (1.0 - squared) * (len(X) - 2), dtype=np.float64)

    def ranked(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int64],
        unit: NDArray[np.float64],
        eligible: NDArray[np.bool_],
    ) -> NDArray[np.intp]:
        """Take features one by one; see `FeatureRanking.ranked`."""
        relevance = np.where(eligible, self.relevance(X, y, unit), 0.0)
        left, redundancy = eligible.copy(), np.zeros(X.shape[1])
        taken: list[int] = []
        while len(taken) < self.k and left.any():
            balance = self._balance(relevance, redundancy / max(1, len(taken)), len(X), first=not taken)
            best = int(np.where(left, balance, -np.inf).argmax())
            taken.append(best)
            correlation = np.abs(unit[:, best] @ unit)
            redundancy += correlation
            left &= correlation <= self.max_correlation
            left[best] = False
        return np.asarray(taken, dtype=np.intp)

    def _balance(
        self, relevance: NDArray[np.float64], redundancy: NDArray[np.float64], n: int, *, first: bool
    ) -> NDArray[np.float64]:
        if first:
            return relevance
        if self.scheme == "difference":
            return np.asarray(relevance - redundancy)
        return np.asarray(relevance / np.maximum(redundancy, 1.0 / np.sqrt(n)))
