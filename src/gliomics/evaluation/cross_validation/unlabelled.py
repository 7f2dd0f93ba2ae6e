"""Patients without a label: the models of the folds score them and never learn from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gliomics.evaluation.arms import ArmSkipped, assemble_arm
from gliomics.evaluation.folds import folds_of
from gliomics.learning.estimators.encoding import TableEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.evaluation.arms import ArmTable, Block
    from gliomics.evaluation.blocks import FitKey, FoldVectors


@dataclass(frozen=True)
class Unlabelled:
    """Feature rows of the censored, with the fold that each of them stands in.

    Attributes
    ----------
    ids : array of str, shape (m,)
        Sorted.
    X : array of float, shape (m, p)
        The columns of the arm's sample, missing as NaN.
    folds : mapping of int to array of int, shape (m,)
        For each repeat the fold of every patient.
    vectors : FoldVectors or None
        Vectors of fold networks; every network encodes the censored too.
    """

    ids: NDArray[np.object_]
    X: NDArray[np.float64]
    folds: Mapping[int, NDArray[np.int64]]
    vectors: FoldVectors | None = None

    def rows_of(self, key: FitKey) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """Return ids and features of those who stand in the fold of a (permutation, repeat, fold)."""
        _, repeat, fold = key
        rows = np.flatnonzero(self.folds[repeat] == fold)
        X = self.X[rows]
        return self.ids[rows], X if self.vectors is None else np.hstack([X, self.vectors.rows[key][rows]])

    def only(self, keys: set[FitKey]) -> Unlabelled:
        """Return the patients with the vectors of some networks only: what a worker is sent."""
        return self if self.vectors is None else replace(self, vectors=self.vectors.only(keys))


def unlabelled_rows(
    table: ArmTable,
    censored: pd.DataFrame,
    blocks: Mapping[str, Block],
    folds: pd.DataFrame,
    repeats: Sequence[int],
) -> Unlabelled | None:
    """Gather the predictors of the censored, as the arm's model is given them.

    Parameters
    ----------
    table : ArmTable
        The arm on the labelled patients; its columns are taken, whatever the censored have.
    censored : DataFrame
        Eligible patients without a label, with ``subject_id`` and the clinical columns.
    blocks : mapping of str to DataFrame or EmbeddingBlock
        The feature tables of the arm.
    folds : DataFrame
        The table of folds.
    repeats : sequence of int
        The repeats that the arm is scored in; who is not dealt in all of them is left out.

    Returns
    -------
    Unlabelled or None
        None when no censored patient can be scored.
    """
    folds = folds[folds["repeat"].isin(repeats)]
    times = folds["subject_id"].value_counts().reindex(censored["subject_id"]).fillna(0)
    censored = censored[(times == len(repeats)).to_numpy()]
    other = None if censored.empty else assemble_arm(table.arm, censored, blocks)
    if other is None or isinstance(other, ArmSkipped):
        return None
    ids = other.X.index.to_numpy(dtype=object)
    X = other.X.reindex(columns=table.X.columns)
    return Unlabelled(
        ids=ids,
        X=TableEncoder([str(column) for column in X.columns], table.batches).transform(X),
        folds=folds_of(folds, ids),
        vectors=None if table.embeddings is None else table.embeddings.vectors_of(other.X.index),
    )
