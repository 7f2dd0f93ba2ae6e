"""Which arms are explained, set up as they were evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.cohort.populations import labelled, population
from gliomics.evaluation.arms import ArmSkipped, assemble_arm
from gliomics.evaluation.cases import arm_design
from gliomics.explanation.attribution.shap_values import ExplainedDesign
from gliomics.explanation.feature_groups import fold_networks

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from gliomics.evaluation.arms import Block
    from gliomics.evaluation.settings import ModellingSettings


def explained_designs(
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    blocks: Mapping[str, Block],
    figures: Mapping[str, Any],
    *,
    primary: str,
    settings: ModellingSettings,
    seed: int,
) -> dict[str, ExplainedDesign]:
    """Set up every arm that was evaluated on the primary population.

    Parameters
    ----------
    cohort, folds : DataFrame
        As the evaluation was given them.
    blocks : mapping of str to DataFrame or EmbeddingBlock
        `gliomics.evaluation.cohort_blocks.cohort_blocks`.
    figures : mapping
        ``arms`` of the population in the metrics; arms that were skipped are passed over.
    primary : str
        The population.
    settings : ModellingSettings
        Recipes and tuning.
    seed : int
        The run's seed.

    Returns
    -------
    dict of str to ExplainedDesign
        By arm; empty when the population was refused.
    """
    patients = labelled(population(cohort, primary)).sort_values("subject_id", ignore_index=True)
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    made = {}
    for arm in (name for name, facts in figures.items() if facts["status"] == "evaluated"):
        table = assemble_arm(arm, patients, blocks)
        if isinstance(table, ArmSkipped):
            continue
        of_folds = () if table.embeddings is None else table.embeddings.columns_of_folds
        made[arm] = ExplainedDesign(
            arm_design(table, labels, folds, settings, seed), tuple(table.columns), fold_networks(of_folds)
        )
    return made
