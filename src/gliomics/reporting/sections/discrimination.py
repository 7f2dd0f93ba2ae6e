"""Ranking: ROC and precision-recall curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.figures.discrimination import draw_precision_recall, draw_roc
from gliomics.reporting.section import Section, figures_beside

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def build(run: RunResults) -> Section | None:
    """Build the section; None when nothing was evaluated."""
    blocks = figures_beside(draw_roc(run), draw_precision_recall(run))
    return Section("discrimination", "ROC and precision-recall", blocks) if blocks else None
