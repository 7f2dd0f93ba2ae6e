"""Enrichment over patients: median and spread, and whether it outdoes the randomised networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.explanation.attention.case_work import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = ("network", "sampling", "modality", "control", "region")
SUMMARY_COLUMNS = (
    *GROUP,
    "n",
    "median",
    "lower_quartile",
    "upper_quartile",
    "n_paired",
    "observed_above",
    "median_map_correlation",
)


def summarise_enrichment(enrichment: pd.DataFrame) -> pd.DataFrame:
    """Condense the enrichment of every map to figures over patients.

    Parameters
    ----------
    enrichment : DataFrame
        As `gliomics.explanation.attention.cohort.explain_cohort` makes it.

    Returns
    -------
    DataFrame
        One row a network, sampling, pass, control and region (`SUMMARY_COLUMNS`), in the order of the
        cascade: ``n`` patients whose map has heat and whose view holds the region, median and quartiles of
        the enrichment (a patient's draws averaged first). Of a control also the patients who have both, the
        share of them whose own enrichment is larger, and the median rank correlation of the two maps.
    """
    if enrichment.empty:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    keys = ["subject_id", *GROUP]
    patients = enrichment.groupby(keys, sort=False)[["enrichment", "map_correlation"]].mean().reset_index()
    own = patients[patients["control"] == OBSERVED].drop(columns=["control", "map_correlation"])
    paired = patients.merge(
        own, on=[key for key in keys if key != "control"], how="left", suffixes=("", "_observed")
    )
    rows = [
        {**dict(zip(GROUP, place, strict=True)), **_figures(part, place)}
        for place, part in paired.groupby(list(GROUP), sort=False)
    ]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def _figures(part: pd.DataFrame, place: Sequence[Any]) -> dict[str, Any]:
    known = part["enrichment"].dropna()
    both = part.dropna(subset=["enrichment", "enrichment_observed"])
    lower, median, upper = known.quantile([0.25, 0.5, 0.75]) if len(known) else [np.nan] * 3
    figures = {"n": len(known), "median": median, "lower_quartile": lower, "upper_quartile": upper}
    if place[GROUP.index("control")] == OBSERVED:
        return {**figures, "n_paired": len(known)}
    above = (both["enrichment_observed"] > both["enrichment"]).mean() if len(both) else np.nan
    alike = part["map_correlation"].dropna()
    return {
        **figures,
        "n_paired": len(both),
        "observed_above": above,
        "median_map_correlation": alike.median() if len(alike) else np.nan,
    }
