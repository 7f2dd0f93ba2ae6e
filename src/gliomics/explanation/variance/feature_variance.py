"""How each feature varies between and within the two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import f as f_distribution

from gliomics.explanation.feature_groups import group_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

VARIANCE_COLUMNS = (
    "feature",
    "block",
    "family",
    "region",
    "modality",
    "n",
    "n_long",
    "n_short",
    "variance",
    "share_between",
    "share_within",
    "omega_squared",
    "hedges_g",
    "f_statistic",
    "p_value",
    "q_value",
)
IN_SAMPLE_NOTE = (
    "Described on all labelled patients of the primary population, in-sample: no feature was selected, no "
    "model fitted and no score made from it."
)


def class_variance(table: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Analyse the variance of each feature over the two classes.

    Parameters
    ----------
    table : DataFrame
        Indexed by subject_id, one column a feature; missing values are left out feature by feature.
    labels : Series
        1 long, 0 short survival, indexed by subject_id; holds every patient of the table.

    Returns
    -------
    DataFrame
        `VARIANCE_COLUMNS`, in the order of the features. ``share_between`` is eta squared, the part of the
        sum of squares that lies between the class means, and with ``share_within`` adds up to 1;
        ``omega_squared`` corrects it for chance and may be below 0; ``hedges_g`` is (long - short) / pooled
        SD, corrected for small samples; ``q_value`` controls the false discovery rate over all features.
        NaN where a class has fewer than two values or the feature does not vary.

    References
    ----------
    Olejnik, Algina, Generalized eta and omega squared statistics, Psychol Methods 8, 2003; Hedges,
    Distribution theory for Glass's estimator of effect size, J Educ Stat 6, 1981; Benjamini, Hochberg, J R
    Stat Soc B 57, 1995.
    """
    y = labels.loc[table.index].to_numpy(dtype=np.int64)
    X = table.to_numpy(dtype=np.float64)
    known = np.isfinite(X)
    n1, n0 = (known[y == 1]).sum(axis=0), (known[y == 0]).sum(axis=0)
    n = n1 + n0
    mean1, mean0, mean = _mean(X[y == 1]), _mean(X[y == 0]), _mean(X)
    within = _squares(X[y == 1], mean1) + _squares(X[y == 0], mean0)
    total = _squares(X, mean)
    usable = (n1 >= 2) & (n0 >= 2) & (within > 1e-12 * np.maximum(total, 1e-300)) & (total > 0)
    between = np.where(usable, np.maximum(total - within, 0.0), np.nan)
    within, total = np.where(usable, within, np.nan), np.where(usable, total, np.nan)
    error = within / np.maximum(n - 2, 1)
    statistic = between / error
    p = f_distribution.sf(statistic, 1, np.maximum(n - 2, 1))
    g = (mean1 - mean0) / np.sqrt(error) * (1.0 - 3.0 / np.maximum(4.0 * (n - 2) - 1.0, 1.0))
    groups = [group_of(str(column)) for column in table.columns]
    made = pd.DataFrame(
        {
            "feature": [str(column) for column in table.columns],
            **{
                part: [getattr(group, part) for group in groups]
                for part in ("block", "family", "region", "modality")
            },
            "n": n,
            "n_long": n1,
            "n_short": n0,
            "variance": np.where(n > 1, _squares(X, mean) / np.maximum(n - 1, 1), np.nan),
            "share_between": between / total,
            "share_within": within / total,
            "omega_squared": (between - error) / (total + error),
            "hedges_g": g,
            "f_statistic": statistic,
            "p_value": p,
            "q_value": false_discovery_rate(p),
        }
    )
    return made[list(VARIANCE_COLUMNS)]


def false_discovery_rate(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values by Benjamini and Hochberg's step-up rule.

    Parameters
    ----------
    p : array of float, shape (m,)
        NaN = not tested, and not counted.

    Returns
    -------
    array of float, shape (m,)
        Smallest false discovery rate at which each is found.

    Examples
    --------
    >>> false_discovery_rate(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _mean(X: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(X)
    return np.asarray(np.where(known, X, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _squares(X: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((np.where(np.isfinite(X), X - mean, 0.0) ** 2).sum(axis=0))
