"""Survival times beside the label: concordance and curves, the censored included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.reporting.figures.survival import draw_kaplan_meier
from gliomics.reporting.run_results import value_with_interval
from gliomics.reporting.section import Block, Section, Table, figures_beside

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def build(run: RunResults) -> Section | None:
    """Build the section; None where no arm has survival times, as in a table without them."""
    found = {arm: facts["survival"] for arm, facts in run.evaluated.items() if facts.get("survival")}
    rows = [
        (name, str(facts["n"]), str(facts["n_deaths"]), *(_shown(facts, key) for key in FIGURES))
        for arm, survival in found.items()
        for name, facts in _rows(run.arm_name(arm), survival)
    ]
    if not rows:
        return None
    table = Table(
        "Concordance of out-of-fold scores with survival, within folds; censored patients are scored and "
        "compared as far as they were followed. The Cox baseline, fitted in the folds, learns from them too.",
        (
            "Arm",
            "n",
            "Deaths",
            "Harrell's C",
            "Uno's C",
            "AUC at the cut-off, weighted for censoring",
            "Hazard ratio per SD",
        ),
        tuple(rows),
    )
    blocks: tuple[Block, ...] = (table, *figures_beside(draw_kaplan_meier(run, found)))
    return Section("survival", "Survival", blocks)


FIGURES = ("harrell_c", "uno_c", "cumulative_dynamic_auc", "hazard_ratio_per_sd")


def _rows(name: str, survival: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Give an arm's figures and, below them, those of its Cox baseline; none where nothing is estimable."""
    baseline = survival.get("cox_baseline") or {}
    return [
        (label, facts)
        for label, facts in ((name, survival), (f"{name}: Cox baseline", baseline))
        if "harrell_c" in facts
    ]


def _shown(facts: dict[str, Any], key: str) -> str:
    found = facts.get(key)
    if found is None:
        return ""
    return value_with_interval(found) if found["status"] == "estimated" else str(found["status"])
