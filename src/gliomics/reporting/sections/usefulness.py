"""Calibration and decision curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.figures.usefulness import draw_calibration, draw_decision_curves
from gliomics.reporting.run_results import value_with_interval
from gliomics.reporting.section import Block, Section, Table, figures_beside

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def build(run: RunResults) -> Section | None:
    """Build the section; None when nothing was evaluated."""
    blocks: tuple[Block, ...] = figures_beside(draw_calibration(run), draw_decision_curves(run))
    if not blocks:
        return None
    rows = []
    for arm, figures in run.evaluated.items():
        found = figures["calibration"]
        if found["status"] == "estimated":
            parts = (value_with_interval(found["slope"]), value_with_interval(found["intercept"]))
        else:
            parts = (found["status"], "")
        rows.append((run.arm_name(arm), str(figures["n"]), value_with_interval(figures["brier"]), *parts))
    table = Table(
        "Logistic calibration of the mean score: slope 1 and intercept 0 are right. Brier score: 0 is best.",
        ("Arm", "n", "Brier score", "Slope", "Intercept"),
        tuple(rows),
    )
    return Section("usefulness", "Calibration and decision curves", (*blocks, table))
