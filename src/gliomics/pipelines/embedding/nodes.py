"""Nodes of embedding: crops, networks of the folds, vectors."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from gliomics.cohort.populations import labelled, population
from gliomics.cohort.settings import CohortSettings
from gliomics.compute import ComputeSettings
from gliomics.imaging.case_scans import with_failures
from gliomics.imaging.manifest import enforce_failure_limit
from gliomics.lineage.case_store import CaseStore
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.settings import (
    UNTRAINED,
    Cnn3dSettings,
    InferenceSettings,
    MedicalNetSettings,
    SamplingSettings,
)
from gliomics.networks.training.cohort_networks import EmbeddingNetworks, embed_cohort, train_cohort
from gliomics.networks.training.learning import learning_warnings
from gliomics.progress import progress

logger = logging.getLogger(__name__)


def sample_crops(
    *,
    raw_folder: Path,
    scan_manifest: pd.DataFrame,
    case_outcomes_ingestion: pd.DataFrame,
    embedding_store: CaseStore,
    settings: SamplingSettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """raw_folder, scan_manifest, its outcomes -> crop_index, patch_centres, case_outcomes_crops."""
    with progress("case") as show:
        crops = sample_cohort(
            scan_manifest,
            case_outcomes_ingestion,
            raw_folder,
            embedding_store,
            settings,
            compute=compute,
            seed=seed,
            on_progress=partial(show, "cutting crops"),
        )
    for case in crops.outcomes[crops.outcomes["status"] == "failed"].itertuples():
        logger.warning("not embedded: %s", case.reason)
    counts = crops.outcomes["status"].value_counts()
    logger.info(
        "sample_crops: %d cases, %d failed, %d skipped, %d patch centres",
        counts.get("processed", 0),
        counts.get("failed", 0),
        counts.get("skipped", 0),
        len(crops.centres),
    )
    enforce_failure_limit(
        crops.outcomes,
        settings.max_failed_fraction,
        where="crops of the networks",
        setting="embedding.sampling.max_failed_fraction",
    )
    return crops.index, crops.centres, crops.outcomes


def train_fold_networks(
    *,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    crop_index: pd.DataFrame,
    embedding_store: CaseStore,
    cohort_settings: CohortSettings,
    settings: Cnn3dSettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """cohort, folds, crop_index -> fold_networks, training_curves."""
    patients = labelled(population(cohort, cohort_settings.primary_population))
    with progress("network") as show:
        networks, curves = train_cohort(
            patients,
            folds,
            crop_index,
            embedding_store,
            settings,
            compute=compute,
            seed=seed,
            on_progress=partial(show, "training"),
        )
    if networks["reason"] is None:
        logger.info("train_fold_networks: %d networks %s", len(networks["networks"]), networks["status"])
    else:
        logger.warning("train_fold_networks: no network trained: %s", networks["reason"])
    for warning in learning_warnings(networks["learning"], cohort_settings.primary_population):
        logger.warning("train_fold_networks: %s", warning)
    return networks, curves


def encode_cases(
    *,
    crop_index: pd.DataFrame,
    case_outcomes_crops: pd.DataFrame,
    fold_networks: dict[str, Any],
    folds: pd.DataFrame,
    embedding_store: CaseStore,
    cnn3d: Cnn3dSettings,
    medicalnet: MedicalNetSettings,
    inference: InferenceSettings,
    sampling: SamplingSettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """crop_index, fold_networks, folds -> embeddings, patch_variance, their summary, case outcomes."""
    with progress("step") as show:
        made = embed_cohort(
            crop_index,
            fold_networks,
            folds,
            embedding_store,
            EmbeddingNetworks(cnn3d, medicalnet, inference),
            compute=compute,
            seed=seed,
            on_progress=show,
        )
    for network in ("cnn3d", "medicalnet"):
        if made.summary[network]["status"] == UNTRAINED:
            logger.warning("encode_cases: the vectors of %s are UNTRAINED", network)
    for error in made.lost.values():
        logger.warning("not embedded: %s", error)
    outcomes = with_failures(case_outcomes_crops, made.lost)
    enforce_failure_limit(
        outcomes,
        sampling.max_failed_fraction,
        where="vectors of the networks",
        setting="embedding.sampling.max_failed_fraction",
    )
    logger.info(
        "encode_cases: %d patients, %d rows in embeddings", made.summary["patients"], len(made.embeddings)
    )
    return made.embeddings, made.final_embeddings, made.patch_variance, made.summary, outcomes
