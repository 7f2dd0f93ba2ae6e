"""Nodes of reporting: outcomes, groups, methods, checklists and the page."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from gliomics.cohort.published_panel import region_presence as published_presence
from gliomics.cohort.settings import CohortSettings
from gliomics.cohort.splits import FoldSettings
from gliomics.evaluation.equity import (
    PRESENCE_COLUMN,
    PUBLISHED_VOLUME_COLUMN,
    VOLUME_COLUMN,
    group_patients,
    subgroup_performance,
)
from gliomics.evaluation.equity_settings import EquitySettings
from gliomics.evaluation.failures import join_outcomes, worst_errors
from gliomics.evaluation.settings import ModellingSettings
from gliomics.explanation.attention.results import GradCamResults
from gliomics.explanation.attention.settings import GradCamSettings
from gliomics.explanation.attribution.shap_settings import ShapSettings
from gliomics.explanation.variance.variance_settings import VarianceSettings
from gliomics.imaging.settings import ImageSettings
from gliomics.networks.settings import Cnn3dSettings, MedicalNetSettings, SamplingSettings
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.reporting.checklists.checklist import fill_checklists
from gliomics.reporting.lineage_record import describe_run
from gliomics.reporting.methods_text import methods_markdown, methods_paragraphs
from gliomics.reporting.page import write_report
from gliomics.reporting.run_results import RunResults, ShapResults, VarianceResults
from gliomics.synthesis.settings import AugmentationSettings

logger = logging.getLogger(__name__)


def join_case_outcomes(
    case_outcomes_ingestion: pd.DataFrame,
    case_outcomes_feature_engineering: pd.DataFrame,
    case_outcomes_embedding: pd.DataFrame,
) -> pd.DataFrame:
    """case_outcomes_ingestion, _feature_engineering, _embedding -> case_outcomes."""
    joined = join_outcomes(
        {
            "ingestion": case_outcomes_ingestion,
            "feature_engineering": case_outcomes_feature_engineering,
            "embedding": case_outcomes_embedding,
        }
    )
    wrong = joined.loc[joined["status"] != "processed", "subject_id"].nunique()
    logger.info("join_case_outcomes: %d cases, %d not used", joined["subject_id"].nunique(), wrong)
    return joined


def describe_subgroups(
    *,
    cv_predictions: pd.DataFrame,
    cohort: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    cohort_settings: CohortSettings,
    settings: EquitySettings,
    modelling: ModellingSettings,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """cv_predictions, cohort, features -> subgroup_performance, worst_errors."""
    scored = cohort[cohort["subject_id"].isin(cv_predictions["subject_id"])]
    if cohort_settings.feature_source == "published":
        tables = (
            (published_presence(published_features), PRESENCE_COLUMN),
            (
                published_features,
                PUBLISHED_VOLUME_COLUMN,
            ),
        )
    else:
        tables = (region_presence, PRESENCE_COLUMN), (radiomic_features, VOLUME_COLUMN)
    enhancement, volume = (
        table.set_index("subject_id")[column] if column in table.columns else None for table, column in tables
    )
    groups = group_patients(scored, settings, enhancement=enhancement, volume=volume)
    performance = subgroup_performance(cv_predictions, groups, settings, modelling.bootstrap, seed)
    logger.info(
        "describe_subgroups: %d groups and arms, %d with an AUC",
        len(performance),
        performance["auc"].notna().sum(),
    )
    return performance, worst_errors(cv_predictions, settings.worst_errors)


def record_lineage(
    *,
    clinical_records: pd.DataFrame,
    scan_manifest: pd.DataFrame,
    published_features: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    embeddings: pd.DataFrame,
    folds: pd.DataFrame,
    cv_predictions: pd.DataFrame,
    cohort_name: str,
    cohort_settings: CohortSettings,
    images: ImageSettings,
    fold_settings: FoldSettings,
    radiomics: RadiomicsSettings,
    stability: StabilitySettings,
    sampling: SamplingSettings,
    cnn3d: Cnn3dSettings,
    medicalnet: MedicalNetSettings,
    augmentation: AugmentationSettings,
    modelling: ModellingSettings,
    equity: EquitySettings,
    grad_cam: GradCamSettings,
    shap: ShapSettings,
    variance: VarianceSettings,
    seed: int,
) -> dict[str, Any]:
    """Results of the stages and their settings -> lineage."""
    settings = {
        "cohort_settings": cohort_settings,
        "ingestion.images": images,
        "ingestion.folds": fold_settings,
        "feature_engineering.radiomics": radiomics,
        "feature_engineering.stability": stability,
        "embedding.sampling": sampling,
        "embedding.cnn3d": cnn3d,
        "embedding.medicalnet": medicalnet,
        "augmentation": augmentation,
        "modelling": modelling,
        "reporting.equity": equity,
        "reporting.grad_cam": grad_cam,
        "reporting.shap": shap,
        "reporting.variance": variance,
    }
    tables = {
        "clinical_records": clinical_records,
        "scan_manifest": scan_manifest,
        "published_features": published_features,
        "radiomic_features": radiomic_features,
        "embeddings": embeddings,
        "folds": folds,
        "cv_predictions": cv_predictions,
    }
    return describe_run(settings, tables, cohort_name=cohort_name, seed=seed)


def render_report(
    *,
    metrics: dict[str, Any],
    cv_predictions: pd.DataFrame,
    cohort: pd.DataFrame,
    clinical_findings: pd.DataFrame,
    case_outcomes: pd.DataFrame,
    subgroup_performance: pd.DataFrame,
    worst_errors: pd.DataFrame,
    feature_stability: pd.DataFrame,
    synthesis_acceptance: pd.DataFrame,
    lineage: dict[str, Any],
    embedding_summary: dict[str, Any],
    grad_cam_maps: pd.DataFrame,
    grad_cam_enrichment_summary: pd.DataFrame,
    heatmap_overlays: dict[str, bytes],
    grad_cam_facts: dict[str, Any],
    shap_values: pd.DataFrame,
    shap_fits: pd.DataFrame,
    shap_summary: pd.DataFrame,
    shap_facts: dict[str, Any],
    feature_variance: pd.DataFrame,
    component_spectra: pd.DataFrame,
    patch_variation: pd.DataFrame,
    cross_correlations: pd.DataFrame,
    complementarity: dict[str, Any],
    shap_settings: ShapSettings,
    variance_settings: VarianceSettings,
) -> tuple[str, pd.DataFrame, dict[str, bytes], str]:
    """Everything that a run left -> methods, checklist, figures, report."""
    run = RunResults(
        metrics=metrics,
        predictions=cv_predictions,
        lineage=lineage,
        cohort=cohort,
        clinical_findings=clinical_findings,
        case_outcomes=case_outcomes,
        subgroups=subgroup_performance,
        errors=worst_errors,
        stability=feature_stability,
        acceptance=synthesis_acceptance,
        grad_cam=GradCamResults(grad_cam_maps, grad_cam_enrichment_summary, heatmap_overlays, grad_cam_facts),
        shap=ShapResults(
            shap_values, shap_fits, shap_summary, shap_facts, shap_settings.shown, shap_settings.dependence
        ),
        variance=VarianceResults(
            feature_variance,
            component_spectra,
            patch_variation,
            cross_correlations,
            complementarity,
            variance_settings.shown,
        ),
        embedding=embedding_summary,
    )
    checklist = fill_checklists(run)
    run = run.with_checklist(checklist)
    methods = methods_markdown(methods_paragraphs(run), metrics["title"])
    report = write_report(run)
    logger.info("render_report: %d figures, %.1f MB", len(report.figures), len(report.html.encode()) / 1e6)
    return methods, checklist, report.figures, report.html
