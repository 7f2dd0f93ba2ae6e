"""Feature blocks: rows by patient, or rows by patient and fold, when a network of that fold made them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from gliomics.errors import FeatureTableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FitKey: TypeAlias = tuple[int, int, int]
"""Permutation (0 = observed), repeat and fold: which network made a vector, which model may use it."""

TRAINED_IN_FOLD = "trained_in_fold"
TRAINED_ON_ALL = "trained_on_all"
UNTRAINED = "untrained"
VECTOR_PREFIX = "emb_"


@dataclass(frozen=True)
class NetworkOrigin:
    """Where some columns come from: network, sampling of the image, and the weights it had."""

    network: str
    sampling: str
    weights: str


@dataclass(frozen=True)
class AbsentBlock:
    """A block that the cohort does not have, and why."""

    reason: str


@dataclass(frozen=True)
class FoldVectors:
    """Vectors of fold networks for the patients of a sample.

    Attributes
    ----------
    rows : mapping of (permutation, repeat, fold) to array of float, shape (n, q)
        Every network encodes everybody; rows in the order of the sample.
    trained_on : mapping of (permutation, repeat, fold) to frozenset of str
        Patients whose images the network was trained on.

    References
    ----------
    PROTOCOL 5: vectors of different networks share no coordinate system, so a model of fold k is given
    vectors of network k and no others.
    """

    rows: Mapping[FitKey, NDArray[np.float64]]
    trained_on: Mapping[FitKey, frozenset[str]]

    @property
    def repeats(self) -> tuple[int, ...]:
        """Repeats for which networks of the observed labels exist, ascending."""
        return tuple(sorted({repeat for permutation, repeat, _ in self.rows if permutation == 0}))

    def repeats_of(self, permutation: int) -> tuple[int, ...]:
        """Repeats for which networks of a permutation exist, ascending."""
        return tuple(sorted({repeat for number, repeat, _ in self.rows if number == permutation}))

    @property
    def permutations(self) -> int:
        """Largest B such that networks of the permutations 1 .. B all exist."""
        there = {permutation for permutation, _, _ in self.rows}
        last = 0
        while last + 1 in there:
            last += 1
        return last

    def only(self, keys: set[FitKey]) -> FoldVectors:
        """Return the vectors of some networks: what a worker is sent."""
        return FoldVectors(
            {key: value for key, value in self.rows.items() if key in keys},
            {key: ids for key, ids in self.trained_on.items() if key in keys},
        )


@dataclass(frozen=True)
class EmbeddingBlock:
    """Deep features of a cohort: frozen networks, networks of folds, or both side by side.

    Attributes
    ----------
    subjects : Index
        Patients whom every network encoded, sorted.
    origins : tuple of NetworkOrigin
        What the columns come from, in their order.
    frozen : DataFrame
        Vectors of frozen networks, indexed by subject; no columns when there are none.
    of_folds : DataFrame
        Vectors of fold networks, indexed by permutation, repeat, fold and subject; no columns when there are
        none. ``trained`` (bool) tells whether the network was trained on that patient's image.
    """

    subjects: pd.Index
    origins: tuple[NetworkOrigin, ...]
    frozen: pd.DataFrame
    of_folds: pd.DataFrame

    @property
    def depends_on_fold(self) -> bool:
        """Whether some network was trained inside the folds."""
        return not self.of_folds.empty

    @property
    def columns_of_folds(self) -> tuple[str, ...]:
        """Names of the columns that fold networks give."""
        return tuple(map(str, self.of_folds.columns.drop("trained"))) if self.depends_on_fold else ()

    def vectors_of(self, subjects: pd.Index) -> FoldVectors | None:
        """Arrange the fold networks' vectors for some patients, or None when every network is frozen.

        Parameters
        ----------
        subjects : Index
            Patients in the wanted order, all among `subjects` of the block.

        Returns
        -------
        FoldVectors or None
            Rows in the order of `subjects`.
        """
        if not self.depends_on_fold:
            return None
        values: dict[FitKey, NDArray[np.float64]] = {}
        trained_on: dict[FitKey, frozenset[str]] = {}
        by_place = self.of_folds.droplevel("subject_id").index
        for place in sorted(set(by_place)):
            by_subject = self.of_folds.loc[place]
            trained_on[place] = frozenset(by_subject.index[by_subject["trained"]])
            values[place] = by_subject.drop(columns="trained").loc[subjects].to_numpy(dtype=np.float64)
        return FoldVectors(values, trained_on)


def embedding_block(embeddings: pd.DataFrame) -> EmbeddingBlock | None:
    """Turn the table of embeddings into a block.

    Parameters
    ----------
    embeddings : DataFrame
        ``subject_id``, ``network``, ``sampling``, ``weights``, ``permutation``, ``repeat``, ``fold`` (both
        null for a frozen network), ``role`` (``train``, ``test`` or null) and the columns ``emb_000`` ...,
        which are NaN beyond a network's dimensions.

    Returns
    -------
    EmbeddingBlock or None
        None when the table is empty: the cohort has no images.

    Raises
    ------
    FeatureTableError
        If a network has several kinds of weights, or several or no rows for a patient in one of its folds.

    References
    ----------
    PROTOCOL 5.
    """
    if embeddings.empty:
        return None
    frozen: list[pd.DataFrame] = []
    of_folds: list[pd.DataFrame] = []
    origins: list[NetworkOrigin] = []
    kinds = sorted(set(zip(embeddings["network"].map(str), embeddings["sampling"].map(str), strict=True)))
    networks = [network for network, _ in kinds]
    for network, sampling in kinds:
        rows = embeddings[(embeddings["network"] == network) & (embeddings["sampling"] == sampling)]
        origins.append(_origin(network, sampling, rows))
        prefix = f"emb_{network}_" if networks.count(network) == 1 else f"emb_{network}_{sampling}_"
        table = _renamed(rows, prefix)
        where = f"embeddings of {network} ({sampling})"
        if rows["fold"].isna().all():
            frozen.append(_one_row_a_patient(table.droplevel([0, 1, 2]), where))
        else:
            of_folds.append(_one_row_a_patient(table, where))
    return _side_by_side(frozen, of_folds, tuple(origins))


def final_block(embeddings: pd.DataFrame, final_embeddings: pd.DataFrame) -> EmbeddingBlock | None:
    """Turn both tables of embeddings into the block that models on all patients are fitted on.

    Networks of folds give way to those that were trained on every labelled patient. Their vectors of those
    patients are in-sample, as the training vectors of every fold are, and the cross-validation measures that.

    Parameters
    ----------
    embeddings : DataFrame
        As `embedding_block` takes it.
    final_embeddings : DataFrame
        Of the networks trained on all, without repeat and fold.

    Returns
    -------
    EmbeddingBlock or None
        Frozen networks only, with the columns that the folds have; None when there are no images.

    Raises
    ------
    FeatureTableError
        If a network of the folds has no final one.
    """
    frozen = embeddings[embeddings["fold"].isna()]
    kinds = [
        set(zip(table["network"], table["sampling"], strict=True))
        for table in (embeddings, frozen, final_embeddings)
    ]
    absent = sorted(kinds[0] - kinds[1] - kinds[2])
    if absent:
        raise FeatureTableError(
            where="final_embeddings",
            expected="every network of the folds must have one that was trained on all labelled patients",
            got=f"none of {', '.join(' '.join(map(str, kind)) for kind in absent)}",
            fix="Run the embedding stage again.",
        )
    tables = [table for table in (frozen, final_embeddings) if not table.empty]
    return embedding_block(pd.concat(tables, ignore_index=True)) if tables else None


def _origin(network: str, sampling: str, rows: pd.DataFrame) -> NetworkOrigin:
    weights = sorted(map(str, rows["weights"].unique()))
    if len(weights) > 1:
        raise FeatureTableError(
            where=f"embeddings of {network} ({sampling})",
            expected="all vectors of a network must come from weights of one kind",
            got=", ".join(weights),
            fix="Run the embedding stage again.",
        )
    return NetworkOrigin(network, sampling, weights[0])


def _renamed(rows: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Index by permutation, repeat, fold and subject; keep and rename the dimensions that the network has."""
    dimensions = [c for c in rows.columns if c.startswith(VECTOR_PREFIX) and bool(rows[c].notna().any())]
    table = rows[dimensions].set_axis([prefix + c.removeprefix(VECTOR_PREFIX) for c in dimensions], axis=1)
    places = [rows[c].astype("Int64").fillna(-1).astype("int64") for c in ("permutation", "repeat", "fold")]
    table["trained"] = (rows["role"] == "train").fillna(value=False).astype(bool)
    names = ["permutation", "repeat", "fold", "subject_id"]
    table.index = pd.MultiIndex.from_arrays([*places, rows["subject_id"].astype(str)], names=names)
    return table.sort_index()


