"""Whether synthetic rows pass for real ones, where that can be judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.figures.style import FAINT, to_svg
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Canvas

    from gliomics.reporting.run_results import RunResults

CLASS_COLOURS = {1: "#0072B2", 0: "#D55E00"}


def draw_acceptance(run: RunResults) -> Figure | None:
    """Draw how well real and synthetic rows are told apart, fold by fold, and the KS distances.

    Returns
    -------
    Figure or None
        None when no fold has enough unseen rows of a class to judge.
    """
    if run.acceptance is None:
        return None
    judged = run.acceptance[run.acceptance["status"] == "assessed"]
    if judged.empty:
        return None
    held_out = f"{judged['n_held_out'].min():.0f} to {judged['n_held_out'].max():.0f}"
    return Figure(
        "synthetic_rows",
        to_svg("synthetic_rows", 3.3, lambda canvas: _draw(canvas, judged, run)),
        "Left: AUC with interval of telling unseen real rows from as many synthetic ones (0.5: not told "
        "apart), by fold. Right: mean Kolmogorov-Smirnov distance of unseen real rows to synthetic rows "
        f"(filled) and, as a reference, to real training rows (hollow). n = {held_out} unseen rows a class "
        "and fold.",
        f"Acceptance of synthetic rows in {len(judged)} classes of folds: median AUC "
        f"{judged['auc'].median():.2f}.",
    )


def _draw(canvas: Canvas, judged: pd.DataFrame, run: RunResults) -> None:
    apart, distances = canvas.subplots(1, 2)
    apart.axvline(0.5, color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
    for place, row in enumerate(judged.to_dict(orient="records")):
        colour = CLASS_COLOURS[int(row["label"])]
        apart.plot([row["auc_low"], row["auc_high"]], [-place] * 2, color=colour, linewidth=1.2)
        apart.plot(row["auc"], -place, "o", color=colour, markersize=4)
        distances.plot(row["ks"], -place, "o", color=colour, markersize=4)
        distances.plot(row["ks_reference"], -place, "o", color=colour, markerfacecolor="white", markersize=4)
    apart.set(xlim=(0, 1), xlabel="AUC real or synthetic", yticks=(), ylabel="Folds")
    distances.set(xlim=(0, None), xlabel="KS distance", yticks=())
    names = {1: run.task.long, 0: run.task.short}
    for label, colour in CLASS_COLOURS.items():
        apart.plot([], [], "o", color=colour, markersize=4, label=names[label])
    canvas.legend(loc="outside lower center", ncols=2)
