"""Figures of attributions: shares with their spread, beeswarm, dependence, one patient's waterfall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from gliomics.explanation.attribution.patient_attributions import value_text
from gliomics.reporting.figures.style import FAINT, GRID, INK, arm_colour, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LOW_TO_HIGH = LinearSegmentedColormap.from_list("low to high", ["#0072B2", "#c9c4bd", "#D55E00"])
"""Colour of a feature's value, from the lowest to the highest rank in the cohort."""
TOWARDS_LONG, TOWARDS_SHORT = "#0072B2", "#D55E00"
BASE_HEIGHT_IN = 0.85
ROW_HEIGHT_IN = 0.235
LABEL_LENGTH = 34
SHAP_LABEL = "SHAP value (log-odds of long survival)"


def share_bars(name: str, summary: pd.DataFrame, arm: str, shown: int) -> str:
    """Draw the mean share of each name with its 5 % to 95 % range over fits.

    Parameters
    ----------
    name : str
        Of the figure.
    summary : DataFrame
        Rows of one arm and level (`gliomics.explanation.attribution.shap_summary.SUMMARY_COLUMNS`), largest
        first.
    arm : str
        Gives the colour.
    shown : int
        Rows drawn, at most.

    Returns
    -------
    str
        SVG.
    """
    rows = summary.head(shown).iloc[::-1]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(len(rows))
        axes.barh(places, rows["mean_share"], height=0.62, color=arm_colour(arm), alpha=0.8)
        axes.hlines(places, rows["low"], rows["high"], color=INK, linewidth=1.1)
        _label_rows(axes, list(rows["name"]))
        axes.set_xlim(0.0, max(0.02, float(rows["high"].max()) * 1.05))
        axes.set_xlabel("share (bar: mean, line: 5 to 95 % of fits)", loc="right")

    return to_svg(name, BASE_HEIGHT_IN + ROW_HEIGHT_IN * len(rows), draw)


