"""The flow of patients as a diagram."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from matplotlib.patches import FancyBboxPatch

from gliomics.reporting.figures.style import FAINT, INK, to_svg
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from gliomics.reporting.run_results import RunResults

LABEL_RULES = ("label_long", "label_short", "label_censored")
ROW = 1.0
LABEL_COLOURS = {"label_long": "#d6e8f3", "label_short": "#f8e3d2", "label_censored": "#eceef1"}


def draw_cohort_flow(run: RunResults) -> Figure | None:
    """Draw who was removed by which rule, and the labels of those who remain.

    Parameters
    ----------
    run : RunResults
        ``metrics["flow"]`` as `gliomics.cohort.cohort_flow.describe_flow` makes it.

    Returns
    -------
    Figure or None
        None when there is no flow (a table of ``gliomics evaluate``).
    """
    steps = [step for step in run.metrics.get("flow", []) if step["population"] == run.primary]
    if not steps:
        return None
    chain = [step for step in steps if step["rule"] not in LABEL_RULES]
    labels = [step for step in steps if step["rule"] in LABEL_RULES]
    removing = [step for step in chain[1:-1] if step["removed"]]
    shown = [chain[0], *removing] if removing else [chain[0], chain[-1]]
    svg = to_svg("cohort_flow", 0.62 * (len(shown) + 1.4), lambda canvas: _draw(canvas, shown, labels))
    n, eligible = chain[0]["remaining"], chain[-1]["remaining"]
    return Figure(
        "cohort_flow",
        svg,
        f"Flow of {n} subjects to {eligible} eligible ones, population “{run.primary}”. Rules that "
        "removed nobody are left out. Folds cover the censored too; only labelled patients are scored.",
        f"Flow diagram: {n} subjects known, {eligible} eligible; "
        + ", ".join(f"{step['remaining']} {_label_name(step)}" for step in labels),
    )


def _draw(canvas: Canvas, shown: list[dict[str, Any]], labels: list[dict[str, Any]]) -> None:
    axes = canvas.subplots()
    axes.set_axis_off()
    height = len(shown) + 1.3
    axes.set(xlim=(0, 10), ylim=(-height + 0.45, 0.55))
    for row, step in enumerate(shown):
        first, last = row == 0, row == len(shown) - 1
        if row:
            _arrow(axes, (2.1, -row + 1 - 0.3), (2.1, -row + 0.32))
        words = "known" if first else "eligible" if last else "remain"
        _box(axes, (0.2, -row), 3.8, f"{step['remaining']} {words}", "#ffffff", bold=True)
        if step["removed"]:
            axes.plot([2.1, 4.4], [-row + 0.5] * 2, color=FAINT, linewidth=1, zorder=0)
            sentence = textwrap.fill(step["sentence"].rstrip("."), 34)
            axes.text(
                4.55, -row + 0.5, f"\N{MINUS SIGN}{step['removed']}  {sentence}", va="center", fontsize=8
            )
    bottom = len(shown) + 0.15
    width = 9.6 / max(len(labels), 1)
    for number, step in enumerate(labels):
        left = 0.2 + number * width
        _arrow(axes, (2.1, -len(shown) + 0.7), (left + width / 2 - 0.1, -bottom + 0.36))
        _box(
            axes,
            (left, -bottom),
            width - 0.25,
            f"{step['remaining']} {_label_name(step)}",
            LABEL_COLOURS[step["rule"]],
            bold=False,
        )


def _label_name(step: dict[str, Any]) -> str:
    return {"label_long": "long", "label_short": "short", "label_censored": "censored"}[step["rule"]]


def _box(
    axes: Axes, corner: tuple[float, float], width: float, text: str, colour: str, *, bold: bool
) -> None:
    left, middle = corner
    axes.add_patch(
        FancyBboxPatch(
            (left, middle - 0.29),
            width,
            0.58,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=colour,
            edgecolor=INK,
            linewidth=0.8,
        )
    )
    axes.text(
        left + width / 2, middle - 0.01, text, ha="center", va="center", weight="bold" if bold else "normal"
    )


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": FAINT, "lw": 1, "shrinkA": 0, "shrinkB": 0},
    )
