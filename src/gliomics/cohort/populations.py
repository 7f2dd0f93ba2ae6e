"""Parts of a cohort: the eligible, the treated, the labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from gliomics.cohort.settings import Population
from gliomics.errors import unknown_name

if TYPE_CHECKING:
    import pandas as pd

POPULATIONS: Final[tuple[Population, ...]] = get_args(Population)


def eligible(cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the eligible: those without a reason for exclusion, censored included."""
    return cohort[cohort["exclusion_reason"].isna()].copy()


def population(cohort: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the eligible patients of a population.

    Parameters
    ----------
    cohort : pandas.DataFrame
        As `gliomics.cohort.cohort_table.build_cohort` makes it.
    name : str
        ``treated`` (chemotherapy is known to have been given) or ``all``.

    Returns
    -------
    pandas.DataFrame
        Their rows, in the order of the cohort.

    Raises
    ------
    SettingsError
        If there is no such population.
    """
    if name not in POPULATIONS:
        raise unknown_name(name, POPULATIONS, where="population", what="population")
    rows = eligible(cohort)
    return rows if name == "all" else rows[rows["chemotherapy"].fillna(value=False).astype(bool)].copy()


def labelled(cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the eligible patients with a label; the censored and the excluded have none to learn from."""
    rows = eligible(cohort)
    return rows[rows["benefit"].notna()].copy()
