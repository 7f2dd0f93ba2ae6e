"""Are the probabilities right, and would acting on them help: calibration and decision curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from gliomics.evaluation.statistics.intervals import Estimate
from gliomics.learning.sample import minority_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.evaluation.statistics.metrics import ScoredPatients

MIN_MINORITY = 10
"""With fewer patients in the smaller class slope and intercept are not estimable (PROTOCOL 3)."""
LARGEST_SLOPE = 50.0
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True)
class Calibration:
    """Logistic calibration of one score a patient (the mean over repeats).

    Attributes
    ----------
    slope : Estimate or None
        Of the labels on the log-odds; 1 is right, below 1 the scores are too extreme. None: not estimable.
    intercept : Estimate or None
        In the large: what must be added to the log-odds for the mean score to be right; 0 is right.
    curve : list of (mean score, share of long survivors, patients)
        Up to five groups of equal size, for the plot.
    """

    slope: Estimate | None
    intercept: Estimate | None
    curve: list[tuple[float, float, int]]


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit over thresholds, per patient.

    Attributes
    ----------
    threshold : list of float
        Probability of long survival from which on a patient is treated as a long survivor.
    net_benefit, low, high : list of float
        Of the model, with its band.
    treat_all : list of float
        Of calling everybody a long survivor; calling nobody has net benefit 0.
    """

    threshold: list[float]
    net_benefit: list[float]
    low: list[float]
    high: list[float]
    treat_all: list[float]


def calibrate(patients: ScoredPatients, weights: NDArray[np.float64], confidence: float) -> Calibration:
    """Estimate slope and intercept with bootstrap intervals.

    Parameters
    ----------
    patients : ScoredPatients
        Scores of n patients.
    weights : array of float, shape (b, n)
        Resamples of the patients.
    confidence : float
        Of the intervals.

    Returns
    -------
    Calibration
        Slope and intercept are None below `MIN_MINORITY` patients in the smaller class.

    References
    ----------
    Van Calster et al., BMC Medicine 17:230, 2019.
    """
    score = patients.score.mean(axis=0)
    curve = _curve(patients.y, score)
    if minority_count(patients.y) < MIN_MINORITY:
        return Calibration(None, None, curve)
    odds = logit(np.clip(score, 1e-6, 1 - 1e-6))
    point = calibration_lines(patients.y, odds, patients.once)
    resampled = calibration_lines(patients.y, odds, weights)
    slope, intercept = (_with_interval(float(point[part][0]), resampled[part], confidence) for part in (0, 1))
    return Calibration(slope, intercept, curve)


def calibration_lines(
    y: NDArray[np.int64], odds: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit slope (with a free intercept) and intercept (with slope 1) for many weightings at once.

    Parameters
    ----------
    y : array of int, shape (n,)
        Labels.
    odds : array of float, shape (n,)
        Log-odds of the scores.
    weights : array of float, shape (b, n)
        How often each patient counts.

    Returns
    -------
    slope, intercept : array of float, shape (b,)
        NaN where the labels are separated by the scores, or the scores are all equal.
    """
    slope = _newton(y, weights, np.stack([np.ones_like(odds), odds], axis=1), np.zeros_like(odds))[:, 1]
    intercept = _newton(y, weights, np.ones((len(odds), 1)), odds)[:, 0]
    usable = (np.abs(slope) < LARGEST_SLOPE) & ~_separated(y, odds, weights)
    return (
        np.where(usable, slope, np.nan),
        np.where(np.abs(intercept) < LARGEST_SLOPE, intercept, np.nan),
    )


def decision_curve(
    patients: ScoredPatients, weights: NDArray[np.float64], confidence: float
) -> DecisionCurve:
    """Compute the net benefit, averaged over repeats, with its bootstrap band.

    Parameters
    ----------
    patients : ScoredPatients
        Scores of n patients.
    weights : array of float, shape (b, n)
        Resamples of the patients.
    confidence : float
        Of the band.

    Returns
    -------
    DecisionCurve
        At the thresholds 0.05, 0.10, ... 0.95.

    References
    ----------
    Vickers and Elkin, Med Decis Making 26:565, 2006.
    """
    tail = (1.0 - confidence) / 2.0
    found = [_net_benefit(patients, patients.once, t)[0] for t in THRESHOLDS]
    bands = [np.quantile(_net_benefit(patients, weights, t), [tail, 1.0 - tail]) for t in THRESHOLDS]
    share = float(patients.y.mean())
    return DecisionCurve(
        threshold=list(THRESHOLDS),
        net_benefit=[float(value) for value in found],
        low=[float(band[0]) for band in bands],
        high=[float(band[1]) for band in bands],
        treat_all=[share - (1 - share) * t / (1 - t) for t in THRESHOLDS],
    )


def _separated(
    y: NDArray[np.int64], odds: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell where one cut parts the classes, so that the slope has no finite value."""
    counted = weights > 0
    ends = [
        (
            np.where(counted & (y == label), odds, np.inf).min(axis=1),
            np.where(counted & (y == label), odds, -np.inf).max(axis=1),
        )
        for label in (0, 1)
    ]
    parted: NDArray[np.bool_] = (ends[1][0] > ends[0][1]) | (ends[0][0] > ends[1][1])
    return parted


def _net_benefit(
    patients: ScoredPatients, weights: NDArray[np.float64], threshold: float
) -> NDArray[np.float64]:
    called = (patients.score >= threshold).mean(axis=0)
    gain = called * np.where(patients.y == 1, 1.0, -threshold / (1.0 - threshold))
    benefit: NDArray[np.float64] = weights @ gain / weights.sum(axis=1)
    return benefit


def _newton(
    y: NDArray[np.int64],
    weights: NDArray[np.float64],
    design: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> NDArray[np.float64]:
    beta = np.zeros((len(weights), design.shape[1]))
    for _ in range(30):
        probability = expit(beta @ design.T + offset)
        gradient = (weights * (y - probability)) @ design
        curvature = np.einsum("bn,ni,nj->bij", weights * probability * (1 - probability), design, design)
        curvature += 1e-9 * np.eye(design.shape[1])
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        beta += np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            break
    return beta


def _with_interval(value: float, resampled: NDArray[np.float64], confidence: float) -> Estimate:
    finite = resampled[np.isfinite(resampled)]
    if not len(finite):
        return Estimate(value, np.nan, np.nan)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail])
    return Estimate(value, float(low), float(high))


def _curve(y: NDArray[np.int64], score: NDArray[np.float64]) -> list[tuple[float, float, int]]:
    groups = np.array_split(np.argsort(score, kind="stable"), min(5, max(1, len(y) // 6)))
    return [(float(score[rows].mean()), float(y[rows].mean()), len(rows)) for rows in groups]
