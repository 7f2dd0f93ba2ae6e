"""What Grad-CAM left, as the report reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


@dataclass(frozen=True)
class GradCamResults:
    """Grad-CAM of a run.

    Attributes
    ----------
    maps : DataFrame
        ``grad_cam_maps`` (`gliomics.explanation.attention.cohort.MAP_COLUMNS`).
    summary : DataFrame
        ``grad_cam_enrichment_summary`` (`gliomics.explanation.attention.summary.SUMMARY_COLUMNS`).
    overlays : mapping of str to bytes
        ``heatmap_overlays``: WebP files by their name.
    facts : mapping
        ``grad_cam_facts``.
    """

    maps: pd.DataFrame
    summary: pd.DataFrame
    overlays: Mapping[str, bytes]
    facts: Mapping[str, Any]
