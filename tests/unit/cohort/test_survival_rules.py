from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliomics.cohort.clinical_rules import RULES
from gliomics.cohort.survival_rules import decide_survival

DAYS = st.none() | st.floats(-1000, 10000)


@pytest.mark.parametrize(
    ("dead", "death", "follow_up", "os_days", "event", "rules"),
    [
        (True, 155.0, None, 155.0, True, ()),
        (False, None, 611.0, 611.0, False, ()),
        (None, 155.0, 611.0, None, None, ("vital_status_unknown",)),
        (True, None, 900.0, None, None, ("dead_without_date",)),
        (True, -3.0, None, None, None, ("death_before_diagnosis",)),
        (True, 0.0, None, 0.0, True, ("death_on_day_zero",)),
        (True, 100.0, 120.0, 100.0, True, ("death_before_last_follow_up",)),
        (True, 100.0, 100.0, 100.0, True, ()),
        (False, None, None, None, None, ("alive_without_follow_up",)),
        (False, None, 0.0, 0.0, False, ("follow_up_on_day_zero",)),
        (False, None, -1.0, 0.0, False, ("follow_up_before_diagnosis",)),
        (False, 100.0, 900.0, None, None, ("alive_with_date_of_death",)),
    ],
)
def test_hand_counted_cases(
    *,
    dead: bool | None,
    death: float | None,
    follow_up: float | None,
    os_days: float | None,
    event: bool | None,
    rules: tuple[str, ...],
) -> None:
    found = decide_survival(dead=dead, days_to_death=death, days_to_follow_up=follow_up)
    assert found == (os_days, event, rules)
    assert set(found.rules) <= set(RULES)


@given(dead=st.none() | st.booleans(), death=DAYS, follow_up=DAYS)
def test_day_and_event_are_both_known_or_both_unknown_and_never_negative(
    dead: bool | None, death: float | None, follow_up: float | None
) -> None:
    found = decide_survival(dead=dead, days_to_death=death, days_to_follow_up=follow_up)
    assert (found.os_days is None) == (found.death_observed is None)
    assert found.os_days is None or found.os_days >= 0
    assert found.os_days is not None or found.rules
