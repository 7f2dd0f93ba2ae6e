"""One small panel an arm, two beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.figures.style import arm_colour, to_svg

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from gliomics.reporting.run_results import RunResults

PANEL_IN = 1.95


def panels(
    name: str,
    run: RunResults,
    arms: list[str],
    labels: tuple[str, str],
    draw: Callable[[Axes, str], None],
    *,
    share_x: bool = True,
    share_y: bool = True,
) -> str:
    """Draw a panel for each arm.

    Parameters
    ----------
    name : str
        Of the figure.
    run : RunResults
        For the names of the arms.
    arms : list of str
        At least one.
    labels : tuple of str
        Of the horizontal and of the vertical axis, with units.
    draw : callable
        Fills the axes of an arm.
    share_x, share_y : bool
        Whether all panels have one scale.

    Returns
    -------
    str
        SVG.
    """
    columns = min(2, len(arms))
    rows = -(-len(arms) // columns)

    def fill(canvas: Canvas) -> None:
        grid = canvas.subplots(rows, columns, squeeze=False, sharex=share_x, sharey=share_y).ravel()
        for axes, arm in zip(grid, arms, strict=False):
            draw(axes, arm)
            axes.set_title(run.arm_name(arm), color=arm_colour(arm))
            axes.tick_params(labelbottom=True)
        for spare in grid[len(arms) :]:
            spare.set_axis_off()
        canvas.supxlabel(labels[0], fontsize=8.5)
        canvas.supylabel(labels[1], fontsize=8.5)

    return to_svg(name, (PANEL_IN if columns == 2 else 3.2) * rows + 0.35, fill)
