"""Nodes of ingestion: settings in, one domain call, tables out."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import pandas as pd

from gliomics.cohort.clinical import read_clinical_records
from gliomics.cohort.clinical_rules import IMPOSSIBLE_DATES
from gliomics.cohort.cohort_table import build_cohort
from gliomics.cohort.populations import eligible, labelled, population
from gliomics.cohort.published_panel import no_published_panel, read_published_panel
from gliomics.cohort.settings import CohortSettings
from gliomics.cohort.sites import leave_one_site_out, one_fold, read_sites
from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.cohort.validation import EXTERNAL, LEAVE_ONE_SITE_OUT, parse_validation
from gliomics.compute import ComputeSettings
from gliomics.imaging.manifest import enforce_failure_limit, inspect_scans, no_scans
from gliomics.imaging.settings import ImageSettings
from gliomics.progress import progress

logger = logging.getLogger(__name__)


def read_clinical_sources(
    raw_folder: Path, cohort_settings: CohortSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """raw_folder -> clinical_records, clinical_findings."""
    records = read_clinical_records(raw_folder, cohort_settings.clinical)
    logger.info(
        "read_clinical_sources: %d patients in %d sources, %d rules acted",
        records.table["subject_id"].nunique(),
        records.table["source"].nunique(),
        len(records.findings),
    )
    refused = records.findings[records.findings["rule"].isin(IMPOSSIBLE_DATES)]
    for finding in refused.itertuples():
        logger.warning("%s: no label for %s. %s", finding.source, finding.subject_ids, finding.sentence)
    return records.table, records.findings


def inspect_case_scans(
    raw_folder: Path, cohort_settings: CohortSettings, settings: ImageSettings, compute: ComputeSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """raw_folder -> scan_manifest, case_outcomes_ingestion."""
    if cohort_settings.images is None:
        inspection = no_scans()
    else:
        with progress("case") as show:
            inspection = inspect_scans(
                raw_folder / cohort_settings.images,
                raw_folder,
                settings,
                compute,
                partial(show, "checking scans"),
            )
    failed = inspection.outcomes[inspection.outcomes["status"] == "failed"]
    for case in failed.itertuples():
        logger.warning("quarantined %s", case.reason)
    logger.info(
        "inspect_case_scans: %d cases, %d quarantined (%s)",
        len(inspection.outcomes),
        len(failed),
        ", ".join(sorted(failed["code"])) or "none",
    )
    enforce_failure_limit(inspection.outcomes, settings.max_failed_fraction)
    return inspection.manifest, inspection.outcomes


def clean_published_features(
    raw_folder: Path, cohort_settings: CohortSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """raw_folder -> published_features, published_features_findings."""
    settings = cohort_settings.published_features
    panel = (
        no_published_panel()
        if settings is None
        else read_published_panel(raw_folder / settings.path, settings)
    )
    logger.info(
        "clean_published_features: %d patients x %d features, %.1f %% of the values missing",
        len(panel.features),
        panel.features.shape[1] - 1,
        100 * panel.features.drop(columns="subject_id").isna().to_numpy().mean()
        if len(panel.features)
        else 0.0,
    )
    return panel.features, panel.report


def build_cohort_table(
    clinical_records: pd.DataFrame,
    case_outcomes_ingestion: pd.DataFrame,
    published_features: pd.DataFrame,
    cohort_settings: CohortSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """clinical_records, case_outcomes_ingestion, published_features -> cohort, cohort_flow."""
    table = build_cohort(
        clinical_records,
        scan_outcomes=case_outcomes_ingestion,
        panel_subjects=set(published_features["subject_id"]),
        settings=cohort_settings,
    )
    logger.info(
        "build_cohort_table: %d subjects, %d eligible (%d treated), %d with a label",
        len(table.cohort),
        len(eligible(table.cohort)),
        len(population(table.cohort, "treated")),
        len(labelled(table.cohort)),
    )
    return table.cohort, table.flow


def split_folds(
    cohort: pd.DataFrame,
    raw_folder: Path,
    cohort_settings: CohortSettings,
    validation: str,
    settings: FoldSettings,
    seed: int,
) -> pd.DataFrame:
    """cohort, raw_folder -> folds: dealt, one a site, or one for all that a frozen model scores."""
    mode = parse_validation(validation).mode
    if mode == LEAVE_ONE_SITE_OUT:
        table = cohort_settings.sites
        folds = leave_one_site_out(cohort, None if table is None else read_sites(raw_folder, table))
    else:
        folds = one_fold(cohort) if mode == EXTERNAL else make_folds(cohort, settings, seed)
    logger.info(
        "split_folds: %s, %d patients in %d folds, %d repeats",
        validation,
        folds["subject_id"].nunique(),
        folds["fold"].nunique(),
        folds["repeat"].nunique(),
    )
    return folds
