"""Node of augmentation: the rows that Dataset 2 adds to each training fold, and their acceptance."""

from __future__ import annotations

import logging

import pandas as pd

from gliomics.cohort.populations import labelled, population
from gliomics.cohort.published_panel import region_presence as published_presence
from gliomics.cohort.settings import CohortSettings
from gliomics.prediction.arms import ArmSkipped, Block, assemble_arm
from gliomics.prediction.batches import batch_block
from gliomics.prediction.preparation import preparation_of
from gliomics.prediction.resampling import Resampler
from gliomics.prediction.settings import ModellingSettings
from gliomics.prediction.synthetic_rows import SyntheticRows, no_synthetic_rows, synthetic_rows
from gliomics.radiomics.stability import StabilitySettings
from gliomics.radiomics.stability_filter import StableFeatures
from gliomics.seeding import generator
from gliomics.synthesis.acceptance import RealAndSynthetic, accept_fold, no_acceptance
from gliomics.synthesis.pca_gmm import pca_gmm_sampler
from gliomics.synthesis.settings import AugmentationSettings

logger = logging.getLogger(__name__)


def augment_training_rows(
    *,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    perturbed_features: pd.DataFrame,
    cohort_settings: CohortSettings,
    settings: AugmentationSettings,
    modelling: ModellingSettings,
    stability: StabilitySettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """cohort, folds, features, perturbed_features -> augmented_features, synthesis_acceptance."""
    published = cohort_settings.feature_source == "published"
    features = published_features if published else radiomic_features
    presence = published_presence(published_features) if published else region_presence
    patients = labelled(population(cohort, cohort_settings.primary_population))
    blocks: dict[str, Block] = {} if features.empty else {"radiomics": features, "region_presence": presence}
    blocks |= batch_block(cohort, modelling.harmonisation)
    if modelling.selection.stability.enabled:
        perturbed = perturbed_features.iloc[:0] if published else perturbed_features
        min_lower = modelling.selection.stability.min_icc
        blocks["stability"] = StableFeatures.from_perturbed(perturbed, stability, min_lower=min_lower)
    table = assemble_arm("radiomics", patients, blocks)
    made = (
        no_synthetic_rows(table.reason)
        if isinstance(table, ArmSkipped)
        else synthetic_rows(
            table,
            patients,
            folds,
            Resampler(pca_gmm_sampler(settings.pca_gmm)),
            repeats=settings.saved_repeats,
            seed=seed,
            preparation=preparation_of(table, modelling),
        )
    )
    judged = [_accept(made, place, settings, seed) for place in made.places]
    acceptance = pd.concat(judged, ignore_index=True) if judged else no_acceptance()
    logger.info(
        "augment_training_rows: %d synthetic rows of %d training folds%s",
        len(made.table),
        len(made.places),
        "".join(f"; {reason}" for reason in made.reasons),
    )
    return made.table, acceptance


def _accept(
    made: SyntheticRows, place: tuple[int, int], settings: AugmentationSettings, seed: int
) -> pd.DataFrame:
    rows = RealAndSynthetic(*made.parts(place))
    judged = accept_fold(rows, settings.acceptance, generator(seed, "acceptance", *place))
    judged.insert(0, "repeat", place[0])
    judged.insert(1, "fold", place[1])
    return judged
