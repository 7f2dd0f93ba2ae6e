"""Node of augmentation: the rows that Dataset 2 adds to each training fold, and their acceptance."""

from __future__ import annotations

import logging

import pandas as pd

from gliomics.cohort.populations import labelled, population
from gliomics.cohort.settings import CohortSettings
from gliomics.evaluation.arms import ArmSkipped, assemble_arm
from gliomics.evaluation.cohort_blocks import FeatureTables, cohort_blocks
from gliomics.evaluation.cross_validation.preparation import preparation_of
from gliomics.evaluation.cross_validation.resampling import Resampler
from gliomics.evaluation.cross_validation.synthetic_rows import (
    SyntheticRows,
    no_synthetic_rows,
    synthetic_rows,
)
from gliomics.evaluation.settings import ModellingSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.seeding import generator
from gliomics.synthesis.acceptance import RealAndSynthetic, accept_fold, no_acceptance
from gliomics.synthesis.registry import make_sampler
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
    patients = labelled(population(cohort, cohort_settings.primary_population))
    tables = FeatureTables(radiomic_features, region_presence, perturbed_features, published_features)
    blocks = cohort_blocks(cohort, tables, cohort_settings.feature_source, modelling, stability)
    table = assemble_arm("radiomics", patients, blocks)
    made = (
        no_synthetic_rows(table.reason)
        if isinstance(table, ArmSkipped)
        else synthetic_rows(
            table,
            patients,
            folds,
            Resampler(make_sampler(settings)),
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
