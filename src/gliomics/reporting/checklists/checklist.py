"""Filling the checklists from a run: never a yes that it did not earn."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.errors import look_up
from gliomics.reporting.checklists.answer import Answer, for_the_author
from gliomics.reporting.checklists.rules_of_data import DATA_RULES
from gliomics.reporting.checklists.rules_of_models import MODEL_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gliomics.reporting.run_results import RunResults

CHECKLISTS: Mapping[str, str] = {"CLEAR": "clear.csv", "METRICS": "metrics.csv", "TRIPOD+AI": "tripod_ai.csv"}
"""Each checklist and the table of its items beside this module: number, section, short text, rule."""
RULES: Mapping[str, Callable[[RunResults], Answer]] = {**DATA_RULES, **MODEL_RULES}
COLUMNS = ("checklist", "item", "section", "text", "answer", "evidence")


def checklist_items(name: str) -> list[dict[str, str]]:
    """Read the items of a checklist.

    Parameters
    ----------
    name : str
        One of `CHECKLISTS`.

    Returns
    -------
    list of dict
        ``item`` (the published number), ``section``, ``text`` (shortened), ``rule`` (empty: for the author).

    References
    ----------
    CLEAR: Kocak et al., Insights Imaging 14:75, 2023. METRICS: Kocak et al., Insights Imaging 15:8, 2024.
    TRIPOD+AI: Collins et al., BMJ 385:e078378, 2024.
    """
    text = files("gliomics.reporting.checklists").joinpath(CHECKLISTS[name]).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def fill_checklists(run: RunResults) -> pd.DataFrame:
    """Answer every item of every checklist.

    Parameters
    ----------
    run : RunResults
        What the run left.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, one row an item, in the published order. ``answer`` is yes (with evidence from this
        run), no, open (a person must answer) or n/a.
    """
    rows = []
    for name in CHECKLISTS:
        for item in checklist_items(name):
            answer = _answer(item["rule"], run)
            rows.append((name, item["item"], item["section"], item["text"], answer.word, answer.evidence))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _answer(rule: str, run: RunResults) -> Answer:
    if not rule:
        return for_the_author()
    return look_up(RULES, rule, where="checklist tables", what="rule")(run)