def _one_row_a_patient(table: pd.DataFrame, where: str) -> pd.DataFrame:
    repeated = table.index[table.index.duplicated()]
    if len(repeated):
        raise FeatureTableError(
            where=where,
            expected="each patient must have one row (a fold)",
            got=f"several for {repeated[0]}",
            fix="Run the embedding stage again.",
        )
    return table


def _side_by_side(
    frozen: list[pd.DataFrame], of_folds: list[pd.DataFrame], origins: tuple[NetworkOrigin, ...]
) -> EmbeddingBlock:
    known = [set(t.index) for t in frozen] + [set(t.index.get_level_values("subject_id")) for t in of_folds]
    subjects = pd.Index(sorted(set.intersection(*known)), name="subject_id")
    fixed = pd.DataFrame(index=subjects)
    for table in frozen:
        fixed = fixed.join(table.drop(columns="trained"))
    return EmbeddingBlock(subjects, origins, fixed, _networks_of_folds(of_folds, subjects))


def _networks_of_folds(tables: list[pd.DataFrame], subjects: pd.Index) -> pd.DataFrame:
    """Join the fold networks on (permutation, repeat, fold, patient); all must know the same places."""
    if not tables:
        return pd.DataFrame()
    kept = [t.loc[t.index.get_level_values("subject_id").isin(subjects)] for t in tables]
    trained = pd.concat([t["trained"] for t in kept], axis=1).fillna(value=False).any(axis=1)
    joined = pd.concat([t.drop(columns="trained") for t in kept], axis=1, join="inner")
    places = joined.index.droplevel("subject_id")
    incomplete = places.value_counts()
    incomplete = incomplete[incomplete != len(subjects)]
    if len(incomplete) or any(len(t) != len(joined) for t in kept):
        raise FeatureTableError(
            where="embeddings of fold networks",
            expected=f"every network must encode all {len(subjects)} patients in each of its folds",
            got=f"gaps in {len(incomplete)} of {places.nunique()} (permutation, repeat, fold)",
            fix="Run the embedding stage again.",
        )
    return joined.assign(trained=trained.reindex(joined.index)).sort_index()
