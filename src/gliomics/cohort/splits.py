"""The one table of folds that every arm is evaluated on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from gliomics.cohort.populations import eligible
from gliomics.errors import ClinicalDataError, ValidationDesignError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class FoldSettings(BaseModel):
    """How often, and into how many folds, the patients are split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_splits: int = Field(default=5, ge=2, le=50)
    repeats: int = Field(default=10, ge=1, le=1000)


def make_folds(cohort: pd.DataFrame, settings: FoldSettings, seed: int) -> pd.DataFrame:
    """Deal all eligible patients, censored included, into repeated stratified folds.

    The strata are short | long | censored, and inside each of them treated or not, so that the folds of the
    treated patients are balanced too: in each of these six groups, and in each of the three strata, the
    counts of two folds differ by at most one.

    Parameters
    ----------
    cohort : DataFrame
        One row a patient with ``subject_id``, ``benefit`` (1 long, 0 short, missing censored),
        ``chemotherapy`` and ``exclusion_reason`` (missing = eligible). The order of its rows is irrelevant.
    settings : FoldSettings
        Number of folds and repeats.
    seed : int
        Every repeat has a generator of its own, made from the seed and its number.

    Returns
    -------
    DataFrame
        ``subject_id``, ``repeat`` and ``fold`` (both from 0), sorted by repeat and subject.

    Raises
    ------
    ClinicalDataError
        If a patient has more than one row.
    ValidationDesignError
        If the smaller class of the labelled patients has fewer patients than there are folds.

    References
    ----------
    PROTOCOL 1 (who is dealt, and the strata) and 2 (number of folds).
    """
    patients = eligible(cohort).sort_values("subject_id", ignore_index=True)
    _refuse_repeated_subjects(patients)
    _refuse_more_folds_than_minority(patients, settings)
    return deal_repeats(patients["subject_id"], _strata(patients), settings, seed)


def deal_repeats(
    subjects: pd.Series, groups: Sequence[NDArray[np.intp]], settings: FoldSettings, seed: int
) -> pd.DataFrame:
    """Deal rows into folds again and again: `deal` with a generator of its own for every repeat."""
    tables = []
    for repeat in range(settings.repeats):
        rng = np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(repeat,)))
        fold = deal(groups, settings.n_splits, rng)
        tables.append(
            pd.DataFrame(
                {"subject_id": subjects.to_numpy(dtype=object), "repeat": np.int64(repeat), "fold": fold}
            )
        )
    return pd.concat(tables, ignore_index=True)


def deal(groups: Sequence[NDArray[np.intp]], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal shuffled rows round-robin into folds, group after group, without starting anew.

    Parameters
    ----------
    groups : sequence of array of int
        Row numbers; together they are 0 .. n - 1, each once.
    n_folds : int
        Number of folds.
    rng : Generator
        Shuffles the rows inside a group and the order in which folds are served.

    Returns
    -------
    array of int, shape (n,)
        The fold of each row. In any run of consecutive groups the counts of two folds differ by at most one.
    """
    served = rng.permutation(n_folds)
    fold = np.empty(sum(len(group) for group in groups), dtype=np.int64)
    position = 0
    for group in groups:
        fold[rng.permutation(group)] = served[(position + np.arange(len(group))) % n_folds]
        position += len(group)
    return fold


def _strata(patients: pd.DataFrame) -> list[NDArray[np.intp]]:
    """Row numbers of short, long and censored patients, each first the treated and then the others."""
    benefit = patients["benefit"].astype("Float64").fillna(-1.0).to_numpy(dtype=float)
    treated = patients["chemotherapy"].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    return [
        np.flatnonzero((benefit == label) & (treated == given))
        for label in (0, 1, -1)
        for given in (True, False)
    ]


def _refuse_repeated_subjects(patients: pd.DataFrame) -> None:
    repeated = patients.loc[patients["subject_id"].duplicated(), "subject_id"]
    if not repeated.empty:
        raise ClinicalDataError(
            where="folds",
            expected="each patient must have one row in the cohort",
            got=f"several rows for {', '.join(map(str, repeated.unique()[:5]))}",
            fix="Merge the rows of a patient before the folds are made.",
        )


def _refuse_more_folds_than_minority(patients: pd.DataFrame, settings: FoldSettings) -> None:
    n_long = int((patients["benefit"] == 1).sum())
    n_short = int((patients["benefit"] == 0).sum())
    fewest = min(n_long, n_short)
    if fewest < settings.n_splits:
        raise ValidationDesignError(
            where="ingestion.folds.n_splits",
            expected=f"every one of the {settings.n_splits} folds must get a patient of both classes",
            got=f"{n_short} short and {n_long} long survivors",
            fix=f"Set ingestion.folds.n_splits to at most {fewest}, or bring more labelled patients."
            if fewest > 1
            else "No cross-validation is possible with fewer than 2 patients of a class: bring more labelled "
            "patients, or choose another cohort, population or label.cutoff_days.",
        )
