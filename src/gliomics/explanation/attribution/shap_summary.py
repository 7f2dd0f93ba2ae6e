"""What drives an arm over all its fits, and how far the fits agree."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from gliomics.explanation.feature_groups import LEVELS, correlation_clusters, group_of, shared_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gliomics.explanation.attribution.shap_settings import ShapSettings
    from gliomics.explanation.attribution.shap_values import ExplainedDesign, ShapValues

SUMMARY_COLUMNS = (
    "arm",
    "level",
    "name",
    "mean_share",
    "sd_fits",
    "sd_repeats",
    "low",
    "high",
    "fits",
    "fits_used",
    "fits_in_top_k",
    "fits_first",
    "direction",
    "imputed_share",
)
NO_SKILL = "explains a model with no demonstrated skill"
FIT = ["repeat", "fold"]
MAX_PAIRS = 2000


def summarise_shap(
    shap: ShapValues,
    arms: Mapping[str, ExplainedDesign],
    figures: Mapping[str, Any],
    settings: ShapSettings,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Condense attributions of many fits into shares of features and of their groups.

    In every fit the magnitudes of the held-out patients' attributions are added up for each feature and
    divided by the fit's total, so that a model with large log-odds counts no more than another. The share of
    a group is that of its features together.

    Parameters
    ----------
    shap : ShapValues
        From `gliomics.explanation.attribution.shap_values.explain_arms`.
    arms : mapping of str to ExplainedDesign
        The explained arms.
    figures : mapping
        Of each arm in the metrics: ``auc`` with ``low`` and ``high``.
    settings : ShapSettings
        Length of the list whose stability is judged, and the limit of clusters.

    Returns
    -------
    DataFrame
        `SUMMARY_COLUMNS`, sorted by arm, level and falling share. ``low`` and ``high`` are the 5 % and 95 %
        quantiles over fits; ``sd_repeats`` is the SD of the repeats' means; ``direction`` is the correlation
        of value and attribution over patients and fits; ``fits_first`` counts the fits that it tops.
    dict
        For each arm how it was explained, how stable it is, and whether it has skill.

    References
    ----------
    PROTOCOL 8.
    """
    tables, facts = [], {}
    for arm, explained in sorted(arms.items()):
        values, fits = (
            shap.contributions[shap.contributions["arm"] == arm],
            shap.fits[shap.fits["arm"] == arm],
        )
        if fits.empty:
            continue
        shares = fit_shares(values, fits, explained.networks)
        groups = _groups(shares, explained, settings.min_correlation)
        tables += [_level(arm, level, shares, groups[level], settings.top_k) for level in LEVELS]
        described = _described(tables[-len(LEVELS)], values, explained.networks)
        tables[-len(LEVELS)] = described
        facts[arm] = {
            **_explainers(fits),
            **stability(shares, settings.top_k),
            **skill(figures.get(arm, {})),
            "first_in": _first_in(described),
            "fold_networks": list(explained.networks),
            "imputed_share": float(values["imputed"].mean()) if len(values) else 0.0,
        }
    empty = pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    summary = pd.concat(tables, ignore_index=True)[list(SUMMARY_COLUMNS)] if tables else empty
    return summary, facts


def fit_shares(values: pd.DataFrame, fits: pd.DataFrame, networks: tuple[str, ...]) -> pd.DataFrame:
    """Share of each feature in the magnitudes of each fit.

    Parameters
    ----------
    values, fits : DataFrame
        Of one arm (`gliomics.explanation.attribution.shap_values.ShapValues`).
    networks : tuple of str
        Those that were trained inside the folds; the dimensions of each are counted together.

    Returns
    -------
    DataFrame
        One row a fit, one column a feature; rows add up to 1, or are 0 where a model attributes nothing.
    """
    every = fits[FIT].drop_duplicates().sort_values(FIT)
    names = {column: shared_name(column, networks) for column in values["feature"].unique()}
    sized = values.assign(name=values["feature"].map(names), size=values["shap"].abs())
    added = sized.pivot_table(index=FIT, columns="name", values="size", aggfunc="sum", fill_value=0.0)
    table = added.reindex(pd.MultiIndex.from_frame(every), fill_value=0.0)
    total = table.sum(axis=1)
    return table.div(total.where(total > 0.0, 1.0), axis=0)


