"""Refits of a final model on resamples of its patients: how far another sample would have moved a score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gliomics.prediction.guard import LeakageGuard
from gliomics.prediction.tuning import tune_and_fit
from gliomics.seeding import generator

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from gliomics.prediction.preparation import Preparation
    from gliomics.prediction.recipes import Candidate, Recipe
    from gliomics.prediction.sample import Sample
    from gliomics.prediction.settings import TuningSettings


def refit_on_resamples(
    recipe: Recipe,
    candidate: Candidate,
    train: Sample,
    tuning: TuningSettings,
    preparation: Preparation | None = None,
    *,
    n: int,
    seed: int,
) -> list[Pipeline]:
    """Fit a candidate again on bootstrap resamples of the patients, drawn inside each class.

    Imputation, scaling, selection and coefficients are all fitted anew. Kept as they are: what tuning chose
    (a patient drawn twice would stand on both sides of its inner splits), and the networks, whose vectors are
    columns here. A late fusion is refitted as the average of its block models, since without inner splits
    there is nothing to stack on. So the spread of the scores is a lower bound of what a new study would show.

    Parameters
    ----------
    recipe : Recipe
        What is fitted.
    candidate : Candidate
        What tuning chose on all patients.
    train : Sample
        All labelled patients.
    tuning : TuningSettings
        As for the model itself.
    preparation : Preparation or None
        Stability filter and ComBat, fitted anew too.
    n : int
        Number of resamples.
    seed : int
        The run's seed.

    Returns
    -------
    list of Pipeline
        `n` fitted pipelines, from an array to a probability.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993.
    """
    fixed, rng = replace(recipe, default=candidate), generator(seed, "refits")
    members = [np.flatnonzero(train.y == label) for label in (0, 1)]
    refits = []
    for _ in range(n):
        rows = np.concatenate([rng.choice(ones, size=len(ones)) for ones in members])
        fitted = tune_and_fit(
            fixed, train.take(rows), tuning, rng, LeakageGuard(()), tune=False, preparation=preparation
        )
        refits.append(fitted.pipeline)
    return refits
