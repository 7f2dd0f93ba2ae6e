"""The leak on show: the honest figure beside what the audit makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from gliomics.reporting.figures.style import AUDIT_COLOURS, FAINT, INK, to_svg
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from gliomics.reporting.run_results import RunResults

KINDS = {
    "honest": "honest: synthetic rows in training folds only",
    "real_rows_only": "audit, real rows scored",
    "all_rows": "audit, all rows scored (as published)",
}
PERMUTED = {"real_rows_only": "permuted_real_rows_only", "all_rows": "permuted_all_rows"}


def draw_audit(run: RunResults, arm: str) -> Figure | None:
    """Draw the audit of an arm, observed and permuted labels.

    Parameters
    ----------
    run : RunResults
        With ``audit_augment_before_split`` among the arm's figures.
    arm : str
        An evaluated arm.

    Returns
    -------
    Figure or None
        None when the arm was not audited.
    """
    audit = run.evaluated[arm].get("audit_augment_before_split", {})
    if audit.get("status") != "audited":
        return None
    estimators = audit["estimators"]
    name = f"leakage_audit_{arm}"
    svg = to_svg(name, 0.62 * len(estimators) + 1.45, lambda canvas: _draw(canvas, estimators))
    figures = run.evaluated[arm]
    permutations = max(one["permutations"] for one in estimators.values())
    return Figure(
        name,
        svg,
        f"{run.arm_name(arm)}, Dataset 2, n = {figures['n']} real {run.task.cases} "
        f"({run.task.count_events(figures)}). Hollow: permuted labels, mean of {permutations}; what is "
        "right of 0.5 there is leak and nothing else.",
        "Leakage audit: "
        + "; ".join(
            f"{one} honest {_text(found['honest'])}, real rows {_text(found['real_rows_only'])}, "
            f"all rows {_text(found['all_rows'])}, permuted labels {_text(found['permuted_all_rows'])}"
            for one, found in estimators.items()
        ),
    )


def _draw(canvas: Canvas, estimators: dict[str, dict[str, Any]]) -> None:
    axes = canvas.subplots()
    axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
    for place, found in enumerate(estimators.values()):
        _row(axes, -place, found)
    names = [name.replace("_", " ") + ("\n(tuned)" if e["tuned"] else "") for name, e in estimators.items()]
    axes.set_yticks([-place for place in range(len(estimators))], names)
    axes.set(xlim=(0, 1.02), xlabel="AUC (0.5: chance)", ylim=(-len(estimators) + 0.4, 0.6))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    marks = [
        Line2D([], [], marker="o", linestyle="", color=AUDIT_COLOURS[kind], label=text)
        for kind, text in KINDS.items()
    ]
    marks.append(
        Line2D([], [], marker="o", linestyle="", color=INK, markerfacecolor="white", label="permuted labels")
    )
    canvas.legend(handles=marks, loc="outside lower left", ncols=1, handletextpad=0.3)


def _row(axes: Axes, place: float, found: dict[str, Any]) -> None:
    known = [found[kind] for kind in KINDS if found[kind] is not None]
    if known:
        axes.plot([min(known), max(known)], [place + 0.12] * 2, color=FAINT, linewidth=1, zorder=1)
    for kind, colour in AUDIT_COLOURS.items():
        if found[kind] is not None:
            axes.plot(found[kind], place + 0.12, "o", color=colour, markersize=6)
    for kind, permuted in PERMUTED.items():
        if found[permuted] is not None:
            axes.plot(
                found[permuted],
                place - 0.18,
                "o",
                color=AUDIT_COLOURS[kind],
                markerfacecolor="white",
                markersize=5.5,
            )


def _text(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"
