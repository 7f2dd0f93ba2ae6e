"""Comparing a candidate with the champion's settings, both scored out of fold on the candidate's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.cohort.populations import labelled, population
from gliomics.evaluation.arms import ArmSkipped, assemble_arm
from gliomics.evaluation.cases import arm_design
from gliomics.evaluation.cross_validation.out_of_fold import cross_validate, untrainable_fold
from gliomics.evaluation.statistics.comparisons import on_common_ground
from gliomics.evaluation.statistics.intervals import resample_patients
from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc
from gliomics.registry.gate import PairedDifference

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.arms import Block
    from gliomics.evaluation.settings import ModellingSettings
    from gliomics.registry.gate import GateLimits


def score_settings(
    arm: str,
    settings: ModellingSettings,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    blocks: Mapping[str, Block],
    *,
    primary_population: str,
    compute: ComputeSettings,
    seed: int,
) -> pd.DataFrame | str:
    """Cross-validate an arm's settings on a cohort: what a champion would be worth on a candidate's data.

    A champion itself was fitted on all patients of its time and is in-sample on them.

    Parameters
    ----------
    arm : str
        The champion's arm.
    settings : ModellingSettings
        The champion's recipes and tuning.
    cohort, folds : DataFrame
        Of the candidate's data version.
    blocks : mapping
        Feature tables of the candidate's data version.
    primary_population : str
        Who is scored.
    compute : ComputeSettings
        How fits are spread.
    seed : int
        The champion's seed.

    Returns
    -------
    DataFrame or str
        As `gliomics.evaluation.cross_validation.out_of_fold.cross_validate`, or why it cannot be done.

    References
    ----------
    PROTOCOL 9.
    """
    patients = labelled(population(cohort, primary_population)).sort_values("subject_id", ignore_index=True)
    table = assemble_arm(arm, patients, blocks)
    if isinstance(table, ArmSkipped):
        return f"the champion's {arm} arm cannot be scored on these data: {table.reason}"
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    design = arm_design(table, labels, folds, settings, seed)
    if not design.folds or untrainable_fold(design) is not None:
        return f"the champion's {arm} arm cannot be trained in every fold of these data"
    return cross_validate(design, None, design.repeats, compute=compute)


def paired_difference(
    candidate: pd.DataFrame, other: pd.DataFrame, limits: GateLimits, seed: int
) -> PairedDifference | str:
    """Compare two sets of out-of-fold scores on the patients and repeats that both have.

    Parameters
    ----------
    candidate, other : DataFrame
        ``subject_id``, ``repeat``, ``fold``, ``y_true``, ``y_score``, ``threshold``.
    limits : GateLimits
        The bootstrap.
    seed : int
        Of the resamples of patients.

    Returns
    -------
    PairedDifference or str
        Candidate minus other, or why they cannot be compared.
    """
    first, second, _ = on_common_ground(
        ScoredPatients.from_predictions(candidate), ScoredPatients.from_predictions(other)
    )
    if len(np.unique(first.y)) < 2 or not len(first.score):
        return "no patients of both classes whom both have scored"
    if not np.array_equal(first.fold, second.fold):
        return "the two were scored on other folds"
    weights = resample_patients(first.y, limits.bootstrap, seed)
    resampled = within_fold_auc(first, weights) - within_fold_auc(second, weights)
    resampled = resampled[np.isfinite(resampled)]
    if not len(resampled):
        return "no resample had a usable fold"
    tail = (1.0 - limits.confidence) / 2.0
    low, high = np.quantile(resampled, [tail, 1.0 - tail])
    value = float((within_fold_auc(first, first.once) - within_fold_auc(second, second.once))[0])
    return PairedDifference(value, float(low), float(high), len(first.y))
