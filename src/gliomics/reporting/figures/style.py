"""The look of every figure, and the way from a drawing to an SVG that is the same for the same data."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

ARM_COLOURS = {
    "clinical": "#0072B2",
    "clinical_molecular": "#56B4E9",
    "radiomics": "#E69F00",
    "deep": "#009E73",
    "fusion": "#D55E00",
    "fusion_clinical": "#CC79A7",
    "features": "#000000",
}
"""One colour an arm, the same in every figure; Okabe and Ito's palette, told apart by the colour-blind."""
INK = "#1c2430"
FAINT = "#8a93a0"
GRID = "#e4e7eb"
AUDIT_COLOURS = {"honest": "#1c2430", "real_rows_only": "#0072B2", "all_rows": "#D55E00"}
REGION_COLOURS = {"et": "#D55E00", "tc": "#0072B2", "wt": "#009E73"}
WIDTH_IN = 4.6
"""As wide as a phone shows without making the letters smaller; a wide page puts two beside each other."""

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gliomics",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def arm_colour(arm: str) -> str:
    """Colour of an arm; an arm without one of its own is drawn in ink."""
    return ARM_COLOURS.get(arm, INK)


def to_svg(name: str, height_in: float, draw: Callable[[Figure], None]) -> str:
    """Draw a figure and write it as SVG text, byte for byte the same for the same data.

    Parameters
    ----------
    name : str
        Name of the figure; the ids inside carry it, so that several figures fit into one page.
    height_in : float
        Height in inches; the width is `WIDTH_IN`.
    draw : callable
        Fills the empty figure.

    Returns
    -------
    str
        An ``<svg>`` element without date, creator or anything else of this machine.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=_NO_METADATA)
    return _tidy(written.getvalue(), name)


def _tidy(svg: str, name: str) -> str:
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
