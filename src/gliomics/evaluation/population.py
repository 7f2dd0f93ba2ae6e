"""All arms of one population on the same folds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cohort.populations import population as population_of
from gliomics.cohort.validation import REPEATED
from gliomics.evaluation.cases import evaluate_cases
from gliomics.evaluation.statistics.censoring import gather_follow_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from gliomics.cohort.settings import Population
    from gliomics.cohort.validation import Validation
    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.arms import Block
    from gliomics.evaluation.results import PopulationEvaluation
    from gliomics.evaluation.settings import ModellingSettings

__all__ = ["evaluate_population"]


def evaluate_population(  # noqa: PLR0913  (one call holds all that an evaluation depends on)
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    blocks: Mapping[str, Block],
    *,
    arms: Sequence[str],
    population: Population,
    settings: ModellingSettings,
    seed: int,
    compute: ComputeSettings,
    on_progress: Callable[[str, int, int], None] | None = None,
    networks_permuted: bool = True,
    sampler: object | None = None,
    horizon_days: float | None = None,
    validation: Validation = REPEATED,
) -> PopulationEvaluation:
    """Evaluate arms on the labelled patients of a population: `evaluate_cases` on whoever belongs to it.

    Parameters
    ----------
    cohort : DataFrame
        One row a patient: ``subject_id``, ``exclusion_reason``, ``benefit``, ``chemotherapy`` and the
        clinical columns.
    folds : DataFrame
        The one table of folds (`gliomics.cohort.splits.make_folds`).
    blocks : mapping of str to DataFrame or EmbeddingBlock
        ``radiomics``, ``region_presence`` and ``embeddings``, each absent when the cohort has none.
    arms : sequence of str
        Names in `gliomics.evaluation.arms.ARMS`.
    population : {"treated", "all"}
        ``treated`` is the primary analysis: patients known to have had chemotherapy.
    settings : ModellingSettings
        Parameters under ``modelling``.
    seed : int
        The run's seed.
    compute : ComputeSettings
        How fits are spread over workers.
    on_progress : callable, optional
        Called with (arm, fits done, fits in all).
    networks_permuted : bool
        Whether the permuted networks among the embeddings were trained on the labels of this population.
    sampler : estimator, optional
        Makes the synthetic rows of Dataset 2 and of the audit for the arms of ``settings.dataset2.arms``
        (`gliomics.evaluation.cross_validation.resampling.Resampler`); without one there is neither.
    horizon_days : float, optional
        The label's cut-off; with it, and with ``os_days`` and ``death_observed`` in the cohort, the metrics
        tell what the censored may change.
    validation : Validation
        How the folds were made: dealt, so that each must get a patient of both classes, or one a site.

    Returns
    -------
    PopulationEvaluation
        Equal for any number of workers and any order of the rows.

    Raises
    ------
    SettingsError
        If an arm or the population is unknown.
    ValidationDesignError
        If the folds miss a labelled patient, or the control asks for more repeats than there are.

    References
    ----------
    PROTOCOL 1 to 4.
    """
    eligible = population_of(cohort, population).sort_values("subject_id", ignore_index=True)
    return evaluate_cases(
        eligible,
        folds,
        blocks,
        arms=arms,
        name=population,
        settings=settings,
        seed=seed,
        compute=compute,
        on_progress=on_progress,
        networks_permuted=networks_permuted,
        sampler=sampler,
        follow_up=gather_follow_up(eligible, folds, horizon_days),
        validation=validation,
    )
