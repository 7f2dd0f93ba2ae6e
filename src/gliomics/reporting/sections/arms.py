"""The arms with their intervals, beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.reporting.figures.comparison import draw_forest
from gliomics.reporting.figures.style import arm_colour
from gliomics.reporting.run_results import evaluated_arms, value_with_interval
from gliomics.reporting.section import Block, Paragraph, Section, Table, figures_beside

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults

FIGURES = (
    ("AUC", "auc"),
    ("Balanced accuracy", "balanced_accuracy"),
    ("Sensitivity", "sensitivity"),
    ("Specificity", "specificity"),
)


def build(run: RunResults) -> Section | None:
    """Build the section; None when nothing was evaluated."""
    if not run.evaluated:
        return None
    blocks: list[Block] = [_arms(run, run.primary), *figures_beside(draw_forest(run))]
    others = [name for name in run.metrics["populations"] if name != run.primary]
    blocks += [
        _arms(run, name) for name in others if run.metrics["populations"][name]["status"] == "evaluated"
    ]
    if run.facts["comparisons"]:
        blocks.append(_comparisons(run))
    blocks += [Paragraph(text, "note") for text in (*_skipped(run), run.facts["interval_note"])]
    return Section("arms", "Arms", tuple(blocks))


def _arms(run: RunResults, population: str) -> Table:
    facts = run.metrics["populations"][population]
    arms = evaluated_arms(facts)
    which = "" if run.is_table else f"Population “{population}”"
    which += " (primary). " if population == run.primary and not run.is_table else ". " if which else ""
    return Table(
        f"{which}n = {facts['n']} {run.task.cases}, {run.task.count_events(facts)}; values with "
        f"{100 * facts['bootstrap']['confidence']:g} % interval."
        + (" †: UNTRAINED weights." if any(figures.get("untrained") for figures in arms.values()) else ""),
        (
            "Arm",
            "n",
            *(name for name, _ in FIGURES),
            "Average precision (chance)",
            "AUC, weighted for censoring",
        ),
        tuple(_row(run, arm, figures) for arm, figures in arms.items()),
        swatches=tuple(arm_colour(arm) for arm in arms),
    )


def _row(run: RunResults, arm: str, figures: dict[str, Any]) -> tuple[str, ...]:
    precision = figures["average_precision"]
    shown = value_with_interval(precision)
    censoring = figures["censoring"].get("ipcw_auc")
    untrained = " †" if figures.get("untrained") else ""
    return (
        run.arm_name(arm) + untrained,
        str(figures["n"]),
        *(value_with_interval(figures[key]) for _, key in FIGURES),
        f"{shown} ({precision['chance']:.2f})",
        "not computed" if censoring is None else f"{censoring:.2f}",
    )


def _comparisons(run: RunResults) -> Table:
    rows = []
    for name, one in run.facts["comparisons"].items():
        first, second = name.split("_vs_")
        difference = {"value": one["difference"], "low": one["low"], "high": one["high"]}
        rows.append(
            (
                f"{run.arm_name(first)} against {run.arm_name(second)}",
                str(one["n"]),
                value_with_interval(difference),
                _p(one["p_value"]),
                _p(one["p_holm"]),
                "not known" if one["detectable"] is None else f"{one['detectable']:.2f}",
            )
        )
    return Table(
        "Differences of AUC on the same patients and repeats; paired permutation test, corrected by Holm. "
        "Detectable: the difference that so many patients could have shown with 80 % power.",
        ("Comparison", "n", "Difference", "p", "p, Holm", "Detectable"),
        tuple(rows),
    )


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"


def _skipped(run: RunResults) -> tuple[str, ...]:
    arms = run.facts["arms"]
    return tuple(
        f"{run.arm_name(arm)} was not evaluated: {arms[arm]['reason']}."
        for arm in sorted(set(arms) - set(run.evaluated))
    )
