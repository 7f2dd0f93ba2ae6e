"""How long the patients lived whom an arm calls long and short survivors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.reporting.figures.small_multiples import panels
from gliomics.reporting.figures.style import FAINT, INK, arm_colour
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gliomics.reporting.run_results import RunResults

DAYS_A_MONTH = 30.4375
GROUPS = (("called_long", "called long", "-"), ("called_short", "called short", (0, (4, 2))))


def draw_kaplan_meier(run: RunResults, found: dict[str, dict[str, Any]]) -> Figure | None:
    """Draw the Kaplan-Meier curves of the out-of-fold groups with their bands, one panel an arm.

    Parameters
    ----------
    run : RunResults
        For the names of the arms.
    found : dict of str to dict
        ``survival`` of each arm that has it.

    Returns
    -------
    Figure or None
        None when no arm has a curve.
    """
    arms = [arm for arm, survival in found.items() if _curves(survival)]
    if not arms:
        return None

    def draw(axes: Axes, arm: str) -> None:
        survival = found[arm]
        for number, (label, style, curve, n) in enumerate(_curves(survival)):
            colour = INK if number else arm_colour(arm)
            months = [day / DAYS_A_MONTH for day in curve["days"]]
            axes.fill_between(
                months, curve["low"], curve["high"], step="post", color=colour, alpha=0.13, linewidth=0
            )
            axes.step(months, curve["survival"], where="post", color=colour, linestyle=style)
            axes.text(
                0.98,
                0.9 - 0.11 * number,
                f"{label}, n = {n}",
                ha="right",
                fontsize=8,
                color=colour,
                transform=axes.transAxes,
            )
        axes.axvline(survival["cutoff_days"] / DAYS_A_MONTH, color=FAINT, linewidth=1)
        axes.set(ylim=(0, 1.02), yticks=(0, 0.5, 1))

    svg = panels("kaplan_meier", run, arms, ("Months since diagnosis", "Share alive"), draw)
    return Figure(
        "kaplan_meier",
        svg,
        "Kaplan-Meier curves with 95 % bands of the groups that an arm made of patients it had not seen, "
        "censored ones included; dashed and dark: called short; grey line: the cut-off of the label. "
        + "; ".join(f"{run.arm_name(arm)} n = {found[arm]['n']}" for arm in arms)
        + ".",
        "Kaplan-Meier curves of patients called long and short: " + ", ".join(map(run.arm_name, arms)),
    )


def _curves(survival: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any], int]]:
    groups = survival.get("kaplan_meier", {}).get("groups", {})
    return [
        (label, style, groups[key]["curve"], groups[key]["n"])
        for key, label, style in GROUPS
        if groups.get(key, {}).get("curve")
    ]
