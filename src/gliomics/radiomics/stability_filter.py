"""The stability filter of many folds: the lower limits of all features at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import f as f_distribution

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.radiomics.stability import StabilitySettings

MIN_SEGMENTATIONS = 3


@dataclass(frozen=True)
class StableFeatures:
    """Names the features that hold still under other boundaries, on whatever patients are asked for.

    It says what `gliomics.radiomics.stability.stable_features` says, fast enough to be asked in every fold,
    inner split and permutation.

    Attributes
    ----------
    subjects : array of str, shape (m,)
        Patients with perturbed segmentations, sorted.
    features : tuple of str
        Names of the columns.
    table : array of float, shape (m, segmentations, features)
        NaN is missing.
    settings : StabilitySettings
        ``min_subjects`` and ``confidence``.
    min_lower : float
        Smallest lower confidence limit of ICC(2,1) that counts as stable.
    """

    subjects: NDArray[np.object_]
    features: tuple[str, ...]
    table: NDArray[np.float64]
    settings: StabilitySettings
    min_lower: float

    @classmethod
    def from_perturbed(
        cls, perturbed: pd.DataFrame, settings: StabilitySettings, *, min_lower: float
    ) -> StableFeatures:
        """Arrange the table of perturbed segmentations.

        Parameters
        ----------
        perturbed : DataFrame
            ``subject_id``, ``segmentation`` and a column a feature, the same segmentations of every patient
            (`gliomics.radiomics.tables.gather_perturbed`); without rows the filter never applies.
        settings : StabilitySettings
            ``min_subjects`` and ``confidence``.
        min_lower : float
            Smallest lower confidence limit that counts as stable.

        Returns
        -------
        StableFeatures
            To be called with training patients.
        """
        ordered = perturbed.sort_values(["subject_id", "segmentation"])
        features = [name for name in perturbed.columns if name not in ("subject_id", "segmentation")]
        subjects = np.array(sorted(ordered["subject_id"].unique()), dtype=object)
        each = len(ordered) // len(subjects) if len(subjects) else 0
        values = ordered[features].to_numpy(dtype=np.float64)
        cube = values.reshape(len(subjects), each, len(features))
        return cls(subjects, tuple(map(str, features)), cube, settings, min_lower)

    def __call__(self, subjects: Collection[str]) -> frozenset[str] | None:
        """Name the stable features, or None where there are too few patients or segmentations for an ICC."""
        seen = self.table[np.isin(self.subjects, list(subjects))]
        if len(seen) < self.settings.min_subjects or seen.shape[1] < MIN_SEGMENTATIONS:
            return None
        stable = lower_limits(seen, self.settings) >= self.min_lower
        return frozenset(name for name, holds in zip(self.features, stable, strict=True) if holds)


def lower_limits(values: NDArray[np.float64], settings: StabilitySettings) -> NDArray[np.float64]:
    """Compute the lower confidence limit of ICC(2,1) of every feature.

    Parameters
    ----------
    values : array of float, shape (subjects, segmentations, features)
        A subject with a missing value is left out of that feature.
    settings : StabilitySettings
        ``min_subjects`` and ``confidence``.

    Returns
    -------
    array of float, shape (features,)
        As `gliomics.radiomics.stability.icc_2_1`; NaN with too few subjects or no variation.

    References
    ----------
    McGraw and Wong, Psychol Methods 1, 1996, table 7.
    """
    there = np.asarray(np.isfinite(values).all(axis=1), dtype=np.bool_)
    n, k = there.sum(axis=0), values.shape[1]
    enough = n >= settings.min_subjects
    lower = np.full(values.shape[2], np.nan)
    n, there, values = n[enough], there[:, enough], values[:, :, enough]
    rows, columns, error = _mean_squares(np.where(there[:, None, :], values, 0.0), there)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = rows + (k - 1) * error + k * (columns - error) / n
        icc = (rows - error) / total
        weight = n * (1 + (k - 1) * icc) - k * icc
        ratio = k * icc * columns / error
        freedom = (k - 1) * (n - 1) * (ratio + weight) ** 2 / ((n - 1) * ratio**2 + weight**2)
        low = f_distribution.ppf(1 - (1 - settings.confidence) / 2, n - 1, freedom)
        spread = k * columns + (k * n - k - n) * error
        found = n * (rows - low * error) / (low * spread + n * rows)
    without_error = np.where((rows > 0) & (columns <= 0), 1.0, np.nan)
    lower[enough] = np.where((total <= 0) | (error <= 0), without_error, found)
    return lower


def _mean_squares(
    values: NDArray[np.float64], there: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean squares of subjects, segmentations and the rest; absent subjects are 0 in `values`."""
    n, k = there.sum(axis=0), values.shape[1]
    grand = values.sum(axis=(0, 1)) / (n * k)
    by_row, by_column = values.mean(axis=1), values.sum(axis=0) / n
    difference = values - by_row[:, None, :] - by_column[None] + grand
    residual = np.where(there[:, None, :], difference, 0.0)
    squares = (
        k * (np.where(there, by_row - grand, 0.0) ** 2).sum(axis=0) / (n - 1),
        n * ((by_column - grand) ** 2).sum(axis=0) / (k - 1),
        (residual**2).sum(axis=(0, 1)) / ((n - 1) * (k - 1)),
    )
    rounding = (np.finfo(np.float64).eps * np.abs(values).max(axis=(0, 1), initial=0.0)) ** 2 * n * k
    rows, columns, error = (np.where(square > rounding, square, 0.0) for square in squares)
    return rows, columns, error
