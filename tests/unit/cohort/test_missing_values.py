from __future__ import annotations

import pytest

from gliomics.cohort.missing_values import as_text, is_missing

SPELLINGS = [
    "",
    "  ",
    "'--",
    "--",
    "NA",
    "N/A",
    "NaN",
    "Not Reported",
    "not reported",
    "Unknown",
    "[Not Available]",
    "[Discrepancy]",
    "[Unknown]",
    "[Not Applicable]",
    "[Not Evaluated]",
    "#N/A",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_of_not_known_is_missing_in_any_case(text: str) -> None:
    assert is_missing(text)
    assert is_missing(text.upper())
    assert is_missing(f" {text.lower()} ")


@pytest.mark.parametrize("text", ["0", "no", "alive", "G2", "-1", "nay"])
def test_values_are_not_missing(text: str) -> None:
    assert not is_missing(text)


def test_json_values_become_texts() -> None:
    assert [as_text(value) for value in (None, True, 3, 2.5, " x ")] == ["", "true", "3", "2.5", "x"]
