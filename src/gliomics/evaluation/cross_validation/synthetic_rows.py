"""The synthetic rows that Dataset 2 adds to the training rows of each fold, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.errors import ValidationDesignError
from gliomics.evaluation.cross_validation.preparation import prepare
from gliomics.evaluation.cross_validation.resampling import is_synthetic
from gliomics.evaluation.folds import folds_of
from gliomics.learning.estimators.encoding import TableEncoder
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.harmonisation.batches import BATCH_COLUMN
from gliomics.learning.sample import Sample
from gliomics.seeding import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.evaluation.arms import ArmTable
    from gliomics.evaluation.cross_validation.preparation import Preparation
    from gliomics.evaluation.cross_validation.resampling import Resampler

PARENT_COLUMNS = ("subject_id", "row_kind", "repeat", "fold", "benefit")
Rows = tuple["NDArray[np.float64]", "NDArray[np.int64]"]


@dataclass(frozen=True)
class SyntheticRows:
    """Synthetic rows by parent fold.

    Attributes
    ----------
    table : DataFrame
        `PARENT_COLUMNS` and the arm's columns; ``fold`` is the fold that was held out when the row was made.
    folds : dict of (repeat, fold) to (training, held-out, synthetic) rows with labels
        The same, with the real rows beside them.
    reasons : tuple of str
        Why folds have none.
    """

    table: pd.DataFrame
    folds: dict[tuple[int, int], tuple[Rows, Rows, Rows]]
    reasons: tuple[str, ...] = ()

    @property
    def places(self) -> list[tuple[int, int]]:
        """The (repeat, fold) that have synthetic rows, sorted."""
        return sorted(self.folds)

    def parts(self, place: tuple[int, int]) -> tuple[Rows, Rows, Rows]:
        """Return training, held-out and synthetic rows of a fold."""
        return self.folds[place]


def no_synthetic_rows(reason: str) -> SyntheticRows:
    """Make the table of no rows, and say why."""
    return SyntheticRows(pd.DataFrame({name: [] for name in PARENT_COLUMNS}), {}, (reason,))


def synthetic_rows(
    table: ArmTable,
    patients: pd.DataFrame,
    folds: pd.DataFrame,
    resampler: Resampler,
    *,
    repeats: int,
    seed: int,
    preparation: Preparation | None = None,
) -> SyntheticRows:
    """Draw the rows that cross-validation draws for the observed labels of an arm.

    The generator of a fold and the order of its draws are those of
    `gliomics.evaluation.cross_validation.out_of_fold.cross_validate`, so that these are the very rows that it
    trained on; a test holds the two together.

    Parameters
    ----------
    table : ArmTable
        Predictors of labelled patients.
    patients : DataFrame
        Those patients, with ``benefit``.
    folds : DataFrame
        The table of folds.
    resampler : Resampler
        That of Dataset 2.
    repeats : int
        How many repeats of the folds are gone through.
    seed : int
        The run's seed.
    preparation : Preparation or None
        Stability filter and ComBat of the arm: rows are drawn from what they leave, and the real rows beside
        them are prepared too. A column that the filter leaves out in a fold is missing there.

    Returns
    -------
    SyntheticRows
        A fold whose training rows have too small a class has none, and a reason.
    """
    labels = patients.set_index("subject_id")["benefit"].loc[table.X.index].to_numpy(dtype=np.int64)
    columns = [str(column) for column in table.X.columns]
    encoder = TableEncoder(columns, table.batches)
    sample = Sample(table.X.index.to_numpy(dtype=object), encoder.transform(table.X), labels)
    columns = [column for column in columns if preparation is None or column != BATCH_COLUMN]
    tables: list[pd.DataFrame] = []
    found: dict[tuple[int, int], tuple[Rows, Rows, Rows]] = {}
    reasons: list[str] = []
    for repeat, fold in sorted(folds_of(folds, sample.ids).items())[:repeats]:
        for number in map(int, np.unique(fold)):
            train = sample.take(np.flatnonzero(fold != number))
            held_out = sample.take(np.flatnonzero(fold == number))
            guard = LeakageGuard(held_out.ids)
            prepared = prepare(preparation, train, guard)
            train, held_out = prepared.apply(train), prepared.apply(held_out)
            rng = generator(seed, "inner folds", 0, repeat, number)
            if not len(train.y):  # a frozen model scores everybody
                reasons.append(f"repeat {repeat}, fold {number}: nobody stands outside the fold")
                continue
            try:
                grown = resampler.augment(train, rng, guard)
            except ValidationDesignError as error:
                reasons.append(f"repeat {repeat}, fold {number}: {error.expected}, got {error.got}")
                continue
            made = grown.take(np.flatnonzero(is_synthetic(grown.ids)))
            kept = prepared.columns_kept(len(columns))
            found[repeat, number] = (
                (train.X[:, kept], train.y),
                (held_out.X[:, kept], held_out.y),
                (made.X[:, kept], made.y),
            )
            tables.append(_tagged(made, columns, repeat, number))
    if not tables:
        return no_synthetic_rows(reasons[0] if reasons else "there are no folds")
    return SyntheticRows(pd.concat(tables, ignore_index=True), found, tuple(reasons))


def _tagged(made: Sample, columns: list[str], repeat: int, fold: int) -> pd.DataFrame:
    facts = pd.DataFrame(
        {"subject_id": made.ids, "row_kind": "synthetic", "repeat": repeat, "fold": fold, "benefit": made.y}
    )
    return pd.concat([facts, pd.DataFrame(made.X, columns=columns)], axis=1)
