"""The spellings of "not known" in clinical tables and spreadsheets."""

from __future__ import annotations

MISSING_SPELLINGS = frozenset(
    {
        "",
        # GDC portal and API
        "'--",
        "--",
        "-",
        "not reported",
        "unknown",
        "not allowed to collect",
        "not available",
        "not applicable",
        "not evaluated",
        "_missing",
        # TCGA bio-specimen core resource and TCGA-CDR
        "[not available]",
        "[not applicable]",
        "[not evaluated]",
        "[not reported]",
        "[unknown]",
        "[discrepancy]",
        "[pending]",
        "[completed]",
        # programs
        "na",
        "n/a",
        "nan",
        "<na>",
        "none",
        "null",
        "#n/a",
    }
)
"""Lower-case spellings that mean that a value is not known. ``unknown`` for a treatment is one of them."""


def as_text(value: object) -> str:
    """Write a cell or a JSON value as stripped text; nothing (``None``) is the empty text.

    Parameters
    ----------
    value : object
        A string, number, boolean or ``None``.

    Returns
    -------
    str
        The text; numbers as Python writes them, booleans as ``true`` and ``false``.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def is_missing(text: str) -> bool:
    """Tell whether a text is one of the spellings of "not known", whatever its case.

    Examples
    --------
    >>> is_missing("Not Reported"), is_missing("'--"), is_missing("[Discrepancy]"), is_missing("0")
    (True, True, True, False)
    """
    return text.strip().lower() in MISSING_SPELLINGS
