"""The preflight: what of a cohort's raw data would go wrong in a run, and what to do about it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gliomics.cohort.clinical import read_clinical_records
from gliomics.cohort.cohort_table import build_cohort
from gliomics.cohort.populations import POPULATIONS, population
from gliomics.cohort.published_panel import no_published_panel, read_published_panel
from gliomics.cohort.splits import make_folds
from gliomics.errors import GliomicsError
from gliomics.imaging.manifest import enforce_failure_limit, inspect_scans, no_scans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

    from gliomics.cohort.clinical import ClinicalRecords
    from gliomics.cohort.published_panel import PublishedPanel
    from gliomics.cohort.settings import CohortSettings, Population
    from gliomics.cohort.splits import FoldSettings
    from gliomics.compute import ComputeSettings
    from gliomics.imaging.settings import ImageSettings

Level = Literal["error", "warning", "note", "fine"]


@dataclass(frozen=True)
class Finding:
    """One line of the preflight's table.

    Attributes
    ----------
    level : {"error", "warning", "note", "fine"}
        An error stops a run or leaves it without a result; a warning costs patients; a note says what a rule
        of reading will do.
    where : str
        Source, subject or setting.
    what : str
        What was found.
    remedy : str
        What to do; empty when nothing is to be done.
    """

    level: Level
    where: str
    what: str
    remedy: str = ""


def preflight(
    raw_dir: Path,
    *,
    cohort_settings: CohortSettings,
    image_settings: ImageSettings,
    fold_settings: FoldSettings,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Read everything that a run would read and say what is wrong; write nothing.

    Parameters
    ----------
    raw_dir : Path
        The cohort's raw folder.
    cohort_settings, image_settings, fold_settings, compute
        As a run would get them.
    on_progress : callable, optional
        Called with the number of cases looked at and the number of all cases.

    Returns
    -------
    list of Finding
        In the order of ingestion: clinical sources, scans, published panel, cohort, folds.
    """
    findings: list[Finding] = []
    with _collecting(findings):
        records = read_clinical_records(raw_dir, cohort_settings.clinical)
        findings += _clinical(records)
    with _collecting(findings):
        scans = _scans(raw_dir, cohort_settings, image_settings, compute, on_progress)
        findings += _quarantined(scans)
        enforce_failure_limit(scans, image_settings.max_failed_fraction)
    with _collecting(findings):
        panel = _panel(raw_dir, cohort_settings)
        findings += _published(panel)
    if any(finding.level == "error" for finding in findings):
        return findings
    with _collecting(findings):
        cohort = build_cohort(
            records.table,
            scan_outcomes=scans,
            panel_subjects=set(panel.features["subject_id"]),
            settings=cohort_settings,
        ).cohort
        findings += _labels(cohort, cohort_settings.primary_population, fold_settings)
        make_folds(cohort, fold_settings, seed=0)
    return findings


@contextmanager
def _collecting(findings: list[Finding]) -> Iterator[None]:
    """Turn an error into a finding, so that one broken source does not hide the next."""
    try:
        yield
    except GliomicsError as error:
        findings.append(Finding("error", error.where, f"{error.expected}, got {error.got}", error.fix))


def _clinical(records: ClinicalRecords) -> list[Finding]:
    found = [
        Finding("fine", f"clinical source {source}", f"{rows['subject_id'].nunique()} patients")
        for source, rows in records.table.groupby("source", sort=False)
    ]
    return found + [
        Finding(
            "note",
            _source_and_field(str(rule.source), rule.field),
            f"{rule.n} x {rule.rule}: {rule.sentence}",
        )
        for rule in records.findings.itertuples()
    ]


def _source_and_field(source: str, field: object) -> str:
    return f"clinical source {source}" + (f", {field}" if isinstance(field, str) and field else "")


def _scans(
    raw_dir: Path,
    cohort_settings: CohortSettings,
    image_settings: ImageSettings,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None,
) -> pd.DataFrame:
    if cohort_settings.images is None:
        return no_scans().outcomes
    folder = raw_dir / cohort_settings.images
    return inspect_scans(folder, raw_dir, image_settings, compute, on_progress).outcomes


def _quarantined(outcomes: pd.DataFrame) -> list[Finding]:
    failed = outcomes[outcomes["status"] == "failed"]
    found = [
        Finding(
            "warning", str(case.subject_id), f"{case.code}: {case.reason}", "The case will be quarantined."
        )
        for case in failed.itertuples()
    ]
    usable = len(outcomes) - len(failed)
    return [*found, Finding("fine", "scans", f"{usable} of {len(outcomes)} cases are usable")]


def _panel(raw_dir: Path, cohort_settings: CohortSettings) -> PublishedPanel:
    settings = cohort_settings.published_features
    return (
        no_published_panel() if settings is None else read_published_panel(raw_dir / settings.path, settings)
    )


def _published(panel: PublishedPanel) -> list[Finding]:
    n_patients, n_features = len(panel.features), panel.features.shape[1] - 1
    found = [Finding("fine", "published features", f"{n_patients} patients x {n_features} features")]
    return found + [
        Finding("note", "published features", f"{rule.n} x {rule.rule}: {rule.sentence}")
        for rule in panel.report.itertuples()
    ]


def _labels(cohort: pd.DataFrame, primary: Population, folds: FoldSettings) -> list[Finding]:
    found = []
    for name in POPULATIONS:
        patients = population(cohort, name)
        n_short, n_long = ((patients["benefit"] == label).sum() for label in (0, 1))
        text = f"{n_long} long, {n_short} short, {patients['benefit'].isna().sum()} censored"
        enough = min(n_short, n_long) >= folds.n_splits
        level: Level = "fine" if enough else ("error" if name == primary else "warning")
        remedy = "" if enough else "Fewer than the folds: lower ingestion.folds.n_splits or add patients."
        found.append(Finding(level, f"population {name}", text, remedy))
    return found
