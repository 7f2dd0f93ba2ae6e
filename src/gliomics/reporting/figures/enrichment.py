"""Enrichment of heat by region, against networks that know nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.explanation.attention.case_work import OBSERVED
from gliomics.reporting.figures.style import FAINT, INK, arm_colour, to_svg

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REGION_NAMES = {
    "et": "enhancing\ntumour",
    "tc": "tumour\ncore",
    "edema": "edema",
    "wt": "whole\ntumour",
    "margin": "margin\nshell",
    "healthy": "healthy\nbrain",
    "background": "no brain",
}
HEIGHT_IN = 2.9
SPREAD = 0.72
"""Of a region's place on the axis, shared by the observed map and its controls."""


def draw_enrichment(name: str, summary: pd.DataFrame, arm: str) -> str:
    """Draw the enrichment of one network and pass.

    Parameters
    ----------
    name : str
        Of the figure.
    summary : DataFrame
        Rows of one network, sampling and pass of
        `gliomics.explanation.attention.summary.summarise_enrichment`.
    arm : str
        Gives the colour of the observed map.

    Returns
    -------
    str
        SVG: medians and quartiles over patients; observed in colour, controls in grey, the deeper the
        randomisation the fainter.
    """

    def draw(figure: Figure) -> None:
        _draw(figure.add_subplot(), summary, arm)

    return to_svg(name, HEIGHT_IN, draw)


def _draw(axes: Axes, summary: pd.DataFrame, arm: str) -> None:
    controls = list(dict.fromkeys(summary["control"]))
    regions = [name for name in REGION_NAMES if name in set(summary["region"])]
    shift = (np.arange(len(controls)) - (len(controls) - 1) / 2) * SPREAD / max(len(controls), 1)
    for number, control in enumerate(controls):
        rows = summary[summary["control"] == control].set_index("region").reindex(regions)
        observed = control == OBSERVED
        shade = 0.25 + 0.55 * number / len(controls)
        colour = arm_colour(arm) if observed else (shade, shade, shade)
        place = np.arange(len(regions)) + shift[number]
        axes.vlines(
            place,
            rows["lower_quartile"],
            rows["upper_quartile"],
            color=colour,
            linewidth=2.2 if observed else 1.2,
        )
        axes.plot(
            place,
            rows["median"],
            "o" if observed else "s",
            color=colour,
            markersize=5 if observed else 2.5,
            label=_label(control),
        )
    axes.axhline(1.0, color=FAINT, linewidth=1.0, linestyle=(0, (3, 2)), zorder=0)
    own = summary[summary["control"] == OBSERVED].set_index("region")["n"].reindex(regions).fillna(0)
    axes.set_xticks(
        np.arange(len(regions)), [f"{REGION_NAMES[r]}\nn = {int(own[r])}" for r in regions], fontsize=7
    )
    axes.set_ylim(bottom=0)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("share of heat / share of view")
    axes.legend(
        ncols=4,
        fontsize=6.5,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        labelcolor=INK,
        borderaxespad=0.0,
        handletextpad=0.2,
        columnspacing=0.8,
    )


def _label(control: str) -> str:
    if control == OBSERVED:
        return "the network"
    return "head random" if control == "head" else f"down to {control}"
