"""What is predicted, and the words for it: every page, card and figure takes its words from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gliomics.errors import ResultsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.cohort.settings import LabelSettings

DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Task:
    """What is predicted.

    Attributes
    ----------
    outcome : str
        What it is called, such as ``24-month survival (surrogate for chemotherapy benefit)``.
    positive_class : str
        What label 1 means, and what sensitivity therefore is.
    probability : str
        What a score is the probability of, such as ``24-month survival``.
    long, short : str
        Cases with label 1 and with label 0, in the plural.
    cases : str
        Patients, or cases of a table.
    event : int
        The label that is to be found: average precision and precision-recall curves are about it.
    """

    outcome: str
    positive_class: str
    probability: str
    long: str
    short: str
    cases: str
    event: int

    @property
    def events(self) -> str:
        """The cases that are to be found, in the plural."""
        return self.long if self.event == 1 else self.short

    def count_events(self, figures: Mapping[str, Any]) -> str:
        """Say how many of the cases behind some figures are events, such as ``15 short survivors``."""
        return f"{figures['n_long' if self.event == 1 else 'n_short']} {self.events}"


def task_of(metrics: Mapping[str, Any]) -> Task:
    """Read the task of a run from its metrics.

    Parameters
    ----------
    metrics : mapping
        As in ``metrics.json``.

    Returns
    -------
    Task
        What the run predicted.

    Raises
    ------
    ResultsError
        If the metrics are older than the task in them.
    """
    if "task" not in metrics:
        raise ResultsError(
            where="metrics.json",
            expected='it must say under "task" what was predicted',
            got=f"{', '.join(sorted(metrics)[:4])}, ...: an earlier version of gliomics wrote it",
            fix="Run modelling of this cohort again.",
        )
    return Task(**metrics["task"])


def survival_task(label: LabelSettings) -> Task:
    """Make the task of a cohort: survival of at least the label's cut-off.

    Parameters
    ----------
    label : LabelSettings
        Its cut-off, in days.

    Returns
    -------
    Task
        Death before the cut-off is the event.

    Examples
    --------
    >>> from gliomics.cohort.settings import LabelSettings
    >>> survival_task(LabelSettings(cutoff_days=365.25)).outcome
    '12-month survival (surrogate for chemotherapy benefit)'
    """
    number, unit = _duration(label.cutoff_days)
    survival = f"{number}-{unit} survival"
    return Task(
        outcome=f"{survival} (surrogate for chemotherapy benefit)",
        positive_class=(
            f"benefit = 1, alive at {number} {unit}{'' if number == '1' else 's'}; sensitivity is the share "
            "of long survivors called long"
        ),
        probability=survival,
        long="long survivors",
        short="short survivors",
        cases="patients",
        event=0,
    )


def table_task(column: str, positive: str) -> Task:
    """Make the task of a table of ``gliomics evaluate``: find the cases with one label.

    Parameters
    ----------
    column : str
        The column of the label.
    positive : str
        The label that scores are probabilities of.

    Returns
    -------
    Task
        That label is the event.
    """
    label = f"{column} = {positive}"
    return Task(
        outcome=column,
        positive_class=f"{label}; scores are its probability, n_long counts it",
        probability=label,
        long=f"cases with {label}",
        short="other cases",
        cases="cases",
        event=1,
    )


def _duration(days: float) -> tuple[str, str]:
    """Give a duration in whole months where it is that to half a day, else in days."""
    months = round(days / DAYS_A_MONTH)
    if months >= 1 and abs(days - months * DAYS_A_MONTH) <= 0.5:
        return str(months), "month"
    return f"{days:g}", "day"
