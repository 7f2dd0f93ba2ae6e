"""The crops of a whole cohort, and the outcome of each case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.compute import lost_case, map_cases
from gliomics.imaging.case_scans import list_cases, stage_outcomes
from gliomics.networks.sampling.crops import SampledCase, sample_case

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gliomics.compute import ComputeSettings
    from gliomics.imaging.case_scans import CaseScans
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.settings import SamplingSettings

INDEX_COLUMNS = ("subject_id", "sampling", "n_crops", "crop_key", "affine")
CENTRE_COLUMNS = ("subject_id", "patch", "kind", "x_mm", "y_mm", "z_mm", "i", "j", "k")


@dataclass(frozen=True)
class CropTables:
    """What was sampled of a cohort.

    Attributes
    ----------
    index : DataFrame
        One row a usable case and sampling: where the store holds its crops, and ``affine``: one row-major
        4 x 4 matrix a crop, from its voxels to RAS+ mm (`INDEX_COLUMNS`).
    centres : DataFrame
        One row a patch (`CENTRE_COLUMNS`): RAS+ mm and voxel of the segmentation.
    outcomes : DataFrame
        One row a case of ingestion (`gliomics.imaging.case_scans.stage_outcomes`): processed, failed, or
        skipped because ingestion had quarantined it.
    """

    index: pd.DataFrame
    centres: pd.DataFrame
    outcomes: pd.DataFrame


def sample_cohort(
    manifest: pd.DataFrame,
    ingested: pd.DataFrame,
    raw_dir: Path,
    store: CaseStore,
    settings: SamplingSettings,
    *,
    compute: ComputeSettings,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> CropTables:
    """Cut the crops of every case that passed ingestion, unless the store already has them.

    Parameters
    ----------
    manifest : DataFrame
        ``subject_id``, ``modality``, ``path`` (relative to `raw_dir`) and ``sha256``, one row a file.
    ingested : DataFrame
        ``subject_id`` and ``status`` of each case.
    raw_dir : Path
        The cohort's raw folder.
    store : CaseStore
        Keeps the crops.
    settings : SamplingSettings
        Where to look.
    compute : ComputeSettings
        How cases are spread.
    seed : int
        The run's seed.
    on_progress : callable, optional
        Called with the number of cases done and of all cases.

    Returns
    -------
    CropTables
        Sorted by subject; the same for any number of workers. A case that cannot be used is failed, with its
        reason, and raises nothing.
    """
    scans = list_cases(manifest, ingested, raw_dir)
    cases = []
    sample = partial(sample_case, store=store, settings=settings, seed=seed)
    for case in map_cases(sample, scans, compute, on_lost=_lost):
        cases.append(case)
        if on_progress is not None:
            on_progress(len(cases), len(scans))
    return CropTables(
        pd.DataFrame([row for case in cases for row in case.index], columns=list(INDEX_COLUMNS)),
        pd.DataFrame([row for case in cases for row in case.centres], columns=list(CENTRE_COLUMNS)),
        stage_outcomes(ingested, {case.subject_id: case.error for case in cases}),
    )


def _lost(case: CaseScans, reason: str) -> SampledCase:
    return SampledCase(case.subject_id, error=lost_case(case.subject_id, reason))
