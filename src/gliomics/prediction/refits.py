"""Refits of a final model on resamples of its patients: how far another sample would have moved a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from gliomics.seeding import generator

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline


def refit_on_resamples(
    pipeline: Pipeline, X: pd.DataFrame, y: pd.Series, *, n: int, seed: int
) -> tuple[Pipeline, ...]:
    """Fit a pipeline again on bootstrap resamples of the patients, drawn inside each class.

    Imputation, scaling, selection and coefficients are all fitted anew. Kept as they are: what tuning chose,
    and the networks, whose vectors are columns here. So the spread of the scores is a lower bound of what a
    wholly new study would show.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; only its settings are used.
    X : DataFrame, shape (patients, columns)
        Real patients.
    y : Series
        1 long, 0 short survival, indexed as `X`.
    n : int
        Number of resamples.
    seed : int
        The run's seed.

    Returns
    -------
    tuple of Pipeline
        `n` fitted pipelines.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993.
    """
    labels = y.loc[X.index].to_numpy(dtype=np.int64)
    rng = generator(seed, "refits")
    refits = []
    with threadpool_limits(1):
        for _ in range(n):
            rows = np.concatenate(
                [
                    rng.choice(members, size=len(members))
                    for members in (np.flatnonzero(labels == c) for c in (0, 1))
                ]
            )
            refits.append(clone(pipeline).fit(X.iloc[rows], labels[rows]))
    return tuple(refits)
