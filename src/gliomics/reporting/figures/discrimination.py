"""How well the arms rank: ROC and precision-recall curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.evaluation.statistics.curves import chance_precision, mean_precision_recall, mean_roc
from gliomics.evaluation.statistics.metrics import ScoredPatients
from gliomics.reporting.figures.style import FAINT, arm_colour, to_svg
from gliomics.reporting.section import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from gliomics.evaluation.statistics.curves import MeanCurve
    from gliomics.reporting.run_results import RunResults

WITHIN = "Averaged within folds, not pooled over folds: scores of different folds are never compared."


def draw_roc(run: RunResults) -> Figure | None:
    """Draw one ROC curve an arm, each averaged over its folds and repeats."""
    scored = _scored(run)
    curves = {arm: mean_roc(patients) for arm, patients in scored.items()}
    curves = {arm: curve for arm, curve in curves.items() if curve.folds}
    if not curves:
        return None

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
        _lines(axes, run, curves, lambda arm: run.evaluated[arm]["auc"]["value"], from_corners=True)
        axes.set(
            xlabel=f"False-positive rate ({run.task.short})",
            ylabel=f"Sensitivity ({run.task.long})",
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
        )

    return Figure(
        "roc",
        to_svg("roc", 4.6, draw),
        f"ROC curves with AUC. {WITHIN} {_numbers(run, curves)}",
        "ROC curves: " + _in_words(run, curves),
    )


def draw_precision_recall(run: RunResults) -> Figure | None:
    """Draw the precision of finding the events, averaged over folds and repeats."""
    scored = _scored(run)
    curves = {arm: mean_precision_recall(patients, run.task.event) for arm, patients in scored.items()}
    curves = {arm: curve for arm, curve in curves.items() if curve.folds}
    if not curves:
        return None
    chance = {arm: chance_precision(scored[arm], run.task.event) for arm in curves}

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for share in sorted({round(value, 4) for value in chance.values()}):
            axes.axhline(share, color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
        _lines(axes, run, curves, lambda arm: run.evaluated[arm]["average_precision"]["value"])
        axes.set(
            xlabel=f"Recall (share of {run.task.events} found)",
            ylabel="Precision",
            xlim=(0, 1),
            ylim=(0, 1.02),
            aspect="equal",
        )

    return Figure(
        "precision_recall",
        to_svg("precision_recall", 4.6, draw),
        f"Finding {run.task.events}, with average precision. {WITHIN} Dashed: their share in the folds, "
        f"which is chance up to the optimism of few cases a fold. {_numbers(run, curves)}",
        "Precision-recall curves: " + _in_words(run, curves),
    )


def _scored(run: RunResults) -> dict[str, ScoredPatients]:
    return {arm: ScoredPatients.from_predictions(run.honest(arm)) for arm in run.evaluated}


def _lines(
    axes: Axes,
    run: RunResults,
    curves: dict[str, MeanCurve],
    figure: Callable[[str], float],
    *,
    from_corners: bool = False,
) -> None:
    for arm, curve in curves.items():
        label = f"{run.arm_name(arm)} {figure(arm):.2f}"
        x, y = ([0, *curve.x, 1], [0, *curve.y, 1]) if from_corners else (curve.x, curve.y)
        axes.plot(x, y, color=arm_colour(arm), label=label)
    axes.figure.legend(loc="outside lower center", ncols=2, handlelength=1.4)


def _numbers(run: RunResults, curves: dict[str, MeanCurve]) -> str:
    parts: dict[tuple[int, str, int], list[str]] = {}
    for arm, curve in curves.items():
        figures = run.evaluated[arm]
        key = (figures["n"], run.task.count_events(figures), curve.folds)
        parts.setdefault(key, []).append(run.arm_name(arm))
    texts = [
        f"{', '.join(names)}: n = {n} ({events}), {folds} folds"
        for (n, events, folds), names in parts.items()
    ]
    return "; ".join(texts) + "."


def _in_words(run: RunResults, curves: dict[str, MeanCurve]) -> str:
    return ", ".join(f"{run.arm_name(arm)} area {curve.y.mean():.2f}" for arm, curve in curves.items())
