"""Dataset 2 of an arm: synthetic rows in training folds, real patients scored; and the audit beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.evaluation.controls.audit import AuditFigures, audit_design, audit_figures
from gliomics.evaluation.controls.permutation import NotCovered, permutation_control
from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, cross_validate
from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc
from gliomics.learning.registry import get_recipe
from gliomics.learning.sample import minority_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.controls.permutation import PermutationControl
    from gliomics.evaluation.cross_validation.resampling import Resampler
    from gliomics.evaluation.settings import ModellingSettings

AUDIT_NEEDS_FIXED_FEATURES = (
    "its vectors depend on the fold, so there is no one table to augment before a split"
)
NETWORKS_PERMUTED_ONCE = "networks of permuted labels serve Dataset 1 only"


@dataclass(frozen=True)
class Dataset2Result:
    """What became of an arm on Dataset 2.

    Attributes
    ----------
    predictions : DataFrame
        Of real patients, with permutations
        (`gliomics.evaluation.cross_validation.out_of_fold.cross_validate`).
    control : PermutationControl or NotCovered
        Of Dataset 2 itself.
    minority_fitted_on : int
        Patients of the smaller class that the sampler of the poorest fold was fitted on.
    inner_parts, inner_parts_bare : int
        Inner splits of the observed labels, and those in which a class was too small for the sampler.
    audited : DataFrame or None
        Scores of the audit with the arm's own estimator (`gliomics.evaluation.controls.audit.audit_design`).
    audits : tuple of AuditFigures
        The arm's own estimator first, then the others.
    no_audit : str or None
        Why there is none.
    """

    predictions: pd.DataFrame
    control: PermutationControl | NotCovered
    minority_fitted_on: int
    inner_parts: int
    inner_parts_bare: int
    audited: pd.DataFrame | None
    audits: tuple[AuditFigures, ...]
    no_audit: str | None


@dataclass(frozen=True)
class Dataset2Skipped:
    """Dataset 2 could not be made for an arm, and why."""

    reason: str


def evaluate_dataset2(
    design: CrossValidation,
    resampler: Resampler,
    settings: ModellingSettings,
    compute: ComputeSettings,
    on_done: Callable[[int], None] | None = None,
) -> Dataset2Result | Dataset2Skipped:
    """Score an arm with synthetic rows in its training folds, and audit the mistake of making them before.

    Parameters
    ----------
    design : CrossValidation
        The arm as it is scored on Dataset 1: same patients, same folds.
    resampler : Resampler
        Makes the synthetic rows.
    settings : ModellingSettings
        Permutations and audit.
    compute : ComputeSettings
        How the work is spread.
    on_done : callable, optional
        Called with the number of fits that were just finished.

    Returns
    -------
    Dataset2Result or Dataset2Skipped
        Skipped when a training fold has too few patients of a class for the sampler.
    """
    poorest = min(
        minority_count(design.sample.y[fold != number])
        for fold in design.folds.values()
        for number in np.unique(fold)
    )
    needed = int(resampler.sampler.min_class)
    if poorest < needed:
        return Dataset2Skipped(
            f"a training fold has {poorest} patients of the smaller class, {needed} needed"
        )
    augmented = replace(design, resampler=resampler)
    observed = cross_validate(augmented, None, design.repeats, compute=compute, on_done=on_done)
    tables, control = _control(augmented, observed, settings, compute)
    fits = observed.groupby(["repeat", "fold"])[["inner_folds", "bare_inner_parts"]].first().sum()
    audited: pd.DataFrame | None = None
    audits: tuple[AuditFigures, ...] = ()
    if design.vectors is None:
        audited, audits = _audit(augmented, resampler, auc_of(observed), settings, compute)
    return Dataset2Result(
        predictions=pd.concat([observed, *tables], ignore_index=True),
        control=control,
        minority_fitted_on=poorest,
        inner_parts=int(fits["inner_folds"]),
        inner_parts_bare=int(fits["bare_inner_parts"]),
        audited=audited,
        audits=audits,
        no_audit=None if design.vectors is None else AUDIT_NEEDS_FIXED_FEATURES,
    )


def auc_of(predictions: pd.DataFrame) -> float:
    """Compute the within-fold AUC of one arm and permutation."""
    patients = ScoredPatients.from_predictions(predictions)
    return float(within_fold_auc(patients, patients.once)[0])


def _control(
    augmented: CrossValidation, observed: pd.DataFrame, settings: ModellingSettings, compute: ComputeSettings
) -> tuple[list[pd.DataFrame], PermutationControl | NotCovered]:
    if augmented.vectors is not None:
        return [], NotCovered(NETWORKS_PERMUTED_ONCE, auc_of(observed))
    first, tables = augmented.repeats[:1], []

    def evaluate(orders: NDArray[np.intp]) -> NDArray[np.float64]:
        permuted = cross_validate(augmented, orders, first, compute=compute)
        tables.append(permuted)
        return np.asarray([auc_of(one) for _, one in permuted.groupby("permutation", sort=True)])

    reached = auc_of(observed.loc[observed["repeat"].isin(first)])
    n = settings.dataset2.permutations
    control = permutation_control(evaluate, reached, len(augmented.sample.y), n=n, seed=augmented.seed)
    return tables, control


def _audit(
    augmented: CrossValidation,
    resampler: Resampler,
    honest: float,
    settings: ModellingSettings,
    compute: ComputeSettings,
) -> tuple[pd.DataFrame, tuple[AuditFigures, ...]]:
    """Audit the arm's own estimator, tuned, and the others with their fixed defaults."""
    own = audit_design(augmented, resampler, settings.audit, compute)
    figures = [audit_figures(own, honest, estimator=augmented.recipe.name, tuned=True)]
    for name in settings.audit.estimators:
        other = replace(augmented, recipe=get_recipe(name).untuned(), tune=False)
        some = other.repeats[: settings.audit.repeats]
        without_leak = auc_of(cross_validate(other, None, some, compute=compute))
        scored = audit_design(other, resampler, settings.audit, compute)
        figures.append(audit_figures(scored, without_leak, estimator=name, tuned=False))
    return own, tuple(figures)
