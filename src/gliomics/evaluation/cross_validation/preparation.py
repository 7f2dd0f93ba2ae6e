"""What happens to feature rows in a fold before synthetic rows are drawn and the recipe is fitted.

The stability filter and ComBat are fitted on the training rows of every fold and of every inner split,
without labels, and told to the guard. They go by the ids and the batches that travel with the feature rows,
so that under a permutation they see the patients whose images are there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from gliomics.errors import FeatureTableError
from gliomics.learning.harmonisation.batches import BATCH_COLUMN
from gliomics.learning.harmonisation.combat import CombatHarmoniser
from gliomics.learning.selection.stability_filter import BlankColumns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.evaluation.arms import ArmTable
    from gliomics.evaluation.cross_validation.tuning import FittedArm
    from gliomics.evaluation.settings import ModellingSettings
    from gliomics.learning.guard import LeakageGuard
    from gliomics.learning.sample import Sample
    from gliomics.learning.selection.stability_filter import StabilityJudge

FILTER_DOES_NOT_APPLY = "too few training patients with perturbed segmentations; every column was kept"


@dataclass(frozen=True)
class Preparation:
    """What is fitted before the recipe, and where its columns are.

    Attributes
    ----------
    columns : array of int
        The columns from images that are filtered and harmonised.
    names : tuple of str
        Their names.
    stable : StabilityJudge or None
        Names the stable columns; None leaves the filter out.
    min_icc : float
        What it asks for, to be written down.
    batch_column : int or None
        Where the batch is; None leaves ComBat out.
    batch : str
        What the batch is, to be written down.
    min_batch_rows : int
        Training rows that a batch needs.
    """

    columns: NDArray[np.intp]
    names: tuple[str, ...]
    stable: StabilityJudge | None = None
    min_icc: float = 0.0
    batch_column: int | None = None
    batch: str = ""
    min_batch_rows: int = 5


@dataclass(frozen=True)
class Prepared:
    """Fitted steps before the recipe.

    Attributes
    ----------
    steps : tuple of (str, transformer)
        In order; none when nothing is prepared.
    facts : dict of str to float
        Of the fit: ``columns_left_out`` (NaN where the filter does not apply), ``batches_harmonised``,
        ``training_rows_unharmonised``.
    """

    steps: tuple[tuple[str, Any], ...]
    facts: dict[str, float]

    def transform(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Prepare rows."""
        for _, step in self.steps:
            X = step.transform(X)
        return X

    def apply(self, sample: Sample) -> Sample:
        """Prepare the rows of a sample; ids and labels stay."""
        return replace(sample, X=self.transform(sample.X)) if self.steps else sample

    def columns_kept(self, width: int) -> NDArray[np.intp]:
        """Return the places of the columns that the filter keeps, of so many prepared ones."""
        filtered = next((step for name, step in self.steps if name == "stable"), None)
        left_out = [] if filtered is None else filtered.columns
        return np.setdiff1d(np.arange(width), np.asarray(left_out, dtype=np.intp))

    def before(self, arm: FittedArm) -> FittedArm:
        """Put the steps in front of a fitted arm, which then takes rows as they are in the table."""
        if not self.steps:
            return arm
        return replace(arm, pipeline=Pipeline([*self.steps, *arm.pipeline.steps]), prepared=self)

    def facts_of(self, scored: NDArray[np.float64]) -> dict[str, float]:
        """Return the facts of the fit, and how many scored rows passed unharmonised."""
        combat = next((step for name, step in self.steps if name == "harmonise"), None)
        if combat is None:
            return self.facts
        return {**self.facts, "scored_rows_unharmonised": float(combat.unharmonised(scored))}


UNPREPARED = Prepared((), {})


def preparation_of(table: ArmTable, settings: ModellingSettings) -> Preparation | None:
    """Set up what an arm's rows go through; None for an arm without radiomics or when nothing is asked for.

    Parameters
    ----------
    table : ArmTable
        Predictors of the arm; its blocks gave it batches and the judge of stability.
    settings : ModellingSettings
        Whether columns are filtered and harmonised.

    Returns
    -------
    Preparation or None
        Its positions are those of `ArmTable.columns`.

    Raises
    ------
    FeatureTableError
        If the settings ask for what the blocks do not hold.
    """
    asked = settings.selection.stability.enabled, settings.harmonisation.method == "combat"
    if not table.radiomic_columns or not any(asked):
        return None
    columns = [str(column) for column in table.X.columns]
    absent = [
        name
        for name, wanted, there in zip(
            ("stability", "batch"),
            asked,
            (table.stable is not None, BATCH_COLUMN in columns),
            strict=True,
        )
        if wanted and not there
    ]
    if absent:
        raise FeatureTableError(
            where=f"arm {table.arm}",
            expected="its blocks must hold what modelling.selection and modelling.harmonisation ask for",
            got=f"no block {', '.join(absent)}",
            fix="Add the judge of stability as 'stability' and what batch_block gives.",
        )
    position = {name: number for number, name in enumerate(columns)}
    return Preparation(
        columns=np.array([position[name] for name in table.radiomic_columns], dtype=np.intp),
        names=table.radiomic_columns,
        stable=table.stable if asked[0] else None,
        min_icc=settings.selection.stability.min_icc,
        batch_column=position[BATCH_COLUMN] if asked[1] else None,
        batch=settings.harmonisation.batch,
        min_batch_rows=settings.harmonisation.min_batch_rows,
    )


