"""Tables of a cohort's features, gathered from what was measured case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from gliomics.cohort.presence import presence_column
from gliomics.imaging.case_scans import stage_outcomes
from gliomics.radiomics.feature_names import panel_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gliomics.radiomics.case_work import CaseResult
    from gliomics.radiomics.settings import RadiomicsSettings

OWN = 0
"""Number of a case's own segmentation among the perturbed ones."""
FEWEST_LEVELS = 8
"""Fewer grey levels than this leave textures little to measure (PROTOCOL 6)."""


class GatheredFeatures(NamedTuple):
    """What one pass over the cases gives.

    Attributes
    ----------
    features : DataFrame
        ``subject_id`` and the panel's columns, one row a measured case, sorted; NaN is missing.
    presence : DataFrame
        ``subject_id`` and ``region_present__<region>``, 1 or 0.
    missing : DataFrame
        ``subject_id``, ``column``, ``reason``: one row a missing value.
    grey_levels : DataFrame
        ``subject_id``, ``modality``, ``region``, ``levels`` of the unfiltered images.
    outcomes : DataFrame
        ``subject_id``, ``status`` (processed, failed, skipped), ``code``, ``reason``: one row a case that
        ingestion saw.
    """

    features: pd.DataFrame
    presence: pd.DataFrame
    missing: pd.DataFrame
    grey_levels: pd.DataFrame
    outcomes: pd.DataFrame


def gather_features(
    results: Sequence[CaseResult], ingested: pd.DataFrame, settings: RadiomicsSettings
) -> GatheredFeatures:
    """Gather the measured cases into tables.

    Parameters
    ----------
    results : sequence of CaseResult
        From `gliomics.radiomics.case_work.measure_case`.
    ingested : DataFrame
        Outcomes of ingestion; its quarantined cases are skipped here, with the reason that they have there.
    settings : RadiomicsSettings
        What was measured.

    Returns
    -------
    GatheredFeatures
        Sorted by subject; the same for any order of the results.
    """
    done = sorted((r for r in results if r.record is not None), key=lambda result: result.subject_id)
    subjects = pd.Series([result.subject_id for result in done], dtype="object", name="subject_id")
    records = [result.record for result in done if result.record is not None]
    presence_names = [presence_column(region) for region in settings.regions]
    features = _stack([r.arrays["values"] for r in records], panel_columns(settings))
    presence = _stack([r.arrays["presence"] for r in records], presence_names)
    # In the panel's order: a record that was found again has its reasons in another one.
    missing = [
        (result.subject_id, column, record.facts["reasons"][column])
        for result, record in zip(done, records, strict=True)
        for column in features.columns
        if column in record.facts["reasons"]
    ]
    levels = [
        (result.subject_id, *row)
        for result, record in zip(done, records, strict=True)
        for row in record.facts["grey_levels"]
    ]
    return GatheredFeatures(
        features=pd.concat([subjects, features], axis=1),
        presence=pd.concat([subjects, presence], axis=1),
        missing=pd.DataFrame(missing, columns=["subject_id", "column", "reason"], dtype="object"),
        grey_levels=pd.DataFrame(levels, columns=["subject_id", "modality", "region", "levels"]).astype(
            {"subject_id": "object", "modality": "object", "region": "object", "levels": "int64"}
        ),
        outcomes=stage_outcomes(ingested, {result.subject_id: result.error for result in results}),
    )


def regions_with_few_levels(grey_levels: pd.DataFrame) -> dict[str, float]:
    """Name the regions whose images have too few grey levels for textures.

    Parameters
    ----------
    grey_levels : DataFrame
        As in `GatheredFeatures`.

    Returns
    -------
    dict of str to float
        ``<modality> <region>`` to its median over cases, where that is below `FEWEST_LEVELS`.
    """
    places = grey_levels["modality"] + " " + grey_levels["region"]
    medians = grey_levels["levels"].groupby(places, sort=True).median()
    return {str(place): float(median) for place, median in medians[medians < FEWEST_LEVELS].items()}


def gather_perturbed(
    own: pd.DataFrame, results: Sequence[CaseResult], settings: RadiomicsSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the features of perturbed segmentations under those of the cases' own.

    Parameters
    ----------
    own : DataFrame
        ``GatheredFeatures.features``.
    results : sequence of CaseResult
        From `gliomics.radiomics.case_work.perturb_case`.
    settings : RadiomicsSettings
        What was measured.

    Returns
    -------
    perturbed : DataFrame
        ``subject_id``, ``segmentation`` (0 is the case's own) and the panel's columns, sorted; only cases
        whose every segmentation was measured.
    changes : DataFrame
        ``subject_id``, ``segmentation``, ``region``, ``hausdorff_mm``, ``volume_change``.
    """
    columns = panel_columns(settings)
    tables, changes = [], []
    for result in results:
        if result.record is None:
            continue
        arrays = result.record.arrays
        numbers = np.arange(1, len(arrays["values"]) + 1)
        facts = pd.DataFrame({"subject_id": result.subject_id, "segmentation": numbers})
        tables.append(pd.concat([facts, pd.DataFrame(arrays["values"], columns=columns)], axis=1))
        changes += [
            (result.subject_id, number, region, distance, change)
            for number, row, moved in zip(
                numbers, arrays["hausdorff_mm"], arrays["volume_change"], strict=True
            )
            for region, distance, change in zip(settings.regions, row, moved, strict=True)
        ]
    measured = {str(table["subject_id"].iloc[0]) for table in tables}
    mine = own[own["subject_id"].isin(measured)].assign(segmentation=OWN)
    perturbed = pd.concat([mine, *tables], ignore_index=True)[["subject_id", "segmentation", *columns]]
    perturbed = perturbed.astype({"segmentation": "int64"})
    names = ["subject_id", "segmentation", "region", "hausdorff_mm", "volume_change"]
    changed = pd.DataFrame(changes, columns=names).astype(
        {"segmentation": "int64", "hausdorff_mm": "float64"}
    )
    return (
        perturbed.sort_values(["subject_id", "segmentation"], ignore_index=True),
        changed.sort_values(["subject_id", "segmentation"], kind="stable", ignore_index=True),
    )


def gather_variants(results: Sequence[CaseResult], settings: RadiomicsSettings) -> pd.DataFrame:
    """Gather the features within other algorithms' segmentations.

    Parameters
    ----------
    results : sequence of CaseResult
        From `gliomics.radiomics.case_work.measure_variants`.
    settings : RadiomicsSettings
        What was measured.

    Returns
    -------
    DataFrame
        ``subject_id``, ``algorithm`` and the panel's columns, sorted.
    """
    columns = panel_columns(settings)
    tables = []
    for result in results:
        if result.record is not None:
            names = pd.DataFrame(
                {"subject_id": result.subject_id, "algorithm": result.record.facts["algorithms"]}
            )
            values = result.record.arrays["values"].reshape(-1, len(columns))
            tables.append(pd.concat([names, pd.DataFrame(values, columns=columns)], axis=1))
    empty = pd.DataFrame(columns=["subject_id", "algorithm"], dtype="object")
    empty = pd.concat([empty, pd.DataFrame(columns=columns, dtype="float64")], axis=1)
    joined = pd.concat(tables, ignore_index=True) if tables else empty
    return joined.sort_values(["subject_id", "algorithm"], ignore_index=True)


def _stack(rows: Sequence[np.ndarray], columns: list[str]) -> pd.DataFrame:
    stacked = np.vstack(rows) if rows else np.empty((0, len(columns)))
    return pd.DataFrame(stacked, columns=columns)
