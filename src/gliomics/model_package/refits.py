"""Refits of a final model on resamples of its patients: how far another sample would have moved a score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from gliomics.evaluation.cross_validation.tuning import tune_and_fit
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.recipes import transformed
from gliomics.seeding import generator

if TYPE_CHECKING:
    from gliomics.evaluation.cross_validation.preparation import Preparation
    from gliomics.evaluation.cross_validation.tuning import FittedArm
    from gliomics.learning.recipes import Recipe
    from gliomics.learning.sample import Sample
    from gliomics.learning.settings import TuningSettings

STACKING = ("weights", "intercept")
"""Parameters of a stacked classifier that come from inner splits, and that a refit takes over."""


def refit_on_resamples(
    recipe: Recipe,
    final: FittedArm,
    train: Sample,
    tuning: TuningSettings,
    *,
    preparation: Preparation | None = None,
    n: int,
    seed: int,
) -> list[Pipeline]:
    """Fit a final model's candidate again on bootstrap resamples of the patients, drawn inside each class.

    Preparation, imputation, scaling, selection and coefficients are all fitted anew. Kept as they are: what
    tuning chose and the weights of a stack (a patient drawn twice would stand on both sides of the inner
    splits), and the networks, whose vectors are columns here. So the spread of the scores is a lower bound of
    what a wholly new study would show.

    Parameters
    ----------
    recipe : Recipe
        What is fitted.
    final : FittedArm
        On all patients.
    train : Sample
        All labelled patients.
    tuning : TuningSettings
        As for the model itself.
    preparation : Preparation or None
        As for the model itself.
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
    fixed, rng = replace(recipe, default=final.candidate), generator(seed, "refits")
    members = [np.flatnonzero(train.y == label) for label in (0, 1)]
    refits = []
    for _ in range(n):
        sample = train.take(np.concatenate([rng.choice(ones, size=len(ones)) for ones in members]))
        fitted = tune_and_fit(
            fixed, sample, tuning, rng, LeakageGuard(()), tune=False, preparation=preparation
        )
        refits.append(_stacked_alike(fitted.pipeline, final.pipeline, sample))
    return refits


def _stacked_alike(refit: Pipeline, final: Pipeline, sample: Sample) -> Pipeline:
    """Give a stacked refit the weights of the final model's stack."""
    parameters = final[-1].get_params()
    if not set(STACKING) <= set(parameters):
        return refit
    *steps, (name, classifier) = refit.steps
    alike = clone(classifier).set_params(**{key: parameters[key] for key in STACKING})
    return Pipeline([*steps, (name, alike.fit(transformed(steps, sample.X), sample.y))])
