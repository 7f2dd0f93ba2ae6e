"""From vital status and dates to the pair (survival in days, death observed), or to unknown."""

from __future__ import annotations

from typing import NamedTuple

MAX_DAYS = 14_610
"""40 years. A larger number of days is an error of entry: an Excel date of 2021 is 44321."""


class Survival(NamedTuple):
    """Survival of one patient by one source; both values or neither."""

    os_days: float | None
    death_observed: bool | None
    rules: tuple[str, ...] = ()


def decide_survival(
    *, dead: bool | None, days_to_death: float | None, days_to_follow_up: float | None
) -> Survival:
    """Apply the survival rules of `gliomics.cohort.clinical_rules.RULES` to one patient.

    A label must never rest on an impossible or contradictory date: such survival is unknown. A living
    patient's follow-up on day 0 says only that they were alive at the start: censored there. So is one whose
    follow-up lies before the diagnosis, which is refused as an error of entry.

    Parameters
    ----------
    dead : bool or None
        Vital status; None when it is not known.
    days_to_death, days_to_follow_up : float or None
        Days since diagnosis; the follow-up is the latest of all.

    Returns
    -------
    Survival
        The pair, and the codes of the rules that acted.

    Examples
    --------
    >>> decide_survival(dead=False, days_to_death=None, days_to_follow_up=-1.0)
    Survival(os_days=0.0, death_observed=False, rules=('follow_up_before_diagnosis',))
    """
    if dead is None:
        return Survival(None, None, ("vital_status_unknown",))
    if any(days is not None and days > MAX_DAYS for days in (days_to_death, days_to_follow_up)):
        return Survival(None, None, ("survival_beyond_40_years",))
    if dead:
        return _decide_death(days_to_death, days_to_follow_up)
    if days_to_death is not None or days_to_follow_up is None:
        rule = "alive_without_follow_up" if days_to_death is None else "alive_with_date_of_death"
        return Survival(None, None, (rule,))
    if days_to_follow_up <= 0:
        rule = "follow_up_before_diagnosis" if days_to_follow_up < 0 else "follow_up_on_day_zero"
        return Survival(0.0, death_observed=False, rules=(rule,))
    return Survival(days_to_follow_up, death_observed=False)


def _decide_death(days_to_death: float | None, days_to_follow_up: float | None) -> Survival:
    if days_to_death is None:
        return Survival(None, None, ("dead_without_date",))
    if days_to_death < 0:
        return Survival(None, None, ("death_before_diagnosis",))
    rules = ("death_on_day_zero",) if days_to_death == 0 else ()
    if days_to_follow_up is not None and days_to_follow_up > days_to_death:
        rules = (*rules, "death_before_last_follow_up")
    return Survival(days_to_death, death_observed=True, rules=rules)
