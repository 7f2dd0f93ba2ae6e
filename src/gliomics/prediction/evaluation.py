"""All arms of one population on the same folds: predictions and permutation controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.cohort.populations import labelled
from gliomics.cohort.populations import population as population_of
from gliomics.errors import ValidationDesignError
from gliomics.prediction.arms import ArmSkipped, ArmTable, assemble_arm, get_arm
from gliomics.prediction.cross_validation import (
    CrossValidation,
    columns_empty_in_training,
    cross_validate,
    folds_of,
    untrainable_fold,
)
from gliomics.prediction.encoding import TableEncoder
from gliomics.prediction.estimators import get_recipe
from gliomics.prediction.metrics import ScoredPatients, within_fold_auc
from gliomics.prediction.permutation import permutation_control
from gliomics.prediction.results import (
    ArmFacts,
    PopulationEvaluation,
    PopulationRefused,
    empty_predictions,
    stack_predictions,
)
from gliomics.prediction.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.cohort.settings import Population
    from gliomics.compute import ComputeSettings
    from gliomics.prediction.permutation import PermutationControl
    from gliomics.prediction.settings import ModellingSettings

__all__ = ["PopulationEvaluation", "evaluate_population"]


@dataclass(frozen=True)
class _Plan:
    """What every arm of a population shares."""

    patients: pd.DataFrame
    folds: pd.DataFrame
    settings: ModellingSettings
    seed: int
    compute: ComputeSettings
    on_progress: Callable[[str, int, int], None] | None


def evaluate_population(  # noqa: PLR0913  (one call holds all that an evaluation depends on)
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    blocks: Mapping[str, pd.DataFrame],
    *,
    arms: Sequence[str],
    population: Population,
    settings: ModellingSettings,
    seed: int,
    compute: ComputeSettings,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> PopulationEvaluation:
    """Evaluate arms on the labelled patients of a population.

    Parameters
    ----------
    cohort : DataFrame
        One row a patient: ``subject_id``, ``exclusion_reason``, ``benefit``, ``chemotherapy`` and the
        clinical columns.
    folds : DataFrame
        The one table of folds (`gliomics.cohort.splits.make_folds`).
    blocks : mapping of str to DataFrame
        ``radiomics`` and ``region_presence``, each absent when the cohort has none.
    arms : sequence of str
        Names in `gliomics.prediction.arms.ARMS`.
    population : {"treated", "all"}
        ``treated`` is the primary analysis: patients known to have had chemotherapy.
    settings : ModellingSettings
        Parameters under ``modelling``.
    seed : int
        The run's seed.
    compute : ComputeSettings
        How fits are spread over workers.
    on_progress : callable, optional
        Called with (arm, fits done, fits in all).

    Returns
    -------
    PopulationEvaluation
        Equal for any number of workers and any order of the rows.

    Raises
    ------
    SettingsError
        If an arm or the population is unknown.
    ValidationDesignError
        If the folds miss a labelled patient, or the control asks for more repeats than there are.

    References
    ----------
    PROTOCOL 1 to 4.
    """
    definitions = [get_arm(arm) for arm in arms]
    eligible = population_of(cohort, population).sort_values("subject_id", ignore_index=True)
    nothing = _describe(eligible, folds, population)
    labels = nothing.labels
    _check_folds(folds, labels, settings)
    reason = _too_few(labels.to_numpy(dtype=np.int64), nothing.n_folds, settings)
    if reason is not None:
        return replace(nothing, refused=PopulationRefused(population, reason))
    patients = labelled(eligible)
    plan = _Plan(patients, folds, settings, seed, compute, on_progress)
    results = {arm.name: _evaluate_arm(arm.name, plan, blocks) for arm in definitions}
    done = {name: result for name, result in results.items() if not isinstance(result, ArmSkipped)}
    return replace(
        nothing,
        predictions=stack_predictions({name: table for name, (table, _) in done.items()}),
        arms={name: facts for name, (_, facts) in done.items()},
        skipped=[result for result in results.values() if isinstance(result, ArmSkipped)],
    )


def _describe(eligible: pd.DataFrame, folds: pd.DataFrame, population: str) -> PopulationEvaluation:
    """Count the population; nothing is evaluated yet."""
    benefit = eligible.set_index("subject_id")["benefit"]
    labels = benefit.dropna().astype("int64")
    return PopulationEvaluation(
        population=population,
        n_eligible=len(benefit),
        n_censored=len(benefit) - len(labels),
        labels=labels,
        n_folds=int(folds["fold"].nunique()),
        repeats=int(folds["repeat"].nunique()),
        predictions=empty_predictions(),
    )


def _check_folds(folds: pd.DataFrame, labels: pd.Series, settings: ModellingSettings) -> None:
    repeats = int(folds["repeat"].nunique())
    if settings.permutation_control.repeats > repeats:
        raise ValidationDesignError(
            where="modelling.permutation_control.repeats",
            expected=f"at most the {repeats} repeats of the folds",
            got=settings.permutation_control.repeats,
            fix="Lower it, or raise ingestion.folds.repeats.",
        )
    times = folds["subject_id"].value_counts().reindex(labels.index).fillna(0)
    wrong = times.index[times != repeats]
    if len(wrong):
        raise ValidationDesignError(
            where="folds",
            expected=f"every labelled patient must be in a fold of each of the {repeats} repeats",
            got=f"{len(wrong)} patients who are not, such as {wrong[0]}",
            fix="Make the folds anew from this cohort.",
        )


def _too_few(y: NDArray[np.int64], n_folds: int, settings: ModellingSettings) -> str | None:
    """Say why these labels cannot be evaluated, or None."""
    n_long = int((y == 1).sum())
    n_short = len(y) - n_long
    if 0 in (n_long, n_short):
        return f"one class is empty: {n_short} short and {n_long} long survivors"
    needed = max(n_folds, settings.class_limits.min_minority)
    if min(n_long, n_short) < needed:
        return (
            f"the smaller class has {min(n_long, n_short)} patients ({n_short} short, {n_long} long), "
            f"{n_folds} folds need at least {needed}"
        )
    return None


def _evaluate_arm(
    name: str, plan: _Plan, blocks: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, ArmFacts] | ArmSkipped:
    table = assemble_arm(name, plan.patients, blocks)
    if isinstance(table, ArmSkipped):
        return table
    design = _design(table, plan)
    reason = _too_few(design.sample.y, plan.folds["fold"].nunique(), plan.settings) or untrainable_fold(
        design
    )
    if reason is not None:
        return ArmSkipped(name, f"of the {len(design.sample.y)} patients whom it can score, {reason}")
    predictions, control = _score_and_control(design, name, plan)
    facts = ArmFacts(
        columns=table.X.shape[1],
        columns_left_out=table.columns_left_out,
        columns_empty_in_a_fold=columns_empty_in_training(design),
        patients_without_row=len(table.subjects_without_row),
        control=control,
    )
    return predictions, facts


def _score_and_control(
    design: CrossValidation, arm: str, plan: _Plan
) -> tuple[pd.DataFrame, PermutationControl]:
    """Score the observed table on all repeats, and the permuted ones on as many as the control asks for."""
    asked = plan.settings.permutation_control
    some = design.repeats[: asked.repeats]
    on_done = _progress(design, arm, plan, permuted=asked.n * some)
    observed = cross_validate(design, None, design.repeats, compute=plan.compute, on_done=on_done)
    tables = [observed]

    def evaluate(orders: NDArray[np.intp]) -> NDArray[np.float64]:
        permuted = cross_validate(design, orders, some, compute=plan.compute, on_done=on_done)
        tables.append(permuted)
        return np.asarray([_auc(one) for _, one in permuted.groupby("permutation", sort=True)])

    observed_auc = _auc(observed.loc[observed["repeat"].isin(some)])
    control = permutation_control(evaluate, observed_auc, len(design.sample.y), n=asked.n, seed=plan.seed)
    return pd.concat(tables, ignore_index=True), control


def _design(table: ArmTable, plan: _Plan) -> CrossValidation:
    labels = plan.patients.set_index("subject_id")["benefit"].loc[table.X.index]
    columns = list(table.X.columns)
    sample = Sample(
        ids=table.X.index.to_numpy(dtype=object),
        X=TableEncoder(columns).transform(table.X),
        y=labels.to_numpy(dtype=np.int64),
    )
    recipe = get_recipe(get_arm(table.arm).recipe)
    folds = folds_of(plan.folds, sample.ids)
    return CrossValidation(sample, folds, recipe, plan.settings.tuning, plan.seed)


def _progress(
    design: CrossValidation, arm: str, plan: _Plan, *, permuted: list[int]
) -> Callable[[int], None] | None:
    """Turn "so many more fits" into the caller's (arm, done, in all)."""
    if plan.on_progress is None:
        return None
    report = plan.on_progress
    total = sum(len(np.unique(design.folds[repeat])) for repeat in design.repeats + permuted)
    done = 0

    def advance(fits: int) -> None:
        nonlocal done
        done += fits
        report(arm, done, total)

    return advance


def _auc(predictions: pd.DataFrame) -> float:
    patients = ScoredPatients.from_predictions(predictions)
    return float(within_fold_auc(patients, patients.once)[0])
