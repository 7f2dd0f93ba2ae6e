"""External validation: a frozen model of another cohort scores this one, and nothing is fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.cohort.populations import POPULATIONS, labelled
from gliomics.cohort.populations import population as population_of
from gliomics.cohort.sites import one_fold
from gliomics.errors import FeatureTableError, LeakageError
from gliomics.evaluation.arms import ArmSkipped, assemble_arm
from gliomics.evaluation.controls.dataset2 import auc_of
from gliomics.evaluation.controls.permutation import NotCovered
from gliomics.evaluation.results import (
    EXTERNAL_PROTOCOL,
    ArmFacts,
    PopulationEvaluation,
    PopulationRefused,
    describe_population,
    stack_censored,
    stack_predictions,
)
from gliomics.evaluation.statistics.censoring import gather_follow_up
from gliomics.lineage.fingerprints import fingerprint_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gliomics.cohort.settings import Population
    from gliomics.cohort.validation import Validation
    from gliomics.evaluation.arms import Block
    from gliomics.evaluation.settings import ModellingSettings

NOTHING_TO_PERMUTE = "nothing was fitted on these patients, so there is no fit to permute"
NO_COX = "external validation fits nothing"


def evaluate_external(
    cohort: pd.DataFrame,
    blocks: Mapping[str, Block],
    card: Mapping[str, Any],
    scorer: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    population: Population,
    settings: ModellingSettings,
    validation: Validation,
    horizon_days: float | None,
) -> PopulationEvaluation:
    """Score a population with a frozen model.

    Parameters
    ----------
    cohort : DataFrame
        One row a patient, as for `gliomics.evaluation.population.evaluate_population`.
    blocks : mapping of str to DataFrame or EmbeddingBlock
        Feature tables.
    card : mapping
        The model's card: ``arm``, ``columns``, ``candidate``.
    scorer : callable
        From a table with the card's columns to ``probability`` and ``threshold``, row by row.
    population : {"treated", "all"}
        Whom.
    settings : ModellingSettings
        The smallest class that figures are computed for.
    validation : Validation
        The mode, with the cohort that the model comes from.
    horizon_days : float or None
        The label's cut-off.

    Returns
    -------
    PopulationEvaluation
        One arm, scored once; labels and survival are used for its figures only. The whole population is one
        fold, because one model scored it: any two patients may be compared.

    Raises
    ------
    FeatureTableError
        If the cohort lacks columns of the model; names them.
    """
    eligible = population_of(cohort, population).sort_values("subject_id", ignore_index=True)
    folds = one_fold(eligible)
    nothing = replace(
        describe_population(eligible, folds, population),
        follow_up=gather_follow_up(eligible, folds, horizon_days),
        validation=validation.text,
        protocol=EXTERNAL_PROTOCOL,
    )
    smallest = min(int((nothing.labels == label).sum()) for label in (0, 1))
    if smallest < settings.class_limits.min_minority:
        reason = f"the smaller class has {smallest} patients, {settings.class_limits.min_minority} needed"
        return replace(nothing, refused=PopulationRefused(population, reason))
    arm = str(card["arm"])
    X = model_input(card, eligible, blocks, where=f"validation {validation.text}, population {population}")
    scored = _scored(X, scorer(X), str(card["candidate"]))
    benefit = eligible.set_index("subject_id")["benefit"].reindex(X.index)
    known = benefit.notna().to_numpy()
    table = scored[known].assign(y_true=benefit[known].to_numpy(dtype=np.int64))
    facts = ArmFacts(
        columns=len(card["columns"]),
        columns_left_out=(),
        columns_empty_in_a_fold=int(X.isna().all().sum()),
        patients_without_row=int((~labelled(eligible)["subject_id"].isin(X.index)).sum()),
        control=NotCovered(NOTHING_TO_PERMUTE, auc_of(table)),
        repeats=1,
        train_auc=None,
        cox_baseline=NO_COX if arm == "clinical" else None,
    )
    return replace(
        nothing,
        predictions=stack_predictions({arm: table}, {arm: facts}, EXTERNAL_PROTOCOL),
        censored=stack_censored({arm: scored[~known]}, population, EXTERNAL_PROTOCOL),
        arms={arm: facts},
    )


def refuse_training_patients(
    cohort_name: str,
    cohort: pd.DataFrame,
    blocks: Mapping[str, Block],
    card: Mapping[str, Any],
    validation: Validation,
) -> None:
    """Stop when a frozen model would score the patients that it was fitted on.

    The card names nobody, so that only the whole set of its training patients can be recognised, not some of
    them: cohorts that share patients must be kept apart by whoever builds them.

    Parameters
    ----------
    cohort_name : str
        The cohort that is to be scored.
    cohort : DataFrame
        Its patients.
    blocks : mapping of str to DataFrame or EmbeddingBlock
        Its feature tables.
    card : mapping
        The model's card, with ``training_subjects_sha256``.
    validation : Validation
        Names the model's cohort.

    Raises
    ------
    LeakageError
        If it is the model's own cohort, or the labelled patients of a population are its training patients.
    """
    same = cohort_name == validation.champion_of
    for name in POPULATIONS:
        table = assemble_arm(str(card["arm"]), labelled(population_of(cohort, name)), blocks)
        if not isinstance(table, ArmSkipped):
            subjects = {"subjects": [str(subject) for subject in table.X.index]}
            same = same or fingerprint_json(subjects) == card["training_subjects_sha256"]
    if same:
        raise LeakageError(
            where=f"validation {validation.text}",
            expected="a frozen model must be applied to patients whom it was not fitted on",
            got=f"the cohort {cohort_name}, which holds its training patients",
            fix="Choose a cohort of other patients; figures on these would be in-sample.",
        )


def model_input(
    card: Mapping[str, Any], eligible: pd.DataFrame, blocks: Mapping[str, Block], *, where: str
) -> pd.DataFrame:
    """Gather the columns that a model was fitted on.

    Parameters
    ----------
    card : mapping
        The model's card.
    eligible : DataFrame
        Patients, labelled or not.
    blocks : mapping of str to DataFrame or EmbeddingBlock
        Feature tables.
    where : str
        For the error.

    Returns
    -------
    DataFrame
        Indexed by subject_id, sorted, in the order of the card; patients whom a block lacks are left out.

    Raises
    ------
    FeatureTableError
        If a column is absent, or if it is a clinical one of which no patient has a value.
    """
    arm, columns = str(card["arm"]), [str(column) for column in card["columns"]]
    table = assemble_arm(arm, eligible, blocks)
    there = [] if isinstance(table, ArmSkipped) else [str(column) for column in table.X.columns]
    missing = [column for column in columns if column not in there]
    if missing or isinstance(table, ArmSkipped):
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        why = f" ({table.reason})" if isinstance(table, ArmSkipped) else ""
        raise FeatureTableError(
            where=where,
            expected=f"the cohort must have the {len(columns)} columns that the {arm} model was fitted on",
            got=f"no {', '.join(missing[:20])}{more}{why}",
            fix="Extract or name the features as in the model's cohort (features.source), or apply another "
            "cohort's champion.",
        )
    return table.X[columns]


def _scored(X: pd.DataFrame, scores: pd.DataFrame, candidate: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "permutation": np.int64(0),
            "repeat": np.int64(0),
            "fold": np.int64(0),
            "subject_id": X.index.to_numpy(dtype=object),
            "y_score": scores["probability"].to_numpy(dtype=np.float64),
            "threshold": scores["threshold"].to_numpy(dtype=np.float64),
            "candidate": candidate,
        }
    )
