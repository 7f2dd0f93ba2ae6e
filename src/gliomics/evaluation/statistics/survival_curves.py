"""Kaplan-Meier curves of the groups that the models made, their log-rank test, and Cox regression."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_POINTS = 100
"""Points of a curve that are kept; of more, evenly spaced ones, the last among them."""
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class HazardRatio:
    """Hazard ratio of a standard deviation of a covariate, with its Wald interval and p-value."""

    value: float
    low: float
    high: float
    p_value: float


def kaplan_meier_curve(
    days: NDArray[np.float64], died: NDArray[np.bool_], confidence: float
) -> dict[str, list[float] | list[int]]:
    """Estimate survival after every death.

    Parameters
    ----------
    days, died : array, shape (n,)
        Follow-up of at least one patient.
    confidence : float
        Of the pointwise interval.

    Returns
    -------
    dict of str to list
        ``days`` (0 first), ``survival``, ``low``, ``high`` (exponential Greenwood interval) and ``at_risk``
        just before each of these days.

    References
    ----------
    Kaplan and Meier, J Am Stat Assoc 53:457, 1958; Kalbfleisch and Prentice, 2002 (the interval).
    """
    from lifelines import KaplanMeierFitter

    fitter = KaplanMeierFitter(alpha=1.0 - confidence).fit(days, died)
    times = np.r_[0.0, np.unique(days[died])]
    if len(times) > MAX_POINTS:
        times = times[np.unique(np.linspace(0, len(times) - 1, MAX_POINTS).round().astype(int))]
    survival = fitter.survival_function_at_times(times).to_numpy()
    interval = fitter.confidence_interval_survival_function_
    at = interval.index.searchsorted(times, side="right") - 1
    low, high = (np.nan_to_num(interval.iloc[at, column].to_numpy(), nan=1.0) for column in (0, 1))
    low, high = np.where(survival == 0.0, 0.0, low), np.where(survival == 0.0, 0.0, high)
    return {
        "days": times.tolist(),
        "survival": survival.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "at_risk": [int((days >= time).sum()) for time in times],
    }


def at_risk_by_year(days: NDArray[np.float64], last_day: float) -> dict[str, list[int]]:
    """Count those still followed at the start of every year, for the table below the curves."""
    years = range(int(last_day // DAYS_PER_YEAR) + 1)
    return {"year": list(years), "n": [int((days >= year * DAYS_PER_YEAR).sum()) for year in years]}


def log_rank(
    days: NDArray[np.float64], died: NDArray[np.bool_], group: NDArray[np.bool_]
) -> tuple[float, float]:
    """Test two groups for equal survival.

    Parameters
    ----------
    days, died : array, shape (n,)
        Follow-up.
    group : array of bool, shape (n,)
        Both groups must have patients, and somebody must have died.

    Returns
    -------
    tuple of float
        Chi-square statistic (one degree of freedom) and p-value.

    References
    ----------
    Mantel, Cancer Chemother Rep 50:163, 1966.
    """
    from lifelines.statistics import logrank_test

    test = logrank_test(days[group], days[~group], died[group], died[~group])
    return float(test.test_statistic), float(test.p_value)


def hazard_ratio(
    risk: NDArray[np.float64], days: NDArray[np.float64], died: NDArray[np.bool_], confidence: float
) -> HazardRatio | None:
    """Fit a Cox model with one covariate, the standardised risk.

    Parameters
    ----------
    risk : array of float, shape (n,)
        Not constant.
    days, died : array, shape (n,)
        Follow-up.
    confidence : float
        Of the Wald interval.

    Returns
    -------
    HazardRatio or None
        None when the likelihood has no maximum (the risk orders all deaths).

    References
    ----------
    Cox, J R Stat Soc B 34:187, 1972; ties after Efron.
    """
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    table = pd.DataFrame({"risk": (risk - risk.mean()) / risk.std(), "days": days, "died": died})
    fitter = CoxPHFitter(alpha=1.0 - confidence)
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            fitter.fit(table, "days", "died")
    except (ConvergenceError, ConvergenceWarning):
        return None
    row = fitter.summary.loc["risk"]
    error = float(row["se(coef)"])
    if not np.isfinite(error) or abs(float(row["coef"])) > 20.0:
        return None
    limits = fitter.confidence_intervals_.loc["risk"].to_numpy()
    low, high = np.exp(np.clip(limits, -700.0, 700.0))
    return HazardRatio(float(np.exp(row["coef"])), float(low), float(high), float(row["p"]))


def ridge_cox_coefficients(
    X: NDArray[np.float64], days: NDArray[np.float64], died: NDArray[np.bool_], penalty: float
) -> NDArray[np.float64] | None:
    """Fit a ridge-penalised Cox model.

    Parameters
    ----------
    X : array of float, shape (n, p)
        Standardised covariates without gaps; a column of zeros gets a coefficient of zero.
    days, died : array, shape (n,)
        Follow-up; somebody must have died.
    penalty : float
        lifelines' ``penalizer``: half of it times the squared coefficients is taken from the mean partial
        log-likelihood.

    Returns
    -------
    array of float, shape (p,), or None
        Log hazard ratios; None when the fit did not converge.
    """
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    varying = np.flatnonzero(X.std(axis=0) > 1e-12)
    coefficients: NDArray[np.float64] = np.zeros(X.shape[1])
    if not len(varying):
        return coefficients
    names = [f"column_{column}" for column in varying]
    table: Any = pd.DataFrame(X[:, varying], columns=names).assign(days=days, died=died)
    fitter = CoxPHFitter(penalizer=penalty)
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the ridge bounds what is separable
            fitter.fit(table, "days", "died")
    except ConvergenceError:
        return None
    coefficients[varying] = fitter.params_.to_numpy()
    return coefficients