def stability(shares: pd.DataFrame, top_k: int) -> dict[str, Any]:
    """Say how far the fits agree on what matters.

    Parameters
    ----------
    shares : DataFrame
        From `fit_shares`.
    top_k : int
        Length of the lists that are compared.

    Returns
    -------
    dict
        ``fits``, ``features_used`` (by any fit), ``top_k``, ``jaccard`` (mean overlap of two fits' lists; a
        list is no longer than the fit uses features) and ``kendall`` (mean tau-b of two fits' shares over
        the features that any fit uses); None for a single fit. Fits share most of their training patients,
        so that agreement between them is no proof that other patients would give the same list.
    """
    table = shares.to_numpy(dtype=np.float64)
    tops = [set(_top(row, top_k)) for row in table]
    pairs = list(combinations(range(len(table)), 2))
    pairs = pairs[:: max(1, -(-len(pairs) // MAX_PAIRS))]
    overlap = [len(tops[a] & tops[b]) / len(tops[a] | tops[b]) for a, b in pairs if tops[a] | tops[b]]
    agreement = [_tau(table[a], table[b]) for a, b in pairs]
    finite = [tau for tau in agreement if np.isfinite(tau)]
    return {
        "fits": len(table),
        "features_used": int((table > 0).any(axis=0).sum()),
        "top_k": top_k,
        "jaccard": float(np.mean(overlap)) if overlap else None,
        "kendall": float(np.mean(finite)) if finite else None,
    }


def skill(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether the arm's interval excludes chance; an explanation never travels without this."""
    auc = figures.get("auc", {})
    low = auc.get("low")
    shown = low is not None and low > 0.5
    return {
        "auc": auc.get("value"),
        "low": low,
        "high": auc.get("high"),
        "warning": None if shown else NO_SKILL,
    }


def _explainers(fits: pd.DataFrame) -> dict[str, Any]:
    return {
        "explainer": ", ".join(sorted(fits["explainer"].unique())),
        "evaluations": int(fits["evaluations"].max()),
        "repeats": int(fits["repeat"].nunique()),
        "patients": int(fits["subject_id"].nunique()),
        "background": [int(fits["background"].min()), int(fits["background"].max())],
    }


def _groups(shares: pd.DataFrame, arm: ExplainedDesign, limit: float) -> dict[str, dict[str, str]]:
    """Name the group of every feature at every level."""
    columns = list(shares.mean().sort_values(ascending=False, kind="stable").index)
    sample = arm.design.sample
    known = pd.DataFrame(sample.X, columns=list(arm.columns)[: sample.X.shape[1]])
    fixed = [column for column in columns if column in known.columns]
    clusters = correlation_clusters(known[fixed], limit) if fixed else {}
    groups = {column: group_of(column) for column in columns}
    named = {level: {c: getattr(groups[c], level) for c in columns} for level in LEVELS[2:]}
    return {"feature": {c: c for c in columns}, "cluster": {c: clusters.get(c, c) for c in columns}, **named}


def _level(arm: str, level: str, shares: pd.DataFrame, names: Mapping[str, str], top_k: int) -> pd.DataFrame:
    grouped = shares.T.groupby(shares.columns.map(names)).sum().T
    table = grouped.to_numpy(dtype=np.float64)
    tops = [_top(row, top_k) for row in table]
    first = [top[0] for top in tops if len(top)]
    by_repeat = grouped.groupby(level="repeat").mean().to_numpy(dtype=np.float64)
    made = pd.DataFrame(
        {
            "arm": arm,
            "level": level,
            "name": list(grouped.columns),
            "mean_share": table.mean(axis=0),
            "sd_fits": _sd(table),
            "sd_repeats": _sd(by_repeat),
            "low": np.quantile(table, 0.05, axis=0),
            "high": np.quantile(table, 0.95, axis=0),
            "fits": len(table),
            "fits_used": (table > 0).sum(axis=0),
            "fits_in_top_k": np.bincount(np.concatenate(tops).astype(int), minlength=table.shape[1]),
            "fits_first": np.bincount(np.asarray(first, dtype=int), minlength=table.shape[1]),
            "direction": np.nan,
            "imputed_share": np.nan,
        }
    )
    return made.sort_values(["mean_share", "name"], ascending=[False, True], ignore_index=True)


def _described(table: pd.DataFrame, values: pd.DataFrame, networks: tuple[str, ...]) -> pd.DataFrame:
    """Add to each feature in which direction it pulls and how often its value is the imputer's."""
    fixed = [feature for feature in values["feature"].unique() if shared_name(feature, networks) == feature]
    own = values[values["feature"].isin(fixed)].groupby("feature")
    imputed = own["imputed"].mean()
    direction = own[["value", "shap"]].apply(_direction) if len(own) else pd.Series(dtype="float64")
    return table.assign(
        direction=table["name"].map(direction).astype("float64"),
        imputed_share=table["name"].map(imputed).astype("float64"),
    )


def _direction(rows: pd.DataFrame) -> float:
    table = rows.to_numpy(dtype=np.float64)
    if len(table) < 3 or (np.ptp(table, axis=0) == 0.0).any():
        return float("nan")
    return float(np.corrcoef(table.T)[0, 1])


def _first_in(features: pd.DataFrame) -> list[dict[str, Any]]:
    """List every feature that tops some fit: one that tops a single fit of fifty is said to."""
    tops = features[features["fits_first"] > 0].sort_values(["fits_first", "name"], ascending=[False, True])
    return [
        {"feature": str(row["name"]), "fits_first": int(row["fits_first"]), "fits": int(row["fits"])}
        for _, row in tops.iterrows()
    ]


def _top(row: NDArray[np.float64], k: int) -> NDArray[np.intp]:
    """Columns with the largest shares above 0, largest first; of equals the first."""
    order = np.argsort(-row, kind="stable")[:k]
    return np.asarray(order[row[order] > 0.0])


def _tau(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 2 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return float("nan")
    return float(kendalltau(a, b).statistic)


def _sd(table: NDArray[np.float64]) -> NDArray[np.float64]:
    return table.std(axis=0, ddof=1) if len(table) > 1 else np.full(table.shape[1], np.nan)
