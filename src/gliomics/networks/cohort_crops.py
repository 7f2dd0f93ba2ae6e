"""The crops of a whole cohort, and the outcome of each case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.compute import map_cases
from gliomics.errors import TooManyFailuresError
from gliomics.networks.crops import CaseScans, sample_case

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gliomics.compute import ComputeSettings
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.crops import SampledCase
    from gliomics.networks.settings import SamplingSettings

INDEX_COLUMNS = ("subject_id", "sampling", "n_crops", "crop_key", "affine")
CENTRE_COLUMNS = ("subject_id", "patch", "kind", "x_mm", "y_mm", "z_mm", "i", "j", "k")
OUTCOME_COLUMNS = ("subject_id", "status", "code", "reason")


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
        One row a case of ingestion (`OUTCOME_COLUMNS`): processed, failed, or skipped because ingestion had
        quarantined it.
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
    passed = set(ingested.loc[ingested["status"] == "processed", "subject_id"])
    scans = [case for case in _cases(manifest, raw_dir) if case.subject_id in passed]
    cases = []
    for case in map_cases(partial(sample_case, store=store, settings=settings, seed=seed), scans, compute):
        cases.append(case)
        if on_progress is not None:
            on_progress(len(cases), len(scans))
    return CropTables(
        pd.DataFrame([row for case in cases for row in case.index], columns=list(INDEX_COLUMNS)),
        pd.DataFrame([row for case in cases for row in case.centres], columns=list(CENTRE_COLUMNS)),
        _outcomes(ingested, cases),
    )


def enforce_failure_limit(outcomes: pd.DataFrame, max_failed_fraction: float) -> None:
    """Stop when too many of the cases that were tried failed.

    Parameters
    ----------
    outcomes : DataFrame
        As in `CropTables`.
    max_failed_fraction : float
        Largest allowed share.

    Raises
    ------
    TooManyFailuresError
        With the table of failed cases.
    """
    tried = outcomes[outcomes["status"] != "skipped"]
    failed = tried[tried["status"] == "failed"]
    if len(failed) <= max_failed_fraction * len(tried):
        return
    table = "\n".join(f"  {case.subject_id}  {case.code}" for case in failed.itertuples())
    raise TooManyFailuresError(
        where="embedding",
        expected=f"at most {max_failed_fraction:.0%} of the cases may fail",
        got=f"{len(failed)} of {len(tried)}",
        fix="Mend these cases, or raise embedding.sampling.max_failed_fraction if they are meant to "
        f"fail:\n{table}",
    )


def _cases(manifest: pd.DataFrame, raw_dir: Path) -> list[CaseScans]:
    return [
        CaseScans(
            str(subject_id),
            {
                modality: raw_dir / path
                for modality, path in zip(files["modality"], files["path"], strict=True)
            },
            dict(zip(files["modality"], files["sha256"], strict=True)),
        )
        for subject_id, files in manifest.groupby("subject_id", sort=True)
    ]


def _outcomes(ingested: pd.DataFrame, cases: list[SampledCase]) -> pd.DataFrame:
    errors = {case.subject_id: case.error for case in cases}
    rows: list[tuple[str, str, str | None, str | None]] = []
    before = ingested.sort_values("subject_id")
    for subject, code in zip(before["subject_id"], before["code"], strict=True):
        error = errors.get(subject)
        if subject not in errors:
            rows.append((subject, "skipped", code, "quarantined by ingestion"))
        elif error is None:
            rows.append((subject, "processed", None, None))
        else:
            rows.append((subject, "failed", error.code, str(error)))
    return pd.DataFrame(rows, columns=list(OUTCOME_COLUMNS), dtype="object")
