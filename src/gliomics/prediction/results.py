"""What an evaluation hands back: predictions, facts about arms, and refusals with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.prediction.audit import AUDIT_PROTOCOL
from gliomics.prediction.dataset2 import Dataset2Result

if TYPE_CHECKING:
    from gliomics.prediction.arms import ArmSkipped
    from gliomics.prediction.blocks import NetworkOrigin
    from gliomics.prediction.censoring import FollowUp
    from gliomics.prediction.dataset2 import Dataset2Skipped
    from gliomics.prediction.permutation import NotCovered, PermutationControl

HONEST = "leakage_free"
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
    train_auc: float
    origins: tuple[NetworkOrigin, ...] = ()
    dataset2: Dataset2Result | Dataset2Skipped | None = None


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


def empty_predictions() -> pd.DataFrame:
    """Make the table of no predictions, with its columns and types."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in PREDICTION_COLUMNS.items()})


def stack_predictions(tables: dict[str, pd.DataFrame], arms: dict[str, ArmFacts]) -> pd.DataFrame:
    """Join all predictions in the order and with the types that the file promises.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Arm to its predictions on Dataset 1 (`gliomics.prediction.cross_validation.cross_validate`).
    arms : dict of str to ArmFacts
        Their facts, with Dataset 2 and the audit where they were made.

    Returns
    -------
    DataFrame
        Columns as in `PREDICTION_COLUMNS`, sorted by arm, dataset, protocol, permutation, repeat, fold and
        row. Rows of `augment_before_split` are those of the arm's own estimator; its folds are not those of
        the table of folds.
    """
    tagged = [
        table.assign(row_kind="real", arm=arm, dataset="dataset1", protocol=HONEST)
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


def honest_rows(predictions: pd.DataFrame, arm: str, dataset: str = "dataset1") -> pd.DataFrame:
    """Return the leakage-free predictions of an arm on a dataset with the observed labels."""
    observed = observed_rows(predictions, dataset)
    return observed.loc[observed["arm"] == arm]


def observed_rows(predictions: pd.DataFrame, dataset: str = "dataset1") -> pd.DataFrame:
    """Return the leakage-free predictions of all arms on a dataset with the observed labels."""
    kept = (predictions["protocol"] == HONEST) & (predictions["permutation"] == 0)
    return predictions.loc[kept & (predictions["dataset"] == dataset)]