def beeswarm(name: str, values: pd.DataFrame, features: list[str]) -> str:
    """Draw every held-out attribution of some features, coloured by the rank of the value.

    Parameters
    ----------
    name : str
        Of the figure.
    values : DataFrame
        Of one arm (`gliomics.explanation.attribution.shap_values.VALUE_COLUMNS`); one point a patient and
        fit.
    features : list of str
        From the top of the figure.

    Returns
    -------
    str
        SVG; imputed values are open circles.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvline(0.0, color=FAINT, linewidth=0.9)
        for place, feature in enumerate(reversed(features)):
            rows = values[values["feature"] == feature]
            heights = place + _offsets(rows["shap"].to_numpy(dtype=np.float64))
            _points(axes, rows, rows["shap"].to_numpy(dtype=np.float64), heights)
        _label_rows(axes, list(reversed(features)))
        axes.set_ylim(-0.6, len(features) - 0.4)
        axes.set_xlabel(SHAP_LABEL)
        _rank_legend(figure, axes)

    return to_svg(name, BASE_HEIGHT_IN + 0.35 + 0.27 * len(features), draw)


def dependence(name: str, values: pd.DataFrame, features: list[str], arm: str) -> str:
    """Draw attribution against value for some features, one panel each; imputed values are open."""
    columns = 2
    lines = -(-len(features) // columns)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(lines, columns, squeeze=False)
        for panel in panels.ravel()[len(features) :]:
            panel.set_axis_off()
        for panel, feature in zip(panels.ravel(), features, strict=False):
            rows = values[values["feature"] == feature]
            own = rows["imputed"].to_numpy(dtype=bool)
            x, y = (rows[c].to_numpy(dtype=np.float64) for c in ("value", "shap"))
            panel.axhline(0.0, color=FAINT, linewidth=0.9)
            panel.scatter(x[~own], y[~own], s=9, color=arm_colour(arm), alpha=0.55, linewidths=0)
            panel.scatter(x[own], y[own], s=11, facecolors="none", edgecolors=INK, linewidths=0.6)
            panel.set_xlabel(shortened(feature, 30), fontsize=7)
            panel.ticklabel_format(axis="x", style="sci", scilimits=(-2, 4))
            panel.locator_params(axis="both", nbins=4)
        figure.supylabel("SHAP (log-odds)", fontsize=8)

    return to_svg(name, 0.3 + 1.75 * lines, draw)


def waterfall(name: str, base: float, rows: pd.DataFrame, shown: int) -> str:
    """Draw how one patient's log-odds come about, from the background's mean to the score.

    Parameters
    ----------
    name : str
        Of the figure.
    base : float
        Mean log-odds of the background.
    rows : DataFrame
        ``feature``, ``value``, ``imputed``, ``shap`` of the patient; means over fits where there are several.
    shown : int
        Features drawn by themselves; the rest is one bar.

    Returns
    -------
    str
        SVG.
    """
    steps = waterfall_steps(rows, shown)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        ends = base + np.cumsum(steps["shap"].to_numpy(dtype=np.float64))
        starts = np.r_[base, ends[:-1]]
        places = len(steps) - 1 - np.arange(len(steps))
        colours = [
            TOWARDS_LONG if end >= start else TOWARDS_SHORT for start, end in zip(starts, ends, strict=True)
        ]
        axes.barh(places, ends - starts, left=starts, height=0.62, color=colours)
        axes.vlines(ends[:-1], places[:-1] - 0.69, places[:-1] - 0.31, color=FAINT, linewidth=0.8)
        axes.axvline(base, color=FAINT, linewidth=0.9, linestyle=":")
        axes.axvline(ends[-1], color=INK, linewidth=0.9)
        _label_rows(axes, list(steps["label"])[::-1])
        axes.use_sticky_edges = False
        axes.margins(x=0.06)
        axes.set_ylim(-0.7, len(steps) - 0.3)
        axes.set_xlabel(
            f"log-odds: training mean {base:.2f} (dotted), this patient {ends[-1]:.2f}", loc="right"
        )

    return to_svg(name, BASE_HEIGHT_IN + 0.25 * len(steps), draw)


def waterfall_steps(rows: pd.DataFrame, shown: int) -> pd.DataFrame:
    """Sort a patient's attributions by size; what is not shown by itself is one last step.

    Returns
    -------
    DataFrame
        ``label`` and ``shap``; the attributions add up to those of `rows`.
    """
    order = rows.assign(size=rows["shap"].abs()).sort_values(["size", "feature"], ascending=[False, True])
    first, rest = order.head(shown), order.iloc[shown:]
    labels = [
        _step_label(str(row["feature"]), float(row["value"]), imputed=bool(row["imputed"]))
        for _, row in first.iterrows()
    ]
    steps = pd.DataFrame({"label": labels, "shap": first["shap"].to_numpy()})
    if len(rest):
        last = pd.DataFrame({"label": [f"{len(rest)} others"], "shap": [rest["shap"].sum()]})
        steps = pd.concat([steps, last], ignore_index=True)
    return steps


def _step_label(feature: str, value: float, *, imputed: bool) -> str:
    known = value_text(feature, value)
    return shortened(feature, 26) + (f" = {known}" if known else "") + (" (imputed)" if imputed else "")


def shortened(text: str, length: int = LABEL_LENGTH) -> str:
    """Shorten a name in its middle.

    Examples
    --------
    >>> shortened("abcdefghij", 7)
    'abc...j'
    """
    if len(text) <= length:
        return text
    end = (length - 3) // 2 - (length <= 7)
    return f"{text[: length - 3 - end]}...{text[len(text) - end :]}"


def _points(axes: Axes, rows: pd.DataFrame, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    own = rows["imputed"].to_numpy(dtype=bool)
    colour = rows["value"].rank(pct=True).to_numpy(dtype=np.float64)
    axes.scatter(x[~own], y[~own], c=colour[~own], cmap=LOW_TO_HIGH, vmin=0, vmax=1, s=7, linewidths=0)
    axes.scatter(x[own], y[own], facecolors="none", edgecolors=INK, s=8, linewidths=0.5)


def _offsets(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread points of like x over the height of a row, without chance."""
    if not len(x):
        return x
    width = np.ptp(x) / 40 or 1.0
    cells = np.floor((x - x.min()) / width).astype(int)
    turn = np.zeros(len(x))
    for cell in np.unique(cells):
        inside = np.flatnonzero(cells == cell)
        turn[inside] = np.arange(len(inside))
    side = np.where(turn % 2 == 0, 1.0, -1.0) * np.ceil(turn / 2)
    return np.asarray(side / max(1.0, np.abs(side).max()) * min(0.36, 0.04 * np.abs(side).max()))


def _label_rows(axes: Axes, labels: list[str]) -> None:
    axes.set_yticks(np.arange(len(labels)), [shortened(str(label)) for label in labels], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=GRID)


def _rank_legend(figure: Figure, axes: Axes) -> None:
    scale = axes.scatter([], [], c=[], cmap=LOW_TO_HIGH, vmin=0, vmax=1)
    bar = figure.colorbar(
        scale, ax=axes, orientation="horizontal", location="top", shrink=0.45, aspect=28, pad=0.01
    )
    bar.set_ticks([0, 1], labels=["low value", "high value"], fontsize=7)
    bar.outline.set_visible(False)
