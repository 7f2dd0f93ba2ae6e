"""Columns that say whether a patient has a tumour region; they travel beside the panel (PROTOCOL 6)."""

from __future__ import annotations

_PREFIX = "region_present__"


def presence_column(region: str) -> str:
    """Name the column that says whether a region exists.

    Parameters
    ----------
    region : str
        Such as ``et``.

    Returns
    -------
    str
        Such as ``region_present__et``.
    """
    return f"{_PREFIX}{region}"


def region_of(column: str) -> str | None:
    """Tell of which region a column says whether it exists.

    Parameters
    ----------
    column : str
        Any column of a table of features.

    Returns
    -------
    str or None
        None if the column says something else.
    """
    return column.removeprefix(_PREFIX) if column.startswith(_PREFIX) else None
