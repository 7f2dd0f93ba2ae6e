"""Node of reporting: where the networks look."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from gliomics.cohort.settings import CohortSettings
from gliomics.compute import ComputeSettings
from gliomics.evaluation.settings import ModellingSettings
from gliomics.explanation.attention.cohort import CohortTables, StageSettings, explain_cohort
from gliomics.explanation.attention.settings import GradCamSettings
from gliomics.explanation.attention.summary import summarise_enrichment
from gliomics.lineage.case_store import CaseStore
from gliomics.networks.settings import Cnn3dSettings, MedicalNetSettings, SamplingSettings
from gliomics.progress import progress
from gliomics.radiomics.settings import RadiomicsSettings

logger = logging.getLogger(__name__)


def map_attention(
    *,
    raw_folder: Path,
    scan_manifest: pd.DataFrame,
    case_outcomes_ingestion: pd.DataFrame,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    crop_index: pd.DataFrame,
    fold_networks: dict[str, Any],
    embeddings: pd.DataFrame,
    metrics: dict[str, Any],
    embedding_store: CaseStore,
    cohort_settings: CohortSettings,
    settings: GradCamSettings,
    sampling: SamplingSettings,
    cnn3d: Cnn3dSettings,
    medicalnet: MedicalNetSettings,
    radiomics: RadiomicsSettings,
    modelling: ModellingSettings,
    compute: ComputeSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, bytes], dict[str, bytes], dict[str, Any]]:
    """Take scans, folds, networks and vectors -> grad_cam_*, heatmaps, heatmap_overlays."""
    tables = CohortTables(
        cohort, folds, crop_index, scan_manifest, case_outcomes_ingestion, fold_networks, embeddings, metrics
    )
    stages = StageSettings(
        settings, sampling, cnn3d, medicalnet, radiomics, modelling, cohort_settings.primary_population, seed
    )
    with progress("patient") as show:
        made = explain_cohort(
            tables,
            raw_folder,
            embedding_store,
            stages,
            compute=compute,
            on_progress=lambda done, total: show("Grad-CAM", done, total),
        )
    for failure in made.facts["failed"]:
        logger.warning("no heatmap: %s", failure["reason"])
    counts = made.maps["status"].value_counts()
    logger.info(
        "map_attention: %s",
        f"none made: {made.facts['reason']}"
        if made.facts["reason"]
        else f"{counts.get('mapped', 0)} heatmaps, {counts.get('no_heat', 0)} without heat, "
        f"{counts.get('no_weight', 0)} without weight in the head",
    )
    summary = summarise_enrichment(made.enrichment)
    return made.maps, made.enrichment, summary, made.heatmaps, made.overlays, made.facts
