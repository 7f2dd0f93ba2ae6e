"""The same honest protocol on any table of features: one row a case, a label, an id."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from gliomics.cohort.outcome import table_task
from gliomics.cohort.splits import FoldSettings, deal_repeats
from gliomics.errors import FeatureTableError, ValidationDesignError
from gliomics.evaluation.cases import evaluate_cases
from gliomics.evaluation.summary import summarise
from gliomics.learning.harmonisation.batches import batch_block
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.settings import ModellingSettings

ARM = "features"
POPULATION = "all"


@dataclass(frozen=True)
class TableColumns:
    """Which columns of a table are what.

    Attributes
    ----------
    label : str
        Two classes, in numbers or words; cases without one are left out.
    id : str
        Each case once.
    group : str or None
        Cases of one group (a hospital, a patient with several tumours) stay in one fold.
    positive : str or None
        The label that scores are probabilities of; None takes the last of the two in sorted order.
    """

    label: str
    id: str
    group: str | None = None
    positive: str | None = None


@dataclass(frozen=True)
class TableEvaluation:
    """What `evaluate_table` found: the metrics file and the predictions behind it."""

    metrics: dict[str, Any]
    predictions: pd.DataFrame


def evaluate_table(
    table: pd.DataFrame,
    columns: TableColumns,
    *,
    folds: FoldSettings,
    settings: ModellingSettings,
    sampler: object,
    seed: int,
    compute: ComputeSettings,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> TableEvaluation:
    """Evaluate a table by repeated nested cross-validation, with permutations, Dataset 2 and the audit.

    Parameters
    ----------
    table : DataFrame
        One row a case. Every numeric column besides label, id and group is a feature; others are named in the
        result and left out.
    columns : TableColumns
        Which is what.
    folds : FoldSettings
        Folds and repeats.
    settings : ModellingSettings
        As under ``modelling``, with Dataset 2 for this arm; the batch of its harmonisation is a column of
        the table, or ``site`` when the ids are TCGA barcodes.
    sampler : estimator
        Makes synthetic rows.
    seed : int
        Same seed, same figures.
    compute : ComputeSettings
        How the work is spread.
    on_progress : callable, optional
        Called with (arm, fits done, fits in all).

    Returns
    -------
    TableEvaluation
        Metrics with the keys of a cohort's, under the population ``all`` and the arm ``features``.

    Raises
    ------
    FeatureTableError
        If a column is absent, an id repeated, the label has not two values, or there is no feature.
    ValidationDesignError
        If there are too few cases or groups for the folds.
    """
    _check(table, columns)
    second = settings.dataset2.model_copy(update={"arms": (ARM,)})
    settings = settings.model_copy(update={"dataset2": second})
    known = table[table[columns.label].notna()]
    benefit, positive = _labels(known[columns.label], columns)
    ids = known[columns.id].astype(str).to_numpy(dtype=object)
    batches = batch_block(known.assign(subject_id=ids), settings.harmonisation)
    features, left_out = _features(known, columns, settings.harmonisation.batch if batches else None)
    features.insert(0, "subject_id", ids)
    cases = pd.DataFrame({"subject_id": ids, "benefit": pd.array(benefit, dtype="Int64")})
    if columns.group is not None:
        cases["group"] = known[columns.group].astype(str).to_numpy()
    cases = cases.sort_values("subject_id", ignore_index=True)
    fold_table = _folds(cases, folds, seed)
    evaluation = evaluate_cases(
        cases,
        fold_table,
        {ARM: features, **batches},
        arms=[ARM],
        name=POPULATION,
        settings=settings,
        seed=seed,
        compute=compute,
        sampler=sampler,
        on_progress=on_progress,
    )
    task = table_task(columns.label, positive)
    metrics = {
        "cohort": "table",
        "title": f"Table with the label {columns.label}",
        "synthetic": False,
        "seed": seed,
        "primary_population": POPULATION,
        "task": asdict(task),
        "groups": columns.group,
        "columns_that_are_no_numbers": left_out,
        "cases_without_label": len(table) - len(known),
        "populations": {POPULATION: summarise(evaluation, settings, seed, task)},
    }
    return TableEvaluation(metrics, evaluation.predictions)


def _check(table: pd.DataFrame, columns: TableColumns) -> None:
    wanted = [columns.label, columns.id, *([columns.group] if columns.group else [])]
    absent = [name for name in wanted if name not in table.columns]
    if absent:
        raise FeatureTableError(
            where="table",
            expected=f"it must have the columns {', '.join(wanted)}",
            got=f"no {', '.join(absent)}",
            fix=f"Its columns begin with {', '.join(map(str, table.columns[:5]))}.",
        )
    repeated = table.loc[table[columns.id].duplicated(), columns.id]
    if not repeated.empty or table[columns.id].isna().any():
        raise FeatureTableError(
            where=f"column {columns.id}",
            expected="each case must have one row and an id",
            got=f"several rows for {repeated.iloc[0]}" if not repeated.empty else "rows without an id",
            fix="Keep one row a case; several lesions of a patient need ids of their own and --group.",
        )


def _labels(label: pd.Series, columns: TableColumns) -> tuple[list[int], str]:
    values = sorted(label.unique(), key=str)
    names = [str(value) for value in values]
    if len(values) != 2 or (columns.positive is not None and columns.positive not in names):
        raise FeatureTableError(
            where=f"column {columns.label}",
            expected="the label must have two values"
            + ("" if columns.positive is None else f", one of them {columns.positive}"),
            got=", ".join(names[:6]),
            fix="Keep two classes; leave the label of others empty.",
        )
    positive = columns.positive or names[-1]
    return [int(str(value) == positive) for value in label], positive


def _features(
    known: pd.DataFrame, columns: TableColumns, batch: str | None
) -> tuple[pd.DataFrame, list[str]]:
    """Take the numeric columns that are features; label, id, group and batch are none."""
    roles = {columns.label, columns.id, columns.group, batch}
    rest = known.drop(columns=[column for column in known.columns if column in roles])
    features = rest.select_dtypes(["number", "bool"]).astype("float64").reset_index(drop=True)
    if features.empty:
        raise FeatureTableError(
            where="table",
            expected="it must have at least one numeric column besides label, id and group",
            got=f"{rest.shape[1]} other columns, none numeric",
            fix="Check the separator and the decimal sign of the file.",
        )
    return features, [str(name) for name in rest.columns if name not in features.columns]


def _folds(cases: pd.DataFrame, settings: FoldSettings, seed: int) -> pd.DataFrame:
    """Split so that both classes are spread evenly; a group, where there are groups, stays together."""
    y = cases["benefit"].to_numpy(dtype=np.int64)
    fewest = {"groups": int(cases["group"].nunique())} if "group" in cases.columns else {}
    fewest["cases of the smaller class"] = int(min((y == 1).sum(), (y == 0).sum()))
    if min(fewest.values()) < settings.n_splits:
        raise ValidationDesignError(
            where="folds",
            expected=f"there must be at least {settings.n_splits} {' and '.join(fewest)}, one a fold",
            got=", ".join(f"{n} {what}" for what, n in fewest.items()),
            fix="Ask for fewer folds.",
        )
    if "group" not in cases.columns:
        return deal_repeats(
            cases["subject_id"], [np.flatnonzero(y == label) for label in (0, 1)], settings, seed
        )
    tables = []
    for repeat in range(settings.repeats):
        state = int(generator(seed, "grouped folds", repeat).integers(2**31))
        splitter = StratifiedGroupKFold(settings.n_splits, shuffle=True, random_state=state)
        fold = np.empty(len(y), dtype=np.int64)
        for number, (_, held_out) in enumerate(splitter.split(y, y, cases["group"])):
            fold[held_out] = number
        tables.append(pd.DataFrame({"subject_id": cases["subject_id"], "repeat": repeat, "fold": fold}))
    return pd.concat(tables, ignore_index=True)
