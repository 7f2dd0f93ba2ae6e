"""Synthetic rows inside the folds: a sampler is fitted on training rows and its draws never leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from gliomics.errors import ValidationDesignError
from gliomics.learning.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gliomics.learning.guard import LeakageGuard

SYNTHETIC_PREFIX = "synthetic-"


def is_synthetic(ids: Iterable[str]) -> NDArray[np.bool_]:
    """Tell which rows are no patients."""
    return np.array([str(subject).startswith(SYNTHETIC_PREFIX) for subject in ids], dtype=bool)


@dataclass(frozen=True)
class Resampler:
    """Adds synthetic rows to a training set.

    Attributes
    ----------
    sampler : estimator
        Unfitted; has ``fit_resample`` (given rows first, then synthetic ones) and ``random_state``. It comes
        from outside: evaluation knows no sampler by name.
    """

    sampler: Any

    def augment(self, train: Sample, rng: np.random.Generator, guard: LeakageGuard) -> Sample:
        """Fit a fresh sampler on training rows and append its draws.

        Parameters
        ----------
        train : Sample
            Real training rows.
        rng : Generator
            Seeds the sampler.
        guard : LeakageGuard
            Stops the fit when a held-out patient is among the rows.

        Returns
        -------
        Sample
            The rows as given, then synthetic ones with ids ``synthetic-0001`` ...

        Raises
        ------
        ValidationDesignError
            If the sampler refuses a class that is too small.
        """
        guard.check("sampler", train.ids)
        seed = int(rng.integers(2**31))
        X, y = clone(self.sampler).set_params(random_state=seed).fit_resample(train.X, train.y)
        names = [f"{SYNTHETIC_PREFIX}{number:04d}" for number in range(1, len(y) - len(train.y) + 1)]
        ids = np.concatenate([train.ids, np.array(names, dtype=object)])
        return Sample(ids, np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.int64))

    def augment_if_possible(
        self, train: Sample, rng: np.random.Generator, guard: LeakageGuard
    ) -> tuple[Sample, bool]:
        """Do the same where the classes are large enough; else return the rows as they are, and False."""
        try:
            return self.augment(train, rng, guard), True
        except ValidationDesignError:
            return train, False
