"""What an evaluation hands back: predictions, facts about arms, and refusals with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from gliomics.cohort.validation import REPEATED_CV
from gliomics.evaluation.controls.audit import AUDIT_PROTOCOL
from gliomics.evaluation.controls.dataset2 import Dataset2Result

if TYPE_CHECKING:
    from gliomics.evaluation.arms import ArmSkipped
    from gliomics.evaluation.blocks import NetworkOrigin
    from gliomics.evaluation.controls.dataset2 import Dataset2Skipped
    from gliomics.evaluation.controls.permutation import NotCovered, PermutationControl
    from gliomics.evaluation.statistics.censoring import FollowUp
    from gliomics.evaluation.statistics.survival_scores import SurvivalScores

HONEST = "leakage_free"
EXTERNAL_PROTOCOL = "external"
"""Of a frozen model on patients of another cohort: nothing was fitted, so that nothing could leak."""
PREDICTION_COLUMNS = {
    "subject_id": "object",
    "row_kind": "object",
    "arm": "object",
    "dataset": "object",
    "protocol": "object",
    "permutation": "int64",
    "repeat": "int64",
    "fold": "int64",
    "y_true": "int64",
    "y_score": "float64",
    "threshold": "float64",
    "candidate": "object",
}
CENSORED_COLUMNS = {"population": "object"} | {
    name: kind for name, kind in PREDICTION_COLUMNS.items() if name != "y_true"
}
"""Scores of the censored are a table of their own: every row of the predictions has a label."""


@dataclass(frozen=True)
class PopulationRefused:
    """A population that cannot be evaluated at all, and why."""

    population: str
    reason: str


@dataclass(frozen=True)
class ArmFacts:
    """What is known of an evaluated arm besides its predictions."""

    columns: int
    columns_left_out: tuple[str, ...]
    columns_empty_in_a_fold: int
    patients_without_row: int
    control: PermutationControl | NotCovered
    repeats: int
    train_auc: float | None
    origins: tuple[NetworkOrigin, ...] = ()
    dataset2: Dataset2Result | Dataset2Skipped | None = None
    selection: dict[str, Any] | None = None
    preparation: dict[str, Any] = field(default_factory=dict)
    cox_baseline: SurvivalScores | str | None = None


@dataclass(frozen=True)
class PopulationEvaluation:
    """Everything that was computed for one population.

    Attributes
    ----------
    population : str
        ``treated`` or ``all``.
    n_eligible, n_censored : int
        Patients of the population, and those of them without a label.
    labels : Series
        1 long, 0 short survival of the labelled patients, indexed by subject_id, sorted.
    n_folds, repeats : int
        Of the folds that were used.
    predictions : DataFrame
        Columns as in `PREDICTION_COLUMNS`, sorted by arm, dataset, protocol, permutation, repeat, fold and
        subject. In a
        permutation (1 .. B) ``subject_id`` is the patient whose label and fold are used; the feature row
        behind ``y_score`` is another patient's.
    arms : dict of str to ArmFacts
        The evaluated arms.
    skipped : list of ArmSkipped
        The arms that were asked for and could not be evaluated.
    refused : PopulationRefused or None
        Why nothing was evaluated at all.
    follow_up : FollowUp or None
        Survival of all eligible patients, when it is known.
    censored : DataFrame
        Scores of the eligible patients without a label, by the same models: columns as in `CENSORED_COLUMNS`,
        sorted by arm, repeat, fold and subject.
    validation : str
        The mode of validation (`gliomics.cohort.validation`).
    protocol : str
        Of the predictions on Dataset 1: ``leakage_free`` or ``external``.
    sites : Series or None
        Site of each fold, indexed by fold, where one site is left out at a time.
    """

    population: str
    n_eligible: int
    n_censored: int
    labels: pd.Series
    n_folds: int
    repeats: int
    predictions: pd.DataFrame
    arms: dict[str, ArmFacts] = field(default_factory=dict)
    skipped: list[ArmSkipped] = field(default_factory=list)
    refused: PopulationRefused | None = None
    follow_up: FollowUp | None = None
    censored: pd.DataFrame = field(default_factory=lambda: _empty(CENSORED_COLUMNS))
    validation: str = REPEATED_CV
    protocol: str = HONEST
    sites: pd.Series | None = None


def describe_population(eligible: pd.DataFrame, folds: pd.DataFrame, population: str) -> PopulationEvaluation:
    """Count a population; nothing is evaluated yet.

    Parameters
    ----------
    eligible : DataFrame
        Its patients, sorted by ``subject_id``.
    folds : DataFrame
        The table of folds.
    population : str
        Its name.

    Returns
    -------
    PopulationEvaluation
        Without predictions.
    """
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
        sites=folds.groupby("fold")["site"].first() if "site" in folds.columns else None,
    )


def empty_predictions() -> pd.DataFrame:
    """Make the table of no predictions, with its columns and types."""
    return _empty(PREDICTION_COLUMNS)


def _empty(columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})


def stack_censored(tables: dict[str, pd.DataFrame], population: str, protocol: str = HONEST) -> pd.DataFrame:
    """Join the scores of the censored of all arms.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Arm to its scores (`gliomics.evaluation.cross_validation.out_of_fold.score_everybody`).
    population : str
        Written into every row.
    protocol : str
        Written into every row.

    Returns
    -------
    DataFrame
        Columns as in `CENSORED_COLUMNS`.
    """
    tagged = [
        table.assign(population=population, row_kind="real", arm=arm, dataset="dataset1", protocol=protocol)
        for arm, table in tables.items()
        if len(table)
    ]
    if not tagged:
        return _empty(CENSORED_COLUMNS)
    stacked = pd.concat(tagged, ignore_index=True)[list(CENSORED_COLUMNS)].astype(CENSORED_COLUMNS)
    return stacked.sort_values(["arm", "repeat", "fold", "subject_id"], ignore_index=True)


def stack_predictions(
    tables: dict[str, pd.DataFrame], arms: dict[str, ArmFacts], protocol: str = HONEST
) -> pd.DataFrame:
    """Join all predictions in the order and with the types that the file promises.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Arm to its predictions on Dataset 1
        (`gliomics.evaluation.cross_validation.out_of_fold.cross_validate`).
    arms : dict of str to ArmFacts
        Their facts, with Dataset 2 and the audit where they were made.
    protocol : str
        Of the predictions on Dataset 1.

    Returns
    -------
    DataFrame
        Columns as in `PREDICTION_COLUMNS`, sorted by arm, dataset, protocol, permutation, repeat, fold and
        row. Rows of `augment_before_split` are those of the arm's own estimator; its folds are not those of
        the table of folds.
    """
    tagged = [
        table.assign(row_kind="real", arm=arm, dataset="dataset1", protocol=protocol)
        for arm, table in tables.items()
    ]
    for arm, facts in arms.items():
        second = facts.dataset2
        if not isinstance(second, Dataset2Result):
            continue
        tagged.append(
            second.predictions.assign(row_kind="real", arm=arm, dataset="dataset2", protocol=HONEST)
        )
        if second.audited is not None:
            tagged.append(second.audited.assign(arm=arm, dataset="dataset2", protocol=AUDIT_PROTOCOL))
    if not tagged:
        return empty_predictions()
    stacked = pd.concat(tagged, ignore_index=True)[list(PREDICTION_COLUMNS)].astype(PREDICTION_COLUMNS)
    keys = ["arm", "dataset", "protocol", "permutation", "repeat", "fold", "subject_id"]
    return stacked.sort_values(keys, ignore_index=True)


def honest_rows(
    predictions: pd.DataFrame, arm: str, dataset: str = "dataset1", protocol: str = HONEST
) -> pd.DataFrame:
    """Return the leakage-free (or external) predictions of an arm on a dataset with the observed labels."""
    observed = observed_rows(predictions, dataset, protocol)
    return observed.loc[observed["arm"] == arm]


def observed_rows(
    predictions: pd.DataFrame, dataset: str = "dataset1", protocol: str = HONEST
) -> pd.DataFrame:
    """Return the leakage-free (or external) predictions of all arms with the observed labels."""
    kept = (predictions["protocol"] == protocol) & (predictions["permutation"] == 0)
    return predictions.loc[kept & (predictions["dataset"] == dataset)]
