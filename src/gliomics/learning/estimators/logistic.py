"""Ridge-penalised logistic regression for many candidates at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.learning.recipes import Candidate

MAX_ITERATIONS = 100
MAX_HALVINGS = 30
TOLERANCE = 1e-9
WIDE = 2
"""From this many times as many columns as rows, the design is rotated first."""


def l2_logistic(candidate: Candidate) -> LogisticRegression:
    """Make the L2-penalised logistic regression of a candidate."""
    return LogisticRegression(C=candidate.C, solver="newton-cholesky", tol=1e-8)


def ridge_logistic(
    designs: NDArray[np.float64], y: NDArray[np.int64], C: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Minimise scikit-learn's L2 objective for a batch of designs by damped Newton steps.

    The optimum is that of ``LogisticRegression(C=C)``: the sum of log-losses plus half the squared
    coefficients over C, intercept unpenalised. A whole set of candidates costs about as much as one fit.

    Parameters
    ----------
    designs : array of float, shape (m, n, p)
        One design a candidate. Columns of zeros get a coefficient of zero, so designs of different widths
        can be padded.
    y : array of int, shape (n,)
        0 or 1.
    C : array of float, shape (m,)
        Inverse strength of the penalty, one a candidate.

    Returns
    -------
    array of float, shape (m, p + 1)
        Intercept first, then the coefficients.

    References
    ----------
    Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 4.4.1 (Newton-Raphson).
    """
    m, n, p = designs.shape
    if p > WIDE * n:
        return _rotated(designs, y, C)
    design = np.concatenate([np.ones((m, n, 1)), designs], axis=2)
    penalty = np.concatenate([np.zeros((m, 1)), np.repeat(1.0 / C[:, None], p, axis=1)], axis=1)
    beta = np.zeros((m, p + 1))
    loss, going, found = _objective(design, y, penalty, beta), np.arange(m), np.zeros_like(beta)
    moved = np.ones(m, dtype=bool)
    for _ in range(MAX_ITERATIONS):
        probability = expit(np.einsum("mnp,mp->mn", design, beta))
        gradient = ((probability - y)[:, None, :] @ design)[:, 0, :] + penalty * beta
        left = moved & (np.abs(gradient).max(axis=1) > TOLERANCE * n)
        found[going] = beta
        if not left.any():
            break
        if not left.all():  # the others go on without those that have arrived
            going, design, penalty, beta, loss = (
                going[left],
                design[left],
                penalty[left],
                beta[left],
                loss[left],
            )
            probability, gradient = probability[left], gradient[left]
        curvature = np.swapaxes(design * (probability * (1.0 - probability))[:, :, None], 1, 2) @ design
        curvature[:, np.arange(p + 1), np.arange(p + 1)] += penalty + 1e-12
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        beta, loss, moved = _descend(design, y, penalty, (beta, loss, step))
    found[going] = beta
    return found


def _rotated(
    designs: NDArray[np.float64], y: NDArray[np.int64], C: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve wide designs in the space of their rows, where the optimum lies: n unknowns instead of p."""
    axes, triangle = np.linalg.qr(np.swapaxes(designs, 1, 2))
    beta = ridge_logistic(np.ascontiguousarray(np.swapaxes(triangle, 1, 2)), y, C)
    coefficients = (axes @ beta[:, 1:, None])[:, :, 0]
    coefficients[(designs == 0.0).all(axis=1)] = 0.0
    return np.concatenate([beta[:, :1], coefficients], axis=1)


def penalised_loss(
    designs: NDArray[np.float64], y: NDArray[np.int64], C: NDArray[np.float64], beta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute what `ridge_logistic` minimises, shape (m,), of its arguments and result."""
    penalty = np.repeat(1.0 / C[:, None], beta.shape[1], axis=1)
    penalty[:, 0] = 0.0
    design = np.concatenate([np.ones((*designs.shape[:2], 1)), designs], axis=2)
    return _objective(design, y, penalty, beta)


def _descend(
    design: NDArray[np.float64],
    y: NDArray[np.int64],
    penalty: NDArray[np.float64],
    state: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Take the step, halved for each candidate until its objective does not grow; tell which moved."""
    beta, loss, step = state
    size = np.ones(len(beta))
    for _ in range(MAX_HALVINGS):
        proposal = beta - size[:, None] * step
        proposed = _objective(design, y, penalty, proposal)
        worse = proposed > loss + 1e-12 * np.abs(loss)
        if not worse.any():
            return proposal, proposed, ~worse
        size[worse] *= 0.5
    better = ~worse
    return np.where(better[:, None], proposal, beta), np.where(better, proposed, loss), better


def _objective(
    design: NDArray[np.float64],
    y: NDArray[np.int64],
    penalty: NDArray[np.float64],
    beta: NDArray[np.float64],
) -> NDArray[np.float64]:
    eta = np.einsum("mnp,mp->mn", design, beta)
    value: NDArray[np.float64] = (np.logaddexp(0.0, eta) - y * eta).sum(axis=1)
    value += 0.5 * (penalty * beta**2).sum(axis=1)
    return value
