"""For whom the arms work: performance by sex, age, grade, site, tumour size and absent enhancement."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.cohort.presence import presence_column
from gliomics.evaluation.results import honest_rows
from gliomics.evaluation.statistics.intervals import estimate, resample_patients
from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.evaluation.equity_settings import EquitySettings
    from gliomics.evaluation.settings import BootstrapSettings

COLUMNS = ("grouping", "group", "arm", "n", "n_long", "n_short", "auc", "low", "high", "note")
VOLUME_COLUMN = "mask__wt__shape_VoxelVolume"
PUBLISHED_VOLUME_COLUMN = "VOLUME_WT"
PRESENCE_COLUMN = presence_column("et")
_SITE = re.compile(r"^TCGA-([A-Z0-9]{2})-[A-Z0-9]{4}$")


def group_patients(
    cohort: pd.DataFrame,
    settings: EquitySettings,
    *,
    enhancement: pd.Series[float] | None = None,
    volume: pd.Series[float] | None = None,
) -> pd.DataFrame:
    """Sort patients into groups.

    Parameters
    ----------
    cohort : DataFrame
        One row a patient who is scored: ``subject_id``, ``age_years``, ``sex``, ``grade``.
    settings : EquitySettings
        Limits of ages, number of sizes.
    enhancement : Series, optional
        1 where there is enhancing tumour, 0 where there is none, by subject_id.
    volume : Series, optional
        Volume of the whole tumour by subject_id, any unit.

    Returns
    -------
    DataFrame
        ``subject_id``, ``grouping``, ``group``: each patient once a grouping; unknown values are a group of
        their own, a grouping of which nothing is known is left out.
    """
    by_id = cohort.set_index("subject_id")
    ids = by_id.index
    groupings = {
        "sex": by_id["sex"].astype("object"),
        "age": _ages(by_id["age_years"], settings.age_limits_years),
        "grade": by_id["grade"].map(lambda grade: None if pd.isna(grade) else str(int(grade))),
        "site": pd.Series([_site(subject) for subject in ids], index=ids, dtype="object"),
        "tumour size": _sizes(None if volume is None else volume.reindex(ids), settings.size_groups, ids),
        "enhancing tumour": _presence(None if enhancement is None else enhancement.reindex(ids), ids),
    }
    tables = [
        pd.DataFrame({"subject_id": ids, "grouping": name, "group": values.fillna("unknown").to_numpy()})
        for name, values in groupings.items()
        if values.notna().any()
    ]
    return pd.concat(tables, ignore_index=True)


def subgroup_performance(
    predictions: pd.DataFrame,
    groups: pd.DataFrame,
    settings: EquitySettings,
    bootstrap: BootstrapSettings,
    seed: int,
) -> pd.DataFrame:
    """Compute the within-fold AUC of every arm in every group that is large enough.

    Parameters
    ----------
    predictions : DataFrame
        Of one population (`gliomics.evaluation.results.PREDICTION_COLUMNS`).
    groups : DataFrame
        From `group_patients`.
    settings : EquitySettings
        ``min_per_class``.
    bootstrap : BootstrapSettings
        Of the intervals, over the patients of the group.
    seed : int
        The run's seed.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, one row a grouping, group and arm that scores anybody of it. ``auc`` is missing,
        and ``note`` says why, below ``min_per_class``. Groups are not tested against each other.

    References
    ----------
    PROTOCOL 3.
    """
    arms = list(dict.fromkeys(predictions["arm"]))
    scored = {arm: honest_rows(predictions, arm) for arm in arms}
    rows: list[dict[str, object]] = []
    for (grouping, group), members in groups.groupby(["grouping", "group"], sort=True):
        for arm, table in scored.items():
            part = table[table["subject_id"].isin(members["subject_id"])]
            if not part.empty:
                facts = _performance(part, settings, bootstrap, seed)
                rows.append({"grouping": grouping, "group": group, "arm": arm, **facts})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _performance(
    part: pd.DataFrame, settings: EquitySettings, bootstrap: BootstrapSettings, seed: int
) -> Mapping[str, object]:
    patients = ScoredPatients.from_predictions(part)
    n_long = int(patients.y.sum())
    n_short = len(patients.y) - n_long
    counts: dict[str, object] = {"n": len(patients.y), "n_long": n_long, "n_short": n_short}
    nothing = {"auc": np.nan, "low": np.nan, "high": np.nan}
    if min(n_long, n_short) < settings.min_per_class:
        return counts | nothing | {"note": f"fewer than {settings.min_per_class} in a class: counts only"}
    weights = resample_patients(patients.y, bootstrap.n, seed)
    found = estimate(within_fold_auc, patients, weights, bootstrap.confidence)
    if not np.isfinite(found.value):
        return counts | nothing | {"note": "no fold has both classes"}
    return counts | {"auc": found.value, "low": found.low, "high": found.high, "note": ""}


def _ages(age: pd.Series[float], limits: tuple[float, ...]) -> pd.Series[str]:
    edges = [-np.inf, *limits, np.inf]
    names = [
        f"0 to {high:g}"
        if low == -np.inf
        else f"{low:g} and over"
        if high == np.inf
        else f"{low:g} to {high:g}"
        for low, high in pairwise(edges)
    ]
    numbers = pd.to_numeric(age).astype("float64")
    return pd.Series(pd.cut(numbers, edges, right=False, labels=names), index=age.index).astype("object")


def _site(subject_id: str) -> str | None:
    """Tissue source site of a TCGA barcode."""
    found = _SITE.match(subject_id)
    return found[1] if found else None


def _sizes(volume: pd.Series[float] | None, number: int, ids: pd.Index) -> pd.Series[str]:
    nothing = pd.Series(None, index=ids, dtype="object")
    if volume is None or volume.notna().sum() < number:
        return nothing
    rank = volume.rank(method="first")
    group: pd.Series[float] = (rank / rank.max() * number).apply(np.ceil)
    names = {1: "smallest", number: "largest"}
    return group.map(
        lambda one: None if pd.isna(one) else f"{int(one)} of {number}" + _named(names.get(int(one)))
    ).astype("object")


def _named(name: str | None) -> str:
    return f" ({name})" if name else ""


def _presence(enhancement: pd.Series[float] | None, ids: pd.Index) -> pd.Series[str]:
    if enhancement is None:
        return pd.Series(None, index=ids, dtype="object")
    return enhancement.map({1.0: "present", 0.0: "absent"}).astype("object")
