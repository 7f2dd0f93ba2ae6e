"""Ranking by the mutual information between a feature and the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import digamma
from sklearn.preprocessing import scale
from sklearn.utils import check_random_state

from gliomics.learning.selection.ranking import FeatureRanking

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MutualInformationSelector(FeatureRanking):
    """Keep the k features that tell most about the label and are no near-copies of a better one.

    Unlike the ANOVA F, mutual information also sees a feature that is high in one class at both ends. It is
    noisy on few patients: with ten in a class the estimates of unrelated features spread over 0.1 nat.

    Parameters
    ----------
    k : int
        Number of features to keep; fewer when fewer qualify.
    max_correlation : float
        Largest absolute correlation between two kept features.
    max_constant_share : float
        Largest share of training rows that may hold one value; 1 leaves out constants only.
    neighbours : int
        Neighbours of the estimate; fewer where a class is smaller.
    random_state : int
        Of the tiny noise that breaks ties.

    Attributes
    ----------
    order_ : array of int, shape (<= k,)
        Kept columns, best first.
    n_features_in_ : int
        Number of columns seen in `fit`.

    References
    ----------
    Ross, Mutual information between discrete and continuous data sets, PLoS ONE 9:e87357, 2014.
    """

    def __init__(
        self,
        k: int = 10,
        max_correlation: float = 0.9,
        max_constant_share: float = 1.0,
        neighbours: int = 3,
        random_state: int = 0,
    ) -> None:
        self.k = k
        self.max_correlation = max_correlation
        self.max_constant_share = max_constant_share
        self.neighbours = neighbours
        self.random_state = random_state

    def relevance(
        self,
        X: NDArray[np.float64],
        y: NDArray[np.int64],
        unit: NDArray[np.float64],  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Estimate the mutual information of each column with the label, in nats."""
        return mutual_information(X, y, neighbours=self.neighbours, random_state=self.random_state)


def mutual_information(
    X: NDArray[np.float64], y: NDArray[np.int64], *, neighbours: int = 3, random_state: int = 0
) -> NDArray[np.float64]:
    """Estimate the mutual information of continuous columns with a label, all columns at once.

    The estimate is that of scikit-learn's ``mutual_info_classif``, tie-breaking noise included, which builds
    two trees a column; here a column is a sorted line. Negative estimates are kept: they rank too.

    Parameters
    ----------
    X : array of float, shape (n, p)
        No missing values.
    y : array of int, shape (n,)
        Class of each row; a class of one row is left out.
    neighbours : int
        Neighbours within the class, at least 1; fewer where a class is smaller.
    random_state : int
        Of the noise, 1e-10 of the scaled column.

    Returns
    -------
    array of float, shape (p,)
        In nats.

    References
    ----------
    Ross, PLoS ONE 9:e87357, 2014; noise: Kraskov et al., Phys Rev E 69:066138, 2004.
    """
    if X.shape[1] == 0:
        return np.empty(0)
    noisy = scale(X, with_mean=False)
    amount = 1e-10 * np.maximum(1.0, np.abs(noisy).mean(axis=0))
    noisy = noisy + amount * check_random_state(random_state).standard_normal(size=noisy.shape)
    classes, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    kept = counts[inverse] > 1
    noisy, inverse = noisy[kept], inverse[kept]
    if len(classes) < 2:
        return np.zeros(X.shape[1])
    return _estimate(noisy, inverse, neighbours)


def _estimate(X: NDArray[np.float64], classes: NDArray[np.intp], neighbours: int) -> NDArray[np.float64]:
    """Compare the neighbours within a class with those among all, on columns (n, p) without ties."""
    radius = np.empty_like(X)
    used, sizes = np.empty(len(X)), np.empty(len(X))
    for label in np.unique(classes):
        rows = np.flatnonzero(classes == label)
        used[rows] = k = min(neighbours, len(rows) - 1)
        sizes[rows] = len(rows)
        radius[rows] = _distance_to_neighbour(X[rows], k)
    near = _count_nearer(X, radius)
    constant = digamma(len(X)) + digamma(used).mean() - digamma(sizes).mean()
    information: NDArray[np.float64] = constant - digamma(near).mean(axis=0)
    return information


def _distance_to_neighbour(X: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Distance of every value to its k-th nearest other one in its column, shape (n, p).

    In a sorted line the k nearest of a value lie in one of the k + 1 stretches of k + 1 values around it.
    """
    order = np.argsort(X, axis=0)
    line = np.take_along_axis(X, order, axis=0)
    n = len(line)
    nearest = np.full(line.shape, np.inf)
    for below in range(k + 1):
        inside = slice(below, n - (k - below))
        down = line[inside] - line[: n - k]
        up = line[k:] - line[inside]
        nearest[inside] = np.minimum(nearest[inside], np.maximum(down, up))
    distance = np.empty_like(nearest)
    np.put_along_axis(distance, order, nearest, axis=0)
    return distance


def _count_nearer(X: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the values of the column, itself among them, that are nearer than a radius; shape (n, p).

    The radius is shortened by some units in the last place, so that a value exactly that far, which is the
    neighbour that gave the radius, stays outside however sums are rounded.
    """
    shortened = radius - 8.0 * np.finfo(np.float64).eps * (np.abs(X) + radius)
    return _count_below(X, X + shortened) - _count_below(X, X - shortened)


def _count_below(X: NDArray[np.float64], limit: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the values of the column that are at most each limit, shape (n, p)."""
    order = np.argsort(np.concatenate([X, limit]), axis=0, kind="stable")
    passed = np.cumsum(order < len(X), axis=0)
    counts = np.empty(passed.shape, dtype=np.int64)
    np.put_along_axis(counts, order, passed, axis=0)
    return counts[len(X) :]
