"""Nodes of feature engineering: cases in, features and how far they can be trusted out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from gliomics.cohort.settings import CohortSettings
from gliomics.compute import ComputeSettings, map_cases
from gliomics.imaging.case_files import find_variants
from gliomics.imaging.case_scans import CaseScans, list_cases
from gliomics.imaging.manifest import enforce_failure_limit
from gliomics.lineage.case_store import CaseStore
from gliomics.progress import progress
from gliomics.radiomics.case_work import CaseResult, lost_result, measure_case, measure_variants, perturb_case
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.stability import StabilitySettings, estimate_stability
from gliomics.radiomics.tables import (
    gather_features,
    gather_perturbed,
    gather_variants,
    regions_with_few_levels,
)

logger = logging.getLogger(__name__)


def extract_radiomic_features(
    *,
    raw_folder: Path,
    scan_manifest: pd.DataFrame,
    case_outcomes_ingestion: pd.DataFrame,
    radiomics_store: CaseStore,
    settings: RadiomicsSettings,
    max_failed_fraction: float,
    compute: ComputeSettings,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """scan_manifest -> radiomic_features, region_presence, their gaps, grey_levels, case outcomes."""
    cases = list_cases(scan_manifest, case_outcomes_ingestion, raw_folder)
    measure = partial(measure_case, store=radiomics_store, settings=settings)
    results = _work("measuring radiomic features", measure, cases, compute)
    tables = gather_features(results, case_outcomes_ingestion, settings)
    logger.info(
        "extract_radiomic_features: %s, %d features, %.1f %% of the values missing (%s)",
        _counts(results),
        tables.features.shape[1] - 1,
        100 * len(tables.missing) / max(tables.features.shape[0] * (tables.features.shape[1] - 1), 1),
        ", ".join(sorted(tables.missing["reason"].unique())) or "no reason",
    )
    for place, median in regions_with_few_levels(tables.grey_levels).items():
        logger.warning(
            "%s: a median of %g grey levels leaves textures little to measure; lower bin_width", place, median
        )
    enforce_failure_limit(
        tables.outcomes,
        max_failed_fraction,
        where="radiomic features",
        setting="feature_engineering.max_failed_fraction",
    )
    return tables.features, tables.presence, tables.missing, tables.grey_levels, tables.outcomes


def perturb_segmentations(
    *,
    raw_folder: Path,
    scan_manifest: pd.DataFrame,
    case_outcomes_feature_engineering: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    radiomics_store: CaseStore,
    settings: RadiomicsSettings,
    stability: StabilitySettings,
    seed: int,
    compute: ComputeSettings,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """scan_manifest, radiomic_features -> perturbed_features, boundary_changes."""
    cases = list_cases(scan_manifest, case_outcomes_feature_engineering, raw_folder)
    perturb = partial(perturb_case, store=radiomics_store, settings=settings, stability=stability, seed=seed)
    results = _work("perturbing segmentations", perturb, cases if stability.perturbations else [], compute)
    perturbed, changes = gather_perturbed(radiomic_features, results, settings)
    logger.info(
        "perturb_segmentations: %s, %d perturbations each%s",
        _counts(results),
        stability.perturbations,
        ""
        if changes.empty
        else f", median Hausdorff distance {changes['hausdorff_mm'].median():.1f} mm, median change of "
        f"volume {changes['volume_change'].abs().median():.1%}",
    )
    return perturbed, changes


def measure_other_segmentations(
    *,
    raw_folder: Path,
    scan_manifest: pd.DataFrame,
    case_outcomes_feature_engineering: pd.DataFrame,
    radiomics_store: CaseStore,
    cohort_settings: CohortSettings,
    settings: RadiomicsSettings,
    compute: ComputeSettings,
) -> pd.DataFrame:
    """scan_manifest, other algorithms' segmentations -> variant_features."""
    cases = list_cases(scan_manifest, case_outcomes_feature_engineering, raw_folder)
    variants = find_variants(raw_folder, cohort_settings.segmentations_by_algorithm)
    work = [(case, variants[case.subject_id]) for case in cases if case.subject_id in variants]
    measure = partial(_measure_variants, store=radiomics_store, settings=settings)
    results = _work("measuring other segmentations", measure, work, compute)
    for result in results:
        for reason in (result.record.facts["failures"] if result.record else {"": result.error}).values():
            logger.warning("left out %s", reason)
    table = gather_variants(results, settings)
    logger.info("measure_other_segmentations: %s, %d segmentations", _counts(results), len(table))
    return table


def estimate_feature_stability(
    perturbed_features: pd.DataFrame, variant_features: pd.DataFrame, settings: StabilitySettings
) -> pd.DataFrame:
    """perturbed_features, variant_features -> feature_stability."""
    table = estimate_stability(perturbed_features, variant_features, settings)
    estimated = table["icc_lower"].dropna()
    logger.info(
        "estimate_feature_stability: %d features, %d with an ICC%s, %d with a coefficient of variation",
        len(table),
        len(estimated),
        f" (median of the lower limits {estimated.median():.2f})" if len(estimated) else "",
        table["cv"].notna().sum(),
    )
    return table


def _measure_variants(
    work: tuple[CaseScans, dict[str, Path]], store: CaseStore, settings: RadiomicsSettings
) -> CaseResult:
    case, variants = work
    return measure_variants(case, store, settings, variants)


def _lost(item: CaseScans | tuple[CaseScans, dict[str, Path]], reason: str) -> CaseResult:
    return lost_result(item[0] if isinstance(item, tuple) else item, reason)


def _work(
    doing: str,
    function: Callable[..., CaseResult],
    items: Sequence[CaseScans | tuple[CaseScans, dict[str, Path]]],
    compute: ComputeSettings,
) -> list[CaseResult]:
    """Fan out over cases, with progress; a case that fails is said at once."""
    results = []
    with progress("case") as show:
        for result in map_cases(function, items, compute, on_lost=_lost):
            results.append(result)
            show(doing, len(results), len(items))
            if result.error is not None:
                logger.warning("failed %s", result.error)
    return results


def _counts(results: list[CaseResult]) -> str:
    computed = sum(result.computed for result in results)
    failed = sum(result.error is not None for result in results)
    found = len(results) - computed - failed
    return f"{len(results)} cases ({computed} computed, {found} found in the store, {failed} failed)"
