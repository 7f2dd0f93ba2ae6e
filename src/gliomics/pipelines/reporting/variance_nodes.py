"""Node of reporting: how features vary and what blocks share."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
from kedro.pipeline import Node

from gliomics.cohort.populations import labelled, population
from gliomics.cohort.settings import CohortSettings
from gliomics.explanation.variance.block_variance import (
    complementarity,
    component_spectra,
    network_blocks,
    patch_variation,
)
from gliomics.explanation.variance.feature_variance import class_variance
from gliomics.explanation.variance.variance_settings import VarianceSettings
from gliomics.networks.settings import Cnn3dSettings, MedicalNetSettings

logger = logging.getLogger(__name__)


def analyse_variance(
    *,
    cohort: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    published_features: pd.DataFrame,
    embeddings: pd.DataFrame,
    patch_variance: pd.DataFrame,
    cohort_settings: CohortSettings,
    settings: VarianceSettings,
    cnn3d: Cnn3dSettings,
    medicalnet: MedicalNetSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Cohort, features, embeddings, patch_variance -> feature_variance, spectra, patch_variation, shared."""
    features = published_features if cohort_settings.feature_source == "published" else radiomic_features
    people = population(cohort, cohort_settings.primary_population)
    labels = labelled(people).set_index("subject_id")["benefit"].astype("int64")
    table = features.set_index("subject_id").sort_index()
    variance = class_variance(table.loc[table.index.isin(labels.index)], labels)
    networks = network_blocks(embeddings)
    spectra = component_spectra(table, networks, settings, seed)
    pooling = {"cnn3d": cnn3d.pooling, "medicalnet": medicalnet.pooling}
    variation = patch_variation(embeddings, patch_variance, pooling)
    shared, cells = complementarity(table, networks, settings, seed)
    logger.info(
        "analyse_variance: %d of %d features differ between the classes (false discovery rate "
        "5 %%), %d blocks",
        int((variance["q_value"] < 0.05).sum()),
        len(variance),
        spectra["block"].nunique(),
    )
    return variance, spectra, variation, cells, shared


def variance_node() -> Node:
    """Wire the analysis of variance."""
    return Node(
        analyse_variance,
        name="analyse_variance",
        inputs={
            "cohort": "cohort",
            "radiomic_features": "radiomic_features",
            "published_features": "published_features",
            "embeddings": "embeddings",
            "patch_variance": "patch_variance",
            "cohort_settings": "params:cohort_settings",
            "settings": "params:reporting.variance",
            "cnn3d": "params:embedding.cnn3d",
            "medicalnet": "params:embedding.medicalnet",
            "seed": "params:seed",
        },
        outputs=[
            "feature_variance",
            "component_spectra",
            "patch_variation",
            "cross_correlations",
            "complementarity",
        ],
    )
