"""All arms of one group of cases on the same folds: predictions and permutation controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from gliomics.cohort.permutations import permutation_orders
from gliomics.cohort.validation import LEAVE_ONE_SITE_OUT, REPEATED
from gliomics.errors import ValidationDesignError
from gliomics.evaluation.arms import ArmSkipped, ArmTable, assemble_arm, get_arm, recipe_of
from gliomics.evaluation.controls.dataset2 import auc_of, evaluate_dataset2
from gliomics.evaluation.controls.permutation import (
    NotCovered,
    exact_null_sd,
    permutation_control,
    restrict_order,
    sparse_permutation_control,
)
from gliomics.evaluation.cross_validation.out_of_fold import (
    CrossValidation,
    columns_empty_in_training,
    cross_validate,
    score_everybody,
    untrainable_fold,
)
from gliomics.evaluation.cross_validation.preparation import preparation_figures, preparation_of
from gliomics.evaluation.cross_validation.resampling import Resampler
from gliomics.evaluation.cross_validation.unlabelled import unlabelled_rows
from gliomics.evaluation.folds import folds_of
from gliomics.evaluation.results import (
    ArmFacts,
    PopulationEvaluation,
    PopulationRefused,
    describe_population,
    stack_censored,
    stack_predictions,
)
from gliomics.evaluation.statistics.cox_baseline import baseline_beside
from gliomics.evaluation.statistics.site_figures import no_fold_with_both
from gliomics.learning.estimators.encoding import TableEncoder
from gliomics.learning.registry import get_recipe
from gliomics.learning.sample import Sample
from gliomics.learning.selection.selectors import selection_figures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.cohort.validation import Validation
    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.arms import Block
    from gliomics.evaluation.controls.dataset2 import Dataset2Result, Dataset2Skipped
    from gliomics.evaluation.controls.permutation import PermutationControl
    from gliomics.evaluation.settings import ModellingSettings
    from gliomics.evaluation.statistics.censoring import FollowUp

__all__ = ["arm_design", "evaluate_cases"]


@dataclass(frozen=True)
class _Plan:
    """What every arm of a population shares."""

    patients: pd.DataFrame
    folds: pd.DataFrame
    settings: ModellingSettings
    seed: int
    compute: ComputeSettings
    on_progress: Callable[[str, int, int], None] | None
    networks_permuted: bool
    resampler: Resampler | None
    eligible: pd.DataFrame
    follow_up: FollowUp | None
    dealt: int


@dataclass(frozen=True)
class _Evaluated:
    """An arm that was scored."""

    labelled: pd.DataFrame
    censored: pd.DataFrame
    facts: ArmFacts


_Scored: TypeAlias = "tuple[pd.DataFrame, pd.DataFrame, PermutationControl | NotCovered]"
"""Scores of the labelled with permutations, scores of the censored, permutation control."""


def evaluate_cases(  # noqa: PLR0913  (one call holds all that an evaluation depends on)
    cases: pd.DataFrame,
    folds: pd.DataFrame,
    blocks: Mapping[str, Block],
    *,
    arms: Sequence[str],
    name: str,
    settings: ModellingSettings,
    seed: int,
    compute: ComputeSettings,
    on_progress: Callable[[str, int, int], None] | None = None,
    networks_permuted: bool = True,
    sampler: object | None = None,
    follow_up: FollowUp | None = None,
    validation: Validation = REPEATED,
) -> PopulationEvaluation:
    """Evaluate arms on cases of any kind.

    Parameters
    ----------
    cases : DataFrame
        One row a case, sorted by ``subject_id``: its label in ``benefit`` (1 or 0, missing where it is not
        known) and the columns that arms take from here, if they take any.
    name : str
        Of the group of cases, such as ``treated``.
    follow_up : FollowUp or None
        Survival of the cases, where there is such a thing.
    folds, blocks, arms, settings, seed, compute, on_progress, networks_permuted, sampler, validation
        As in `gliomics.evaluation.population.evaluate_population`.

    Returns
    -------
    PopulationEvaluation
        Equal for any number of workers and any order of the rows.

    Raises
    ------
    SettingsError
        If an arm is unknown.
    ValidationDesignError
        If the folds miss a labelled case, or the control asks for more repeats than there are.
    """
    definitions = [get_arm(arm) for arm in (*arms, *settings.recipes)][: len(arms)]
    for recipe in (*settings.recipes.values(), *settings.audit.estimators):
        get_recipe(recipe)
    nothing = replace(
        describe_population(cases, folds, name), follow_up=follow_up, validation=validation.text
    )
    labels = nothing.labels
    _check_folds(folds, labels, settings)
    dealt = 1 if validation.mode == LEAVE_ONE_SITE_OUT else nothing.n_folds
    reason = _too_few(labels.to_numpy(dtype=np.int64), dealt, settings)
    if reason is not None:
        return replace(nothing, refused=PopulationRefused(name, reason))
    known = cases[cases["benefit"].notna()].copy()
    resampler = None if sampler is None else Resampler(sampler)
    plan = _Plan(
        known,
        folds,
        settings,
        seed,
        compute,
        on_progress,
        networks_permuted,
        resampler,
        cases,
        nothing.follow_up,
        dealt,
    )
    results = {arm.name: _evaluate_arm(arm.name, plan, blocks) for arm in definitions}
    done = {arm: result for arm, result in results.items() if not isinstance(result, ArmSkipped)}
    facts = {arm: result.facts for arm, result in done.items()}
    return replace(
        nothing,
        predictions=stack_predictions({arm: result.labelled for arm, result in done.items()}, facts),
        censored=stack_censored({arm: result.censored for arm, result in done.items()}, name),
        arms=facts,
        skipped=[result for result in results.values() if isinstance(result, ArmSkipped)],
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
    """Say why these labels cannot be evaluated, or None; `n_folds`: how many each class is dealt into."""
    n_long = int((y == 1).sum())
    n_short = len(y) - n_long
    if 0 in (n_long, n_short):
        return f"one class is empty: {n_short} short and {n_long} long survivors"
    needed = max(n_folds, settings.class_limits.min_minority)
    if min(n_long, n_short) < needed:
        return (
            f"the smaller class has {min(n_long, n_short)} patients ({n_short} short, {n_long} long), "
            f"{n_folds} fold{'s need' if n_folds > 1 else ' needs'} at least {needed}"
        )
    return None


def _evaluate_arm(name: str, plan: _Plan, blocks: Mapping[str, Block]) -> _Evaluated | ArmSkipped:
    table = assemble_arm(name, plan.patients, blocks)
    if isinstance(table, ArmSkipped):
        return table
    design = _design(table, plan)
    if not design.folds:
        return ArmSkipped(name, "its networks were trained for none of the repeats of the folds")
    y = design.sample.y
    reason = _too_few(y, plan.dealt, plan.settings) or untrainable_fold(design)
    reason = reason or no_fold_with_both(y, design.folds)
    if reason is not None:
        return ArmSkipped(name, f"of the {len(design.sample.y)} patients whom it can score, {reason}")
    censored = plan.eligible[plan.eligible["benefit"].isna()]
    rows = unlabelled_rows(table, censored, blocks, plan.folds, design.repeats)
    score = _score_beside_networks if table.depends_on_fold else _score_and_control
    labelled_scores, censored_scores, control = score(replace(design, unlabelled=rows), table, plan)
    observed = labelled_scores.loc[labelled_scores["permutation"] == 0]
    facts = ArmFacts(
        columns=sum(table.sizes),
        columns_left_out=table.columns_left_out,
        columns_empty_in_a_fold=columns_empty_in_training(design),
        patients_without_row=len(table.subjects_without_row),
        control=control,
        repeats=len(design.repeats),
        train_auc=float(observed.groupby(["repeat", "fold"])["train_auc"].first().mean()),
        origins=() if table.embeddings is None else table.embeddings.origins,
        dataset2=_dataset2(design, name, plan),
        selection=selection_figures(design.recipe),
        preparation=preparation_figures(observed, design.preparation),
        cox_baseline=baseline_beside(name, plan.eligible, blocks, plan.follow_up, plan.settings.survival),
    )
    return _Evaluated(labelled_scores, censored_scores, facts)


def _dataset2(design: CrossValidation, arm: str, plan: _Plan) -> Dataset2Result | Dataset2Skipped | None:
    if plan.resampler is None or arm not in plan.settings.dataset2.arms:
        return None
    on_done = _progress(design, f"{arm}, Dataset 2", plan, permuted=[])
    return evaluate_dataset2(design, plan.resampler, plan.settings, plan.compute, on_done)


def _score_and_control(design: CrossValidation, table: ArmTable, plan: _Plan) -> _Scored:
    """Score the observed table on all repeats, and the permuted ones on as many as the control asks for."""
    asked = plan.settings.permutation_control
    some = design.repeats[: asked.repeats]
    on_done = _progress(design, table.arm, plan, permuted=asked.n * some)
    observed, censored = score_everybody(design, None, design.repeats, compute=plan.compute, on_done=on_done)
    tables = [observed]

    def evaluate(orders: NDArray[np.intp]) -> NDArray[np.float64]:
        permuted = cross_validate(design, orders, some, compute=plan.compute, on_done=on_done)
        tables.append(permuted)
        return np.asarray([auc_of(one) for _, one in permuted.groupby("permutation", sort=True)])

    observed_auc = auc_of(observed.loc[observed["repeat"].isin(some)])
    control = permutation_control(evaluate, observed_auc, len(design.sample.y), n=asked.n, seed=plan.seed)
    return pd.concat(tables, ignore_index=True), censored, control


def _score_beside_networks(design: CrossValidation, table: ArmTable, plan: _Plan) -> _Scored:
    """Score an arm of fold networks; its control needs networks that were trained on permuted labels."""
    orders, reason = _orders_of_networks(design, table, plan)
    some = list(design.vectors.repeats_of(1)) if design.vectors is not None and len(orders) else []
    on_done = _progress(design, table.arm, plan, permuted=len(orders) * some)
    observed, censored = score_everybody(design, None, design.repeats, compute=plan.compute, on_done=on_done)
    if not len(orders):
        return observed, censored, NotCovered(reason, auc_of(observed))
    permuted = cross_validate(design, orders, some, compute=plan.compute, on_done=on_done)
    aucs = np.asarray([auc_of(one) for _, one in permuted.groupby("permutation", sort=True)])
    null_sd = exact_null_sd(design.sample.y, [design.folds[repeat] for repeat in some])
    control = sparse_permutation_control(aucs, auc_of(observed.loc[observed["repeat"].isin(some)]), null_sd)
    return pd.concat([observed, permuted], ignore_index=True), censored, control


def _orders_of_networks(
    design: CrossValidation, table: ArmTable, plan: _Plan
) -> tuple[NDArray[np.intp], str]:
    """Draw again the permutations that networks were trained on; where there are none, say why."""
    nobody = np.empty((0, len(design.sample.y)), dtype=np.intp)
    if table.embeddings is None or design.vectors is None or not design.vectors.permutations:
        reason = "no network was trained on permuted labels (embedding.cnn3d.permutation_control.n is 0)"
        return nobody, reason
    if not plan.networks_permuted:
        return nobody, "permuted networks were trained for the primary population only"
    drawn_over = plan.patients["subject_id"].to_numpy(dtype=object)
    drawn = permutation_orders(len(drawn_over), design.vectors.permutations, plan.seed)
    orders = np.stack([restrict_order(order, drawn_over, design.sample.ids) for order in drawn])
    for order in orders:
        kept = order >= 0
        folds = {repeat: fold[kept] for repeat, fold in design.folds.items()}
        if untrainable_fold(replace(design, sample=design.sample.take(np.flatnonzero(kept)), folds=folds)):
            return nobody, "too few of the permuted patients have a row in every block of the arm"
    return orders, ""


def arm_design(
    table: ArmTable, labels: pd.Series, folds: pd.DataFrame, settings: ModellingSettings, seed: int
) -> CrossValidation:
    """Set up the cross-validation of an arm, as `evaluate_cases` runs it on Dataset 1.

    Parameters
    ----------
    table : ArmTable
        From `gliomics.evaluation.arms.assemble_arm`.
    labels : Series
        1 long, 0 short survival, indexed by subject_id; holds every patient of the table.
    folds : DataFrame
        The one table of folds.
    settings : ModellingSettings
        Recipes and tuning.
    seed : int
        The run's seed.

    Returns
    -------
    CrossValidation
        Its columns are those of `ArmTable.columns`. Of an arm of fold networks it has the repeats that
        networks exist for.
    """
    sample = Sample(
        ids=table.X.index.to_numpy(dtype=object),
        X=TableEncoder(list(table.X.columns), table.batches).transform(table.X),
        y=labels.loc[table.X.index].to_numpy(dtype=np.int64),
    )
    recipe = recipe_of(table, settings, seed)
    by_repeat = folds_of(folds, sample.ids)
    vectors = None if table.embeddings is None else table.embeddings.vectors_of(table.X.index)
    if vectors is not None:
        by_repeat = {repeat: fold for repeat, fold in by_repeat.items() if repeat in vectors.repeats}
    preparation = preparation_of(table, settings)
    return CrossValidation(sample, by_repeat, recipe, settings.tuning, seed, vectors, preparation=preparation)


def _design(table: ArmTable, plan: _Plan) -> CrossValidation:
    labels = plan.patients.set_index("subject_id")["benefit"]
    return arm_design(table, labels, plan.folds, plan.settings, plan.seed)


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
