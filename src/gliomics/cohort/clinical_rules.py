"""The rules for clinical records that are incomplete or contradict themselves, and their count.

Every patient on whom a rule acted is written down under the rule's code, so that nothing is repaired,
merged or set aside in silence.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

RULES: dict[str, str] = {
    "row_without_id": "A row without a patient id cannot be joined to anything: set aside. n counts rows.",
    "id_respelled": "An id in another case, with _ for -, or of a sample or aliquot: the patient's id.",
    "several_rows": "Several rows for one patient are merged into one record.",
    "several_diagnoses": "Age and grade come from the primary diagnosis: the one flagged as primary disease, "
    "else the one classified as primary, else the earliest. Treatment and follow-up come from all of them.",
    "conflicting_values": "Values that contradict each other: dead wins over alive, the latest "
    "date of death and the lowest (initial) age and grade are taken; any other field is set to missing.",
    "treatment_yes_and_no": "One entry says that the treatment was given, another that it was not: yes.",
    "missing_value": "The field is blank or says not known ('--, Not Reported, [Not Available]): missing.",
    "unreadable_value": "The field holds a text that is not a value of it: missing.",
    "age_out_of_range": "An age below 0 or above 120 years is an error of entry: missing.",
    "vital_status_unknown": "Neither dead nor alive is recorded: survival is unknown, whatever the dates.",
    "dead_without_date": "Dead without a date of death: survival is unknown; a follow-up is not the death.",
    "death_before_diagnosis": "A date of death before the diagnosis is impossible: survival is unknown.",
    "death_on_day_zero": "Dead on the day of diagnosis: survival is 0 days and the death counts.",
    "death_before_last_follow_up": "A follow-up later than the death is an error: the date of death is used.",
    "survival_beyond_40_years": "A date of death or follow-up more than 40 years (14,610 days) after the "
    "diagnosis is an error of entry, such as an Excel date for a number of days: survival is unknown. "
    "Give days since diagnosis.",
    "alive_with_date_of_death": "Alive with a date of death contradicts itself: survival is unknown.",
    "alive_without_follow_up": "Alive without a date of follow-up: survival is unknown.",
    "follow_up_on_day_zero": "Alive with a follow-up of zero days: censored on day 0.",
    "follow_up_before_diagnosis": "Alive with a follow-up before the diagnosis, an error of entry: that date "
    "is refused, censored on day 0.",
    "fields_from_several_sources": "Survival and some other field were taken from different sources.",
    "survival_from_later_source": "The preferred source does not know the survival: its day and its event "
    "were both taken from this one.",
    "not_in_source": "Another source knows the patient, this one does not.",
}
"""Stable code of every rule and what it does, in one sentence."""

IMPOSSIBLE_DATES = ("survival_beyond_40_years", "death_before_diagnosis", "follow_up_before_diagnosis")
"""Rules that refuse a date, and with it the label, because nobody can have it."""
LABEL_RULES = (
    *IMPOSSIBLE_DATES,
    "vital_status_unknown",
    "dead_without_date",
    "alive_with_date_of_death",
    "alive_without_follow_up",
    "death_before_last_follow_up",
)
"""Rules that take a label away or decide between dates that contradict each other."""

FINDING_COLUMNS = ("source", "rule", "field", "n", "subject_ids", "sentence")


class FindingsLog:
    """Collects on whom which rule acted."""

    def __init__(self) -> None:
        self._subjects: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._rows: dict[tuple[str, str, str], int] = defaultdict(int)

    def add(self, source: str, rule: str, subject_ids: Iterable[str], *, field: str = "") -> None:
        """Write down patients on whom a rule acted; nobody is no finding."""
        known = RULES[rule] and set(subject_ids)
        if known:
            self._subjects[source, rule, field] |= known

    def add_rows(self, source: str, rule: str, n: int) -> None:
        """Write down a number of rows that belong to no patient."""
        if n and RULES[rule]:
            self._rows[source, rule, ""] += n

    def table(self) -> pd.DataFrame:
        """Return the findings, sorted.

        Returns
        -------
        pandas.DataFrame
            Columns ``source``, ``rule``, ``field`` (empty where the rule has none), ``n`` (patients; rows for
            ``row_without_id``), ``subject_ids`` (sorted, joined by ``;``), ``sentence``.
        """
        rows = [
            (source, rule, field, len(ids), ";".join(sorted(ids)), RULES[rule])
            for (source, rule, field), ids in self._subjects.items()
        ]
        rows += [(source, rule, field, n, "", RULES[rule]) for (source, rule, field), n in self._rows.items()]
        table = pd.DataFrame(sorted(rows), columns=list(FINDING_COLUMNS))
        return table.astype({"n": "int64"})


def label_warnings(findings: pd.DataFrame) -> list[str]:
    """Say where a rule took a label away or chose between dates.

    Parameters
    ----------
    findings : DataFrame
        As `FindingsLog.table` gives it.

    Returns
    -------
    list of str
        One sentence a source and rule, in the order of `LABEL_RULES`.
    """
    return [
        f"Records of {finding.source}, patients: {finding.n}. {finding.sentence}"
        for rule in LABEL_RULES
        for finding in findings[findings["rule"] == rule].itertuples()
    ]
