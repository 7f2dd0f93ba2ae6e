"""How far features follow the segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.figures.stability import draw_stability
from gliomics.reporting.section import Section, figures_beside

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def build(run: RunResults) -> Section | None:
    """Build the section; None when no feature has an estimate."""
    blocks = figures_beside(draw_stability(run))
    return Section("stability", "Feature stability", blocks) if blocks else None
