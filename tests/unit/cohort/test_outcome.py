"""The words for what is predicted follow the cut-off of the label, or the columns of a table."""

from __future__ import annotations

import pytest

from gliomics.cohort.outcome import survival_task, table_task
from gliomics.cohort.settings import LabelSettings


@pytest.mark.parametrize(
    ("days", "name", "alive_at"),
    [
        (730.5, "24-month", "24 months"),
        (730, "24-month", "24 months"),
        (365.25, "12-month", "12 months"),
        (1095.75, "36-month", "36 months"),
        (30.4, "1-month", "1 month"),
        (500, "500-day", "500 days"),
        (7.5, "7.5-day", "7.5 days"),
    ],
)
def test_a_cut_off_in_days_is_named_in_months_where_it_is_some(days, name, alive_at):
    task = survival_task(LabelSettings(cutoff_days=days))
    assert task.outcome == f"{name} survival (surrogate for chemotherapy benefit)"
    assert task.probability == f"{name} survival"
    assert task.positive_class.startswith(f"benefit = 1, alive at {alive_at};")


def test_the_event_of_a_cohort_is_death_and_that_of_a_table_its_positive_label():
    figures = {"n_long": 11, "n_short": 23}
    assert survival_task(LabelSettings()).count_events(figures) == "23 short survivors"
    assert table_task("died", "1").count_events(figures) == "11 cases with died = 1"
