"""From the texts of a clinical field to its value."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Value = float | int | bool | str

_GRADE = re.compile(r"^(?:WHO\s*)?(?:CNS\s*)?(?:GRADE\s*|G\s*)?(IV|III|II|I|[1-4])(?:\.0)?$", re.IGNORECASE)
_GRADES = {"I": 1, "II": 2, "III": 3, "IV": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_SEXES = {"female": "female", "f": "female", "male": "male", "m": "male"}
_ANSWERS = {
    "yes": True,
    "y": True,
    "true": True,
    "1": True,
    "no": False,
    "n": False,
    "false": False,
    "0": False,
}
_VITAL = {"dead": True, "deceased": True, "alive": False, "living": False}
_IDH = {
    "mutant": "mutant",
    "mutated": "mutant",
    "mut": "mutant",
    "idhmut": "mutant",
    "wt": "wildtype",
    "wildtype": "wildtype",
    "wild type": "wildtype",
    "wild-type": "wildtype",
    "idhwt": "wildtype",
}
_CODEL = {
    "codel": "codel",
    "codeleted": "codel",
    "co-deleted": "codel",
    "yes": "codel",
    "true": "codel",
    "non-codel": "non-codel",
    "noncodel": "non-codel",
    "intact": "non-codel",
    "no": "non-codel",
    "false": "non-codel",
}
_MGMT = {
    "methylated": "methylated",
    "unmethylated": "unmethylated",
    "not methylated": "unmethylated",
}


def read_number(text: str) -> float | None:
    """Read a finite number; anything else is None.

    Examples
    --------
    >>> read_number("611"), read_number("2 years"), read_number("inf")
    (611.0, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def read_grade(text: str) -> int | None:
    """Read a WHO grade from ``G3``, ``Grade III``, ``WHO grade 3`` or ``3``; anything else is None.

    Examples
    --------
    >>> read_grade("G3"), read_grade("Grade II"), read_grade("High Grade")
    (3, 2, None)
    """
    found = _GRADE.match(text.strip())
    return _GRADES[found[1].upper()] if found else None


def _lookup(table: dict[str, Value]) -> Callable[[str], Value | None]:
    return lambda text: table.get(text.strip().lower())


READERS: dict[str, Callable[[str], Value | None]] = {
    "vital_status": _lookup({**_VITAL}),
    "days_to_death": read_number,
    "days_to_follow_up": read_number,
    "age_days": read_number,
    "age_years": read_number,
    "sex": _lookup({**_SEXES}),
    "grade": read_grade,
    "chemotherapy": _lookup({**_ANSWERS}),
    "radiotherapy": _lookup({**_ANSWERS}),
    "idh": _lookup({**_IDH}),
    "codel_1p19q": _lookup({**_CODEL}),
    "mgmt": _lookup({**_MGMT}),
    "extent_of_resection": lambda text: text.strip().lower(),
    "kps": read_number,
}
"""For each field the function from a text to its value; None when the text is no value of it.
Vital status is true for dead."""
