"""Whether probabilities are right and acting on them would help: calibration and decision curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.figures.small_multiples import panels
from gliomics.reporting.figures.style import FAINT, INK, arm_colour
from gliomics.reporting.run_results import value_with_interval
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gliomics.reporting.run_results import RunResults


def draw_calibration(run: RunResults) -> Figure | None:
    """Draw observed shares over mean scores, one panel an arm."""
    arms = list(run.evaluated)
    if not arms:
        return None

    def draw(axes: Axes, arm: str) -> None:
        found = run.evaluated[arm]["calibration"]
        curve = found["curve"]
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
        x, y = [one["mean_score"] for one in curve], [one["share_long"] for one in curve]
        axes.plot(x, y, color=arm_colour(arm), marker="o", markersize=4)
        if found["status"] == "estimated":
            words = f"slope {found['slope']['value']:.2f}"
        else:
            words = "slope not estimable"
        axes.text(0.98, 0.04, words, ha="right", fontsize=8, transform=axes.transAxes)
        axes.set(xlim=(0, 1), ylim=(-0.03, 1.03), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))

    sizes = sorted({one["n"] for arm in arms for one in run.evaluated[arm]["calibration"]["curve"]})
    size = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    svg = panels(
        "calibration",
        run,
        arms,
        ("Mean predicted probability", f"Observed share of {run.task.long}"),
        draw,
    )
    return Figure(
        "calibration",
        svg,
        f"Calibration of one score a case, the mean over repeats; each point is a group of {size} "
        f"{run.task.cases}; dashed: right probabilities. {run.counts(arms)}",
        "Calibration: "
        + "; ".join(
            f"{run.arm_name(arm)} slope {value_with_interval(run.evaluated[arm]['calibration'].get('slope'))}"
            for arm in arms
        ),
    )


def draw_decision_curves(run: RunResults) -> Figure | None:
    """Draw the net benefit with its band beside treating all and treating none, one panel an arm."""
    arms = list(run.evaluated)
    if not arms:
        return None

    def draw(axes: Axes, arm: str) -> None:
        found = run.evaluated[arm]["decision_curve"]
        x = found["threshold"]
        axes.fill_between(x, found["low"], found["high"], color=arm_colour(arm), alpha=0.2, linewidth=0)
        axes.plot(x, found["treat_all"], color=INK, linewidth=1, linestyle=(0, (4, 2)))
        axes.axhline(0, color=INK, linewidth=1)
        axes.plot(x, found["net_benefit"], color=arm_colour(arm))
        top = max(*found["high"], *found["treat_all"])
        axes.set(xlim=(0, 1), ylim=(-0.35, top + 0.08), xticks=(0, 0.5, 1))

    svg = panels(
        "decision_curves",
        run,
        arms,
        ("Threshold probability", f"Net benefit per {run.task.cases[:-1]}"),
        draw,
    )
    return Figure(
        "decision_curves",
        svg,
        "Net benefit of acting on the score, with its bootstrap band; dashed: acting on everybody; line at "
        f"0: on nobody. A model helps only where its band lies above both. {run.counts(arms)}",
        "Decision curves: net benefit of each arm over thresholds from 0.05 to 0.95.",
    )
