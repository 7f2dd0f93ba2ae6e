"""The arms beside each other: intervals, permuted labels, training against test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.evaluation.controls.dataset2 import auc_of
from gliomics.evaluation.results import HONEST
from gliomics.reporting.figures.small_multiples import panels
from gliomics.reporting.figures.style import FAINT, INK, arm_colour, to_svg
from gliomics.reporting.run_results import evaluated_arms, value_with_interval
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from numpy.typing import NDArray

    from gliomics.reporting.run_results import RunResults


def draw_forest(run: RunResults) -> Figure | None:
    """Draw the AUC of every arm, population and dataset with its interval."""
    rows = _forest_rows(run)
    if not rows:
        return None

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
        for place, (_, arm, auc, filled) in enumerate(rows):
            colour = arm_colour(arm)
            if auc["low"] is not None:
                axes.plot([auc["low"], auc["high"]], [-place] * 2, color=colour)
            axes.plot(
                auc["value"],
                -place,
                "o",
                color=colour,
                markersize=5.5,
                markerfacecolor=colour if filled else "white",
            )
            axes.text(1.02, -place, f"{auc['value']:.2f}", va="center", fontsize=8)
        axes.set_yticks([-place for place in range(len(rows))], [name for name, *_ in rows])
        axes.set(xlim=(0, 1), xlabel="AUC within folds (0.5: chance)", ylim=(-len(rows) + 0.4, 0.6))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)

    percent = round(100 * run.facts["bootstrap"]["confidence"])
    counts = "; ".join(
        f"{name}: n = {facts['n']} ({run.task.count_events(facts)})"
        for name, facts in run.metrics["populations"].items()
        if facts["status"] == "evaluated"
    )
    return Figure(
        "forest",
        to_svg("forest", 0.26 * len(rows) + 0.75, draw),
        f"AUC with {percent} % interval over {run.task.cases}. Filled: primary population, Dataset 1; "
        f"hollow: the others. D2: Dataset 2, with synthetic training rows. {counts}.",
        "Forest plot: " + "; ".join(f"{name} {value_with_interval(auc)}" for name, _, auc, _ in rows),
    )


def draw_permutation_control(run: RunResults) -> Figure | None:
    """Draw the AUCs of permuted labels beside the observed one, one panel an arm."""
    null = {arm: _permuted_aucs(run, arm) for arm in run.evaluated}
    arms = [arm for arm, aucs in null.items() if len(aucs)]
    if not arms:
        return None

    def draw(axes: Axes, arm: str) -> None:
        control = run.evaluated[arm]["permutation_control"]
        aucs = null[arm]
        if len(aucs) >= 10:
            axes.hist(
                aucs, bins=list(np.linspace(0, 1, 21)), color="#c9ced6", edgecolor="white", linewidth=0.5
            )
        else:
            axes.vlines(aucs, 0, 1, color="#c9ced6", linewidth=4)
            axes.set_yticks([])
        if control["bound"] is not None:
            axes.axvline(control["bound"], color=INK, linewidth=1, linestyle=(0, (1, 1.5)))
            axes.axvline(control["mean"], color=INK, linewidth=1)
        axes.axvline(control["observed_auc"], color=arm_colour(arm), linewidth=2)
        axes.text(0.02, 0.93, f"B = {len(aucs)}", fontsize=8, transform=axes.transAxes, va="top")
        axes.set(xlim=(0, 1), xticks=(0, 0.5, 1))

    svg = panels("permutation_control", run, arms, ("AUC within folds", "Permutations"), draw, share_y=False)
    return Figure(
        "permutation_control",
        svg,
        "Grey: AUCs of permuted labels; thin line: their mean, which may not pass the dotted bound of "
        f"0.5 + 3 SD / √B; coloured line: observed labels on the same repeats. {run.counts(arms)}",
        "Permutation control: " + "; ".join(_control_words(run, arm) for arm in arms),
    )


def draw_train_test_gap(run: RunResults) -> Figure | None:
    """Draw the AUC on training rows beside that on test rows."""
    arms = [arm for arm, figures in run.evaluated.items() if figures.get("train_auc") is not None]
    if not arms:
        return None

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
        for place, arm in enumerate(arms):
            test, train = run.evaluated[arm]["auc"]["value"], run.evaluated[arm]["train_auc"]
            axes.plot([test, train], [-place] * 2, color=arm_colour(arm), linewidth=1.2)
            axes.plot(train, -place, "s", color=arm_colour(arm), markerfacecolor="white", markersize=5)
            axes.plot(test, -place, "o", color=arm_colour(arm), markersize=5.5)
        axes.set_yticks([-place for place in range(len(arms))], [run.arm_name(arm) for arm in arms])
        axes.set(xlim=(0, 1.02), ylim=(-len(arms) + 0.4, 0.6), xlabel="AUC (dot: test; square: training)")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)

    gaps = [
        f"{run.arm_name(arm)} {run.evaluated[arm]['train_auc'] - run.evaluated[arm]['auc']['value']:+.2f}"
        for arm in arms
    ]
    return Figure(
        "train_test_gap",
        to_svg("train_test_gap", 0.28 * len(arms) + 0.75, draw),
        f"AUC on the rows a model was trained on against that on held-out rows, both averaged over folds. "
        f"{run.counts(arms)}",
        "Gap between training and test AUC: " + ", ".join(gaps),
    )


def _forest_rows(run: RunResults) -> list[tuple[str, str, dict[str, Any], bool]]:
    populations = sorted(run.metrics["populations"], key=lambda name: name != run.primary)
    rows = []
    for name in populations:
        suffix = "" if run.is_table else f", {name}"
        for arm, figures in evaluated_arms(run.metrics["populations"][name]).items():
            rows.append((f"{run.arm_name(arm)}{suffix}", arm, figures["auc"], name == run.primary))
            second = figures.get("dataset2", {})
            if second.get("status") == "evaluated":
                rows.append((f"{run.arm_name(arm)} D2{suffix}", arm, second["auc"], False))
    return [row for row in rows if row[2]["value"] is not None]


def _permuted_aucs(run: RunResults, arm: str) -> NDArray[np.float64]:
    rows = run.predictions
    rows = rows[
        (rows["arm"] == arm)
        & (rows["dataset"] == "dataset1")
        & (rows["protocol"] == HONEST)
        & (rows["permutation"] > 0)
    ]
    return np.asarray([auc_of(one) for _, one in rows.groupby("permutation", sort=True)])


def _control_words(run: RunResults, arm: str) -> str:
    control = run.evaluated[arm]["permutation_control"]
    if control["mean"] is None:
        return f"{run.arm_name(arm)} not covered"
    return f"{run.arm_name(arm)} mean {control['mean']:.2f}, bound {control['bound']:.2f}"
