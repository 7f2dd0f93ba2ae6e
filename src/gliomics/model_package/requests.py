"""What a served model may be asked: a row of features, or the folder of a case, one of the two a row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.errors import ServingError
from gliomics.evaluation.arms import CLINICAL_COLUMNS, MOLECULAR_COLUMNS
from gliomics.imaging.manifest import inspect_folder
from gliomics.model_package.scoring import score_rows

if TYPE_CHECKING:
    from gliomics.model_package.case_features import CaseMeasurer
    from gliomics.model_package.final_model import FinalModel

CASE_DIR = "case_dir"
CASE_ROOT = "GLIOMICS_CASE_ROOT"
"""Environment variable: the folder below which a served model may read cases."""
FROM_RECORDS = frozenset(CLINICAL_COLUMNS) | frozenset(MOLECULAR_COLUMNS)
"""Columns that no scan can tell; they may stand beside either kind of input."""


def answer(
    model: FinalModel, measurer: CaseMeasurer | None, rows: pd.DataFrame, case_root: str | None
) -> pd.DataFrame:
    """Score what was asked.

    Parameters
    ----------
    model : FinalModel
        The fitted arm.
    measurer : CaseMeasurer or None
        Turns scans into the arm's features; None for an arm that takes no scans.
    rows : DataFrame
        One patient a row: either features, or ``case_dir``. Age, sex, grade and molecular markers may
        accompany a ``case_dir``.
    case_root : str or None
        Below which case folders must lie.

    Returns
    -------
    DataFrame
        As `gliomics.model_package.scoring.score_rows`, in the order of `rows`.

    Raises
    ------
    ServingError
        If a row gives both kinds or neither, or a case may not or cannot be read.
    FeatureTableError
        If no column is known.
    """
    if CASE_DIR not in rows.columns:
        return score_rows(model, rows)
    asked = rows[CASE_DIR].map(lambda value: isinstance(value, str) and bool(value.strip()))
    features = _features_given(model, measurer, rows)
    for number, (case, given) in enumerate(zip(asked, features, strict=True)):
        _one_kind(number, case=bool(case), given=bool(given))
    filled = rows.drop(columns=CASE_DIR)
    if not asked.any():
        return score_rows(model, filled)
    if measurer is None:
        raise ServingError(
            where=f"model input, {CASE_DIR}",
            expected=f"features, since the {model.card['arm']} arm of this cohort takes no scans",
            got=f"a case folder in {int(asked.sum())} of {len(asked)} rows",
            fix="Give a row of features.",
        )
    columns = [str(column) for column in model.card["columns"]]
    filled = filled.reindex(columns=columns)
    for place in [position for position, case in enumerate(asked) if case]:
        folder = allowed_folder(str(rows[CASE_DIR].iloc[place]), case_root)
        measured = _measured(measurer, folder)
        known = [column for column in columns if column in measured.index]
        filled = filled.astype(dict.fromkeys(known, "float64"))
        filled.iloc[place, filled.columns.get_indexer(pd.Index(known))] = measured[known].to_numpy()
    return score_rows(model, filled)


def allowed_folder(case_dir: str, case_root: str | None) -> Path:
    """Find the folder of a case, if it lies below the root once all links are resolved.

    Parameters
    ----------
    case_dir : str
        As it was asked; a relative one is below the root.
    case_root : str or None
        The root.

    Returns
    -------
    Path
        Resolved.

    Raises
    ------
    ServingError
        If there is no root, the folder or one of its files lies outside, or it is no folder; which of
        these is not said.
    """
    where = f"model input, {CASE_DIR}"
    if not case_root or not Path(case_root).is_dir():
        raise ServingError(
            where=where,
            expected=f"{CASE_ROOT} must name the folder below which cases may be read",
            got="no such folder",
            fix=f"Set {CASE_ROOT} where the model is served.",
        )
    root = Path(case_root).resolve()
    folder = (root / case_dir).resolve()
    inside = folder != root and folder.is_relative_to(root) and folder.is_dir()
    if not inside or not all(file.resolve().is_relative_to(root) for file in folder.iterdir()):
        raise ServingError(
            where=where,
            expected=f"a case folder below {CASE_ROOT}, links resolved, its files too",
            got=f"{Path(case_dir).name!r}, which is not",
            fix=f"Copy the case there, or correct {CASE_ROOT}.",
        )
    return folder


def _features_given(model: FinalModel, measurer: CaseMeasurer | None, rows: pd.DataFrame) -> pd.Series:
    """Tell for every row whether it gives features of the kind that a case folder would."""
    beside = FROM_RECORDS if measurer is not None else frozenset()
    own = [c for c in map(str, model.card["columns"]) if c in rows.columns and c not in beside]
    return rows[own].notna().any(axis=1) if own else pd.Series(data=False, index=rows.index)


def _one_kind(number: int, *, case: bool, given: bool) -> None:
    if case != given:
        return
    raise ServingError(
        where=f"model input, row {number}",
        expected=f"either features or {CASE_DIR}, exactly one of the two",
        got="both" if case else "neither",
        fix=f"Leave {CASE_DIR} empty in a row of features, and the features in a row with {CASE_DIR}.",
    )


def _measured(measurer: CaseMeasurer, folder: Path) -> pd.Series:
    inspection = inspect_folder(folder, measurer.recipe.images)
    failed = inspection.outcomes.iloc[0]
    if failed["status"] == "processed":
        table = measurer.measure(inspection, folder.parent)
        failed = table.outcomes.iloc[0]
        if failed["status"] == "processed":
            return table.features.iloc[0]
    raise ServingError(
        where=f"case {folder.name}",
        expected="its scans must pass the checks of ingestion",
        got=str(failed["reason"]),
        fix="Mend the case; other rows are not affected if they are asked without it.",
    )
