"""LASSO stability selection: features that halves of the patients agree on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path
from sklearn.utils import check_random_state

from gliomics.cohort.splits import deal
from gliomics.learning.selection.ranking import FeatureRanking, label_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LassoStabilitySelector(FeatureRanking):
    """Rank features by how often the LASSO picks them on random halves of the rows.

    The rows are halved `pairs` times, each class by itself, and both halves of a pair are used. On each the
    LASSO path of the label is followed for q steps, q the root of 0.8 p (an error bound of one false feature
    at a frequency of 0.9) and less than the rows of the half. Equal frequencies are ordered by the ANOVA F.
    The frequencies do not depend on `k`, so the first k of a longer ranking are the ranking of length k.

    Parameters
    ----------
    k : int
        Number of features to keep; fewer when fewer qualify.
    max_correlation : float
        Largest absolute correlation between two kept features.
    max_constant_share : float
        Largest share of training rows that may hold one value; 1 leaves out constants only.
    pairs : int
        Random halvings; two LASSO paths each.
    random_state : int
        Draws the halves.

    Attributes
    ----------
    order_ : array of int, shape (<= k,)
        Kept columns, best first.
    n_features_in_ : int
        Number of columns seen in `fit`.

    References
    ----------
    Meinshausen and Buehlmann, Stability selection, J R Stat Soc B 72:417, 2010 (q: section 2.4);
    complementary pairs: Shah and Samworth, J R Stat Soc B 75:55, 2013.
    """

    def __init__(
        self,
        k: int = 10,
        max_correlation: float = 0.9,
        max_constant_share: float = 1.0,
        pairs: int = 25,
        random_state: int = 0,
    ) -> None:
        self.k = k
        self.max_correlation = max_correlation
        self.max_constant_share = max_constant_share
        self.pairs = pairs
        self.random_state = random_state

    def relevance(
        self, X: NDArray[np.float64], y: NDArray[np.int64], unit: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Count in how many halves each column is picked, plus half its |correlation| to order ties."""
        counts = self._picked(X, y).sum(axis=0)
        correlation = label_correlation(unit, y) / np.linalg.norm(y - y.mean())
        return np.asarray(counts + 0.5 * correlation, dtype=np.float64)

    def _picked(self, X: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which columns each half picks, shape (2 pairs, p)."""
        random = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        classes = [np.flatnonzero(y == label) for label in (0, 1)]
        halves = []
        for _ in range(self.pairs):
            half = deal(classes, 2, random)
            halves += [np.flatnonzero(half == 0), np.flatnonzero(half == 1)]
        return np.stack([lasso_picks(X[rows], y[rows]) for rows in halves])


def lasso_picks(X: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Follow the LASSO path of a label for q = sqrt(0.8 p) steps, fewer than rows.

    Parameters
    ----------
    X : array of float, shape (n, p)
        Standardised here; a constant column is never picked.
    y : array of int, shape (n,)
        0 and 1; with one class nothing is picked.

    Returns
    -------
    array of bool, shape (p,)
        The columns with a weight at the end.
    """
    spread = X.std(axis=0)
    varies = np.flatnonzero(X.max(axis=0) > X.min(axis=0))
    picked = np.zeros(X.shape[1], dtype=bool)
    steps = min(int(np.ceil(np.sqrt(0.8 * X.shape[1]))), len(X) - 2)
    if len(varies) == 0 or steps < 1 or y.min() == y.max():
        return picked
    scaled = (X[:, varies] - X[:, varies].mean(axis=0)) / spread[varies]
    with warnings.catch_warnings():
        # Near-copies make a step degenerate; the path then ends early or drops one of them, as it should.
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, active, _ = lars_path(
            scaled, y - y.mean(), Gram=None, method="lasso", max_iter=steps, return_path=False
        )
    picked[varies[np.asarray(active, dtype=np.intp)]] = True
    return picked
