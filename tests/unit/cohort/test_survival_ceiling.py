"""Days that cannot be days since diagnosis make no label."""

from __future__ import annotations

import pytest

from gliomics.cohort.survival_rules import MAX_DAYS, decide_survival

EXCEL_DATE = 44_321.0


@pytest.mark.parametrize(
    ("dead", "death", "follow_up"),
    [
        (True, EXCEL_DATE, None),
        (True, 300.0, EXCEL_DATE),
        (False, None, EXCEL_DATE),
        (False, None, MAX_DAYS + 1),
    ],
)
def test_an_excel_date_is_refused_by_name(dead: bool, death: float | None, follow_up: float | None) -> None:
    decided = decide_survival(dead=dead, days_to_death=death, days_to_follow_up=follow_up)
    assert decided == (None, None, ("survival_beyond_40_years",))


def test_forty_years_are_still_possible() -> None:
    decided = decide_survival(dead=False, days_to_death=None, days_to_follow_up=float(MAX_DAYS))
    assert decided == (float(MAX_DAYS), False, ())
