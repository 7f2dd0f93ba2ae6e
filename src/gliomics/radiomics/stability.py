"""How far a feature follows the segmentation: intraclass correlation and coefficient of variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.stats import f as f_distribution

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

TOO_FEW_SUBJECTS = "too_few_subjects"
NO_VARIATION = "no_variation"


class StabilitySettings(BaseModel):
    """How features are tested against other boundaries of the same tumour (PROTOCOL section 6).

    Attributes
    ----------
    perturbations : int
        Perturbed segmentations a case, beside its own; 0 leaves the analysis out.
    displacement_mm : float
        Standard deviation of the smooth random displacement along each axis.
    smoothness_mm : float
        Standard deviation of the Gaussian that smooths it.
    growth_mm : float
        Standard deviation of the amount by which a whole tumour grows or shrinks. With the default the
        volume changes about as much as between the five algorithms on the real patient (5 to 15 %).
    min_subjects : int
        Fewest subjects for an intraclass correlation.
    confidence : float
        Of its interval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    perturbations: int = Field(default=3, ge=0, le=50)
    displacement_mm: float = Field(default=0.75, ge=0, le=10)
    smoothness_mm: float = Field(default=4.0, gt=0, le=50)
    growth_mm: float = Field(default=0.3, ge=0, le=10)
    min_subjects: int = Field(default=10, ge=3)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)

    @field_validator("perturbations")
    @classmethod
    def _three_segmentations(cls, number: int) -> int:
        if number == 1:
            raise ValueError("an intraclass correlation needs three segmentations a case: at least 2, or 0")
        return number

    def drawing(self) -> dict[str, float]:
        """Give what decides how boundaries move; the rest decides what is made of it."""
        return self.model_dump(include={"perturbations", "displacement_mm", "smoothness_mm", "growth_mm"})


@dataclass(frozen=True)
class Agreement:
    """An intraclass correlation with its interval.

    Attributes
    ----------
    icc, lower, upper : float
        Estimate and confidence limits; NaN when every rating is the same.
    subjects, segmentations : int
        Size of the table that it comes from.
    """

    icc: float
    lower: float
    upper: float
    subjects: int
    segmentations: int


def icc_2_1(ratings: NDArray[np.float64], confidence: float = 0.95) -> Agreement:
    """Estimate ICC(2,1): two-way random effects, single rating, absolute agreement.

    Parameters
    ----------
    ratings : ndarray, shape (subjects, segmentations)
        One feature; finite, at least 2 x 2.
    confidence : float
        Of the two-sided interval.

    Returns
    -------
    Agreement
        The interval after McGraw and Wong (Satterthwaite's degrees of freedom).

    References
    ----------
    .. [1] Shrout and Fleiss, Intraclass correlations, Psychol Bull 86, 1979.
    .. [2] McGraw and Wong, Forming inferences about some intraclass correlation coefficients, Psychol
       Methods 1, 1996, table 7.
    """
    n, k = ratings.shape
    rows, columns, error = _mean_squares(ratings)
    total = rows + (k - 1) * error + k * (columns - error) / n
    if total <= 0 or error <= 0:
        perfect = 1.0 if rows > 0 and columns <= 0 else np.nan
        return Agreement(perfect, perfect, perfect, n, k)
    icc = (rows - error) / total
    ratio = columns / error
    weight = n * (1 + (k - 1) * icc) - k * icc
    numerator = (k - 1) * (n - 1) * (k * icc * ratio + weight) ** 2
    freedom = numerator / ((n - 1) * (k * icc * ratio) ** 2 + weight**2)
    level = 1 - (1 - confidence) / 2
    low, high = f_distribution.ppf(level, n - 1, freedom), f_distribution.ppf(level, freedom, n - 1)
    spread = k * columns + (k * n - k - n) * error
    lower = n * (rows - low * error) / (low * spread + n * rows)
    upper = n * (high * rows - error) / (spread + n * high * rows)
    return Agreement(float(icc), float(lower), float(upper), n, k)


def _mean_squares(ratings: NDArray[np.float64]) -> tuple[float, float, float]:
    n, k = ratings.shape
    grand = ratings.mean()
    by_row, by_column = ratings.mean(axis=1), ratings.mean(axis=0)
    residual = ratings - by_row[:, None] - by_column[None, :] + grand
    rows = k * float(np.sum((by_row - grand) ** 2)) / (n - 1)
    columns = n * float(np.sum((by_column - grand) ** 2)) / (k - 1)
    error = float(np.sum(residual**2)) / ((n - 1) * (k - 1))
    rounding = (np.finfo(float).eps * float(np.abs(ratings).max(initial=0))) ** 2 * n * k
    return tuple(square if square > rounding else 0.0 for square in (rows, columns, error))  # type: ignore[return-value]