def prepare(preparation: Preparation | None, train: Sample, guard: LeakageGuard) -> Prepared:
    """Fit the steps on real training rows.

    Parameters
    ----------
    preparation : Preparation or None
        What to fit.
    train : Sample
        Real training rows with the ids of the patients whose features they hold.
    guard : LeakageGuard
        Stops the fit when a held-out patient is among them.

    Returns
    -------
    Prepared
        Fitted.

    Raises
    ------
    LeakageError
        If the filter or ComBat is about to see a held-out patient.
    """
    if preparation is None:
        return UNPREPARED
    steps: list[tuple[str, Any]] = []
    facts: dict[str, float] = {}
    X = train.X
    if preparation.stable is not None:
        guard.check("stability filter", train.ids)
        kept = preparation.stable([str(subject) for subject in train.ids])
        unstable = [] if kept is None else _not_among(kept, preparation)
        steps.append(("stable", BlankColumns(unstable).fit(X)))
        facts["columns_left_out"] = float("nan") if kept is None else float(len(unstable))
        X = steps[-1][1].transform(X)
    if preparation.batch_column is not None:
        guard.check("ComBat", train.ids)
        columns = [int(column) for column in preparation.columns]
        combat = CombatHarmoniser(preparation.batch_column, columns, preparation.min_batch_rows).fit(X)
        steps.append(("harmonise", combat))
        facts["batches_harmonised"] = float(len(combat.batches_))
        facts["training_rows_unharmonised"] = float(combat.unharmonised(train.X))
    return Prepared(tuple(steps), facts)


def _not_among(kept: frozenset[str], preparation: Preparation) -> list[int]:
    pairs = zip(preparation.columns, preparation.names, strict=True)
    return [int(column) for column, name in pairs if name not in kept]


def preparation_figures(observed: pd.DataFrame, preparation: Preparation | None) -> dict[str, Any]:
    """Say over all folds what the filter left out and whom ComBat could not harmonise.

    Parameters
    ----------
    observed : DataFrame
        Scores of the observed labels (`gliomics.evaluation.cross_validation.out_of_fold.cross_validate`).
    preparation : Preparation or None
        What was fitted.

    Returns
    -------
    dict
        JSON-ready: ``stability_filter`` and ``harmonisation``, each where it was asked for.
    """
    if preparation is None:
        return {}
    folds = observed.groupby(["repeat", "fold"]).first()
    found: dict[str, Any] = {}
    if preparation.stable is not None:
        left_out = folds["columns_left_out"].dropna()
        found["stability_filter"] = {
            "status": "applied" if len(left_out) == len(folds) else FILTER_DOES_NOT_APPLY,
            "min_icc_lower": preparation.min_icc,
            "n_columns": len(preparation.names),
            "folds": len(folds),
            "folds_applied": len(left_out),
            "columns_left_out": _spread(left_out),
        }
    if preparation.batch_column is not None:
        sizes = observed.groupby(["repeat", "fold"]).size()
        passed = int(folds["scored_rows_unharmonised"].sum())
        found["harmonisation"] = {
            "method": "combat",
            "batch": preparation.batch,
            "min_batch_rows": preparation.min_batch_rows,
            "folds": len(folds),
            "folds_harmonised": int((folds["batches_harmonised"] >= 2).sum()),
            "batches_harmonised": _spread(folds["batches_harmonised"]),
            "training_rows_unharmonised": _spread(folds["training_rows_unharmonised"]),
            "scored_rows": int(sizes.sum()),
            "scored_rows_unharmonised": passed,
            "warning": None if passed == 0 else _warning(passed, int(sizes.sum()), preparation),
        }
    return found


def _warning(passed: int, scored: int, preparation: Preparation) -> str:
    return (
        f"{passed} of {scored} scored rows passed unharmonised: their {preparation.batch} is unknown or has "
        f"fewer than {preparation.min_batch_rows} training rows, or fewer than two batches were left"
    )


def _spread(values: pd.Series) -> dict[str, float | None]:
    if values.empty:
        return {"min": None, "median": None, "max": None}
    return {"min": float(values.min()), "median": float(values.median()), "max": float(values.max())}
