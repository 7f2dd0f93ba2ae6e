"""The audit ``augment_before_split``: what a figure becomes when synthetic rows are made before the split.

It repeats a mistake on purpose, to measure it. The sampler is fitted on all labelled rows, and real and
synthetic rows are split together, so that test rows have shaped the training rows. Nothing that comes out of
here is ever a model: this module returns figures and scores, no fitted estimator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.cohort.permutations import permutation_orders
from gliomics.cohort.splits import deal
from gliomics.compute import ComputeSettings, is_needed, map_cases
from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, cross_validate
from gliomics.evaluation.cross_validation.preparation import prepare
from gliomics.evaluation.cross_validation.resampling import Resampler, is_synthetic
from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc
from gliomics.learning.guard import LeakageGuard
from gliomics.seeding import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.evaluation.settings import AuditSettings
    from gliomics.learning.sample import Sample

AUDIT_PROTOCOL = "augment_before_split"
ONE_PROCESS = ComputeSettings(workers=1)


@dataclass(frozen=True)
class AuditFigures:
    """What the mistake makes of one estimator.

    Attributes
    ----------
    estimator : str
        Recipe; ``tuned`` tells whether its nested tuning ran or its fixed default was used.
    tuned : bool
        See `estimator`.
    honest : float
        Within-fold AUC of the same estimator on Dataset 2 with synthetic rows in the training folds only.
    all_rows, real_rows_only : float
        Within-fold AUC of the audit over real and synthetic rows, as it is published, and over real rows.
    permuted_all_rows, permuted_real_rows_only : float
        The same with permuted labels, mean over the permutations.
    permutations : int
        Their number.
    """

    estimator: str
    tuned: bool
    honest: float
    all_rows: float
    real_rows_only: float
    permuted_all_rows: float
    permuted_real_rows_only: float
    permutations: int

    @property
    def optimism_leak(self) -> float:
        """What the test rows' influence on the training rows adds: real_rows_only - honest."""
        return self.real_rows_only - self.honest

    @property
    def optimism_scored_synthetic(self) -> float:
        """What scoring synthetic rows adds: all_rows - real_rows_only."""
        return self.all_rows - self.real_rows_only


@dataclass(frozen=True)
class _Job:
    """One augmented table, split once."""

    permutation: int
    repeat: int
    order: NDArray[np.intp] | None


def audit_design(
    design: CrossValidation, resampler: Resampler, settings: AuditSettings, compute: ComputeSettings
) -> pd.DataFrame:
    """Run the audit on an arm with observed and permuted labels.

    Parameters
    ----------
    design : CrossValidation
        The arm; its features must not depend on the fold. Its folds give the number of folds only: the
        augmented table is split anew, as the mistake has it.
    resampler : Resampler
        That of Dataset 2.
    settings : AuditSettings
        Repeats and permutations.
    compute : ComputeSettings
        How the work is spread.

    Returns
    -------
    DataFrame
        As from `gliomics.evaluation.cross_validation.out_of_fold.cross_validate`, with ``row_kind`` (``real``
        or ``synthetic``).

    References
    ----------
    PROTOCOL 4, "Audit"; Demircioglu, Sci Rep 14:11563, 2024 (the size of this mistake).
    """
    orders = permutation_orders(len(design.sample.y), settings.permutations, design.seed)
    jobs = [_Job(0, repeat, None) for repeat in range(settings.repeats)]
    jobs += [_Job(number, 0, order) for number, order in enumerate(orders, start=1)]
    split = partial(_split_augmented, design, resampler)
    tables = list(map_cases(split, jobs, compute, on_lost=is_needed(_name)))
    return pd.concat(tables, ignore_index=True)


def audit_figures(audited: pd.DataFrame, honest: float, *, estimator: str, tuned: bool) -> AuditFigures:
    """Condense the scores of an audit.

    Parameters
    ----------
    audited : DataFrame
        From `audit_design`.
    honest : float
        Within-fold AUC of the same estimator on Dataset 2, leakage-free.
    estimator : str
        Name of the recipe.
    tuned : bool
        Whether its nested tuning ran.

    Returns
    -------
    AuditFigures
        NaN where no fold has real rows of both classes.
    """
    real = audited.loc[audited["row_kind"] == "real"]
    permuted = [one for _, one in audited.groupby("permutation") if one["permutation"].iloc[0] > 0]
    return AuditFigures(
        estimator=estimator,
        tuned=tuned,
        honest=honest,
        all_rows=_auc(audited.loc[audited["permutation"] == 0]),
        real_rows_only=_auc(real.loc[real["permutation"] == 0]),
        permuted_all_rows=float(np.mean([_auc(one) for one in permuted])),
        permuted_real_rows_only=float(np.mean([_auc(one[one["row_kind"] == "real"]) for one in permuted])),
        permutations=len(permuted),
    )


def _name(job: _Job) -> str:
    return f"audit of permutation {job.permutation}, repeat {job.repeat}"


def _split_augmented(design: CrossValidation, resampler: Resampler, job: _Job) -> pd.DataFrame:
    n_folds = max(int(fold.max()) for fold in design.folds.values()) + 1
    sample = _prepare_everything(design)
    if job.order is not None:
        sample = replace(sample, X=sample.X[job.order])
    place = (job.permutation, job.repeat)
    mixed = _augment_everything(sample, resampler, generator(design.seed, "audit sampler", *place))
    groups = [np.flatnonzero(mixed.y == label) for label in (0, 1)]
    fold = deal(groups, n_folds, generator(design.seed, "audit folds", *place))
    leaky = CrossValidation(
        mixed, {job.repeat: fold}, design.recipe, design.tuning, design.seed, tune=design.tune
    )
    scored = cross_validate(leaky, None, [job.repeat], compute=ONE_PROCESS)
    kind = np.where(is_synthetic(scored["subject_id"]), "synthetic", "real")
    return scored.assign(permutation=np.int64(job.permutation), row_kind=kind)


def _prepare_everything(design: CrossValidation) -> Sample:
    """Filter and harmonise all rows at once: what comes before the sampler precedes the split as well."""
    return prepare(design.preparation, design.sample, LeakageGuard(())).apply(design.sample)


def _augment_everything(sample: Sample, resampler: Resampler, rng: np.random.Generator) -> Sample:
    """Make the mistake: nobody is held out while the sampler is fitted."""
    return resampler.augment(sample, rng, LeakageGuard(()))


def _auc(scored: pd.DataFrame) -> float:
    """Within-fold AUC; rows differ between repeats, so each repeat is taken by itself."""
    values = []
    for _, rows in scored.groupby("repeat"):
        patients = ScoredPatients.from_predictions(rows)
        values.append(float(within_fold_auc(patients, patients.once)[0]))
    return float(np.mean(values))