def feature_stability(values: Mapping[str, NDArray[np.float64]], settings: StabilitySettings) -> pd.DataFrame:
    """Estimate the agreement of every feature over segmentations of the same cases.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (subjects, segmentations)
        Each feature; NaN is missing, and a subject with a missing value is left out of that feature.
    settings : StabilitySettings
        ``min_subjects`` and ``confidence``.

    Returns
    -------
    DataFrame
        One row a feature: ``feature``, ``icc``, ``icc_lower``, ``icc_upper``, ``subjects``,
        ``segmentations``, ``reason`` (empty where there is an estimate). Filters use ``icc_lower``.
    """
    rows = []
    for feature, table in values.items():
        complete = table[np.isfinite(table).all(axis=1)]
        row = Agreement(np.nan, np.nan, np.nan, len(complete), table.shape[1])
        reason = TOO_FEW_SUBJECTS
        if len(complete) >= settings.min_subjects:
            row = icc_2_1(complete, settings.confidence)
            reason = NO_VARIATION if np.isnan(row.icc) else ""
        rows.append((feature, row.icc, row.lower, row.upper, row.subjects, row.segmentations, reason))
    names = ["feature", "icc", "icc_lower", "icc_upper", "subjects", "segmentations", "reason"]
    return pd.DataFrame(rows, columns=names)


def estimate_stability(
    perturbed: pd.DataFrame, variants: pd.DataFrame, settings: StabilitySettings
) -> pd.DataFrame:
    """Describe how far each feature follows the segmentation.

    Parameters
    ----------
    perturbed : DataFrame
        ``subject_id``, ``segmentation`` and a column a feature
        (`gliomics.radiomics.tables.gather_perturbed`).
    variants : DataFrame
        ``subject_id``, ``algorithm`` and the same columns (`gliomics.radiomics.tables.gather_variants`).
    settings : StabilitySettings
        ``min_subjects`` and ``confidence``.

    Returns
    -------
    DataFrame
        As `feature_stability`, and ``cv`` (coefficient of variation over algorithms, median over patients),
        ``cv_patients`` and ``cv_note``.
    """
    table = feature_stability(_by_feature(perturbed), settings)
    features = list(table["feature"])
    spreads = pd.DataFrame(
        [
            [coefficient_of_variation(rows[feature].to_numpy()) for feature in features]
            for _, rows in variants.groupby("subject_id")
        ],
        columns=features,
        dtype="float64",
    )
    patients = spreads.notna().sum().to_numpy(dtype=np.int64)
    return table.assign(
        cv=spreads.median().to_numpy(dtype=np.float64),
        cv_patients=patients,
        cv_note=[_note(int(n)) for n in patients],
    )


def stable_features(
    perturbed: pd.DataFrame, subjects: Collection[str], settings: StabilitySettings, *, min_lower: float
) -> list[str]:
    """Name the features that hold still under other boundaries, judged on some patients alone.

    Parameters
    ----------
    perturbed : DataFrame
        As `estimate_stability`.
    subjects : collection of str
        The training patients of a fold; nobody else's rows are looked at.
    settings : StabilitySettings
        ``min_subjects`` and ``confidence``.
    min_lower : float
        Smallest lower confidence limit of ICC(2,1) that counts as stable.

    Returns
    -------
    list of str
        In the order of the columns. A feature without an estimate is not stable.
    """
    seen = perturbed[perturbed["subject_id"].isin(set(subjects))]
    table = feature_stability(_by_feature(seen), settings)
    return [str(name) for name in table.loc[table["icc_lower"] >= min_lower, "feature"]]


def _by_feature(perturbed: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Arrange a long table as one array (subjects, segmentations) a feature."""
    features = [name for name in perturbed.columns if name not in ("subject_id", "segmentation")]
    ordered = perturbed.sort_values(["subject_id", "segmentation"])
    n_subjects = ordered["subject_id"].nunique()
    n_segmentations = len(ordered) // n_subjects if n_subjects else 0
    cube = ordered[features].to_numpy(dtype=np.float64).reshape(n_subjects, n_segmentations, len(features))
    return {name: cube[:, :, position] for position, name in enumerate(features)}


def _note(patients: int) -> str:
    if patients == 0:
        return ""
    return f"{'one patient' if patients == 1 else f'{patients} patients'}, not an ICC"


def coefficient_of_variation(values: NDArray[np.float64]) -> float:
    """Give the standard deviation over the absolute mean, of one case's segmentations.

    Parameters
    ----------
    values : ndarray, shape (segmentations,)
        One feature of one case; missing values are left out.

    Returns
    -------
    float
        With n - 1 in the standard deviation; NaN with fewer than two values or a mean of 0. One patient's
        figure is not an ICC.
    """
    finite = values[np.isfinite(values)]
    mean = float(np.mean(finite)) if len(finite) else 0.0
    return float(np.std(finite, ddof=1)) / abs(mean) if len(finite) > 1 and mean != 0 else np.nan
