"""What moved a prediction: terms of the log-odds against a typical patient, for any fitted pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

ROWS_AT_ONCE = 256
SAFE = 1e-12
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Contributions:
    """The terms of one prediction.

    Attributes
    ----------
    terms : array of float, shape (columns,)
        By how much the log-odds fall when the column's value is replaced by the typical patient's.
    additive : bool
        Whether they add up to the difference of the two patients' log-odds. They do for a model that is
        linear in its columns: then each is coefficient times difference, exactly. Otherwise each is the
        effect of one column alone, and interactions are in none of them.
    """

    terms: NDArray[np.float64]
    additive: bool


def contributions(
    pipeline: Pipeline, row: NDArray[np.float64], typical: NDArray[np.float64]
) -> Contributions:
    """Take the log-odds of one patient apart.

    Parameters
    ----------
    pipeline : Pipeline
        From an array, missing values as NaN, to a probability; linear or not, stacked or not.
    row : array of float, shape (columns,)
        The patient. A missing value counts as the typical one, as imputation by the median has it.
    typical : array of float, shape (columns,)
        The medians of training.

    Returns
    -------
    Contributions
        In log-odds of long survival.
    """
    present = np.flatnonzero(~np.isnan(row) & (row != typical))
    whole = float(log_odds(pipeline, row[None])[0])
    terms = np.zeros(len(row))
    for start in range(0, len(present), ROWS_AT_ONCE):
        columns = present[start : start + ROWS_AT_ONCE]
        changed = np.repeat(row[None], len(columns), axis=0)
        changed[np.arange(len(columns)), columns] = typical[columns]
        terms[columns] = whole - log_odds(pipeline, changed)
    gap = whole - float(log_odds(pipeline, typical[None])[0])
    return Contributions(terms, bool(abs(terms.sum() - gap) <= TOLERANCE * max(1.0, abs(gap))))


def log_odds(pipeline: Pipeline, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the log-odds of long survival, from the decision function where that is what the scores follow.

    Parameters
    ----------
    pipeline : Pipeline
        A fitted classifier.
    X : array of float, shape (n, columns)
        Rows.

    Returns
    -------
    array of float, shape (n,)
    """
    probability = pipeline.predict_proba(X)[:, 1]
    margin: Any = pipeline.decision_function(X) if hasattr(pipeline, "decision_function") else None
    if margin is not None and np.allclose(expit(margin), probability, rtol=0, atol=1e-12):
        return np.asarray(margin, dtype=np.float64)
    return np.asarray(logit(np.clip(probability, SAFE, 1.0 - SAFE)), dtype=np.float64)
