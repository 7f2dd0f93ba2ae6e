"""The attributions of each patient, averaged over the models that scored them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from gliomics.explanation.feature_groups import shared_name
from gliomics.learning.estimators.encoding import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable


def patient_means(values: pd.DataFrame, fits: pd.DataFrame, networks: Iterable[str]) -> pd.DataFrame:
    """Average each patient's attributions over the repeats.

    Parameters
    ----------
    values, fits : DataFrame
        Of one arm (`gliomics.explanation.attribution.shap_values.ShapValues`).
    networks : iterable of str
        Those that were trained inside the folds: the attributions of each are added up under one name, and
        have no value.

    Returns
    -------
    DataFrame
        ``subject_id``, ``feature``, ``value``, ``imputed``, ``shap``; a model that does not use a feature
        counts as 0. With the mean of the fits' bases they add up to the patient's mean log-odds.
    """
    known = tuple(networks)
    names = {feature: shared_name(feature, known) for feature in values["feature"].unique()}
    shared = values["feature"].map(names)
    named = values.assign(feature=shared, value=values["value"].where(shared == values["feature"]))
    keys = ["subject_id", "feature"]
    made = named.groupby(keys).agg(value=("value", "mean"), imputed=("imputed", "max"), shap=("shap", "sum"))
    counts = fits.groupby("subject_id").size()
    made["shap"] /= counts.loc[made.index.get_level_values("subject_id")].to_numpy()
    return made.reset_index()


def patient_scores(fits: pd.DataFrame) -> pd.DataFrame:
    """Average score, log-odds and base of each patient of one arm over the repeats.

    Returns
    -------
    DataFrame
        Indexed by subject_id: ``y_true``, ``repeats``, ``y_score``, ``score_low``, ``score_high`` (over
        repeats), ``called_long`` (share of repeats at or above the fit's threshold), ``base``, ``log_odds``.
    """
    called = fits.assign(called=(fits["y_score"] >= fits["threshold"]).astype(float))
    return called.groupby("subject_id").agg(
        y_true=("y_true", "first"),
        repeats=("repeat", "nunique"),
        y_score=("y_score", "mean"),
        score_low=("y_score", "min"),
        score_high=("y_score", "max"),
        called_long=("called", "mean"),
        base=("base", "mean"),
        log_odds=("log_odds", "mean"),
    )


def value_text(feature: str, value: float) -> str:
    """Write a feature's value as a reader knows it: levels of text by their name, a missing value as nothing.

    Examples
    --------
    >>> value_text("age_years", 56.214), value_text("emb", float("nan"))
    ('56.21', '')
    """
    if pd.isna(value):
        return ""
    names = [name for name, level in LEVELS.get(feature, {}).items() if level == value]
    return names[0] if names else f"{value:.4g}"
