"""Rows of features that never lose their patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """Features, labels and the patients whom the feature rows belong to.

    Attributes
    ----------
    ids : array of str, shape (n,)
        Whose features each row holds.
    X : array of float, shape (n, p)
        Features, missing as NaN.
    y : array of int, shape (n,)
        1 long, 0 short survival.
    """

    ids: NDArray[np.object_]
    X: NDArray[np.float64]
    y: NDArray[np.int64]

    def take(self, rows: NDArray[np.intp]) -> Sample:
        """Return the sample of some rows."""
        return Sample(self.ids[rows], self.X[rows], self.y[rows])

    @property
    def minority(self) -> int:
        """Number of patients in the smaller class."""
        return minority_count(self.y)


def minority_count(y: NDArray[np.int64]) -> int:
    """Count the smaller of the two classes (0 when one is absent)."""
    n_long = int(np.count_nonzero(y == 1))
    return min(n_long, len(y) - n_long)
