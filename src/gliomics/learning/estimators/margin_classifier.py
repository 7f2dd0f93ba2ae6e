"""A support vector machine that scores like the other classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from sklearn.svm import SVC

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MarginClassifier(SVC):  # type: ignore[misc]
    """A support vector machine whose score is the logistic function of its margin.

    The order of patients is that of the margin; as a probability it is uncalibrated and said to be so.
    """

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the scores of both classes, shape (n, 2)."""
        score = expit(self.decision_function(X))
        return np.column_stack([1.0 - score, score])
