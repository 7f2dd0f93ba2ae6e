"""What Grad-CAM leaves of a cohort, and the columns of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

MAP_TYPES: Final = {
    **dict.fromkeys(("subject_id", "network", "sampling", "modality"), "object"),
    **dict.fromkeys(("repeat", "fold", "y_true"), "int64"),
    **dict.fromkeys(("y_score", "threshold"), "float64"),
    **dict.fromkeys(("called", "head", "status"), "object"),
    "log_odds": "float64",
    "n_crops": "Int64",
    **dict.fromkeys(("cell_mm", "largest_heat"), "float64"),
    "file": "object",
}
"""Columns of the maps and their types, in order."""
ENRICHMENT_TYPES: Final = {
    **dict.fromkeys(("subject_id", "network", "sampling"), "object"),
    **dict.fromkeys(("repeat", "fold"), "int64"),
    **dict.fromkeys(("modality", "control"), "object"),
    "draw": "int64",
    "region": "object",
    **dict.fromkeys(("field_share", "heat_share", "enrichment", "map_correlation"), "float64"),
}
"""Columns of the enrichment and their types, in order."""


@dataclass(frozen=True)
class CohortGradCam:
    """What Grad-CAM leaves.

    Attributes
    ----------
    maps : DataFrame
        One row a patient, network and pass of a modality (`MAP_TYPES`), those without a map included.
    enrichment : DataFrame
        Shares of regions in the heat, observed and of every control (`ENRICHMENT_TYPES`).
    heatmaps, overlays : dict of str to bytes
        Gzipped NIfTI files and pictures, by their name in the folder.
    facts : dict
        Arm, head, networks and why one has no maps.
    """

    maps: pd.DataFrame
    enrichment: pd.DataFrame
    heatmaps: dict[str, bytes]
    overlays: dict[str, bytes]
    facts: dict[str, Any]


def maps_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make the table of maps, sorted by patient and network; columns that a row lacks stay empty."""
    table = pd.DataFrame(rows, columns=list(MAP_TYPES)).astype(MAP_TYPES)
    return table.sort_values(["subject_id", "network", "sampling"], kind="stable", ignore_index=True)


def enrichment_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make the table of enrichment, in the order of the rows."""
    return pd.DataFrame(rows, columns=list(ENRICHMENT_TYPES)).astype(ENRICHMENT_TYPES)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a table as dictionaries."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]
