"""Permuted labels, and training against test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.reporting.figures.comparison import draw_permutation_control, draw_train_test_gap
from gliomics.reporting.figures.style import arm_colour
from gliomics.reporting.section import Block, Paragraph, Section, Table, figures_beside

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def build(run: RunResults) -> Section | None:
    """Build the section; None when nothing was evaluated."""
    if not run.evaluated:
        return None
    blocks: list[Block] = [
        Paragraph("Labels that mean nothing must score chance; a figure that survives them is leaked."),
        *figures_beside(draw_permutation_control(run), draw_train_test_gap(run)),
        _table(run),
    ]
    notes = {
        note for figures in run.evaluated.values() if (note := figures.get("train_test_note")) is not None
    }
    blocks += [Paragraph(note, "note") for note in sorted(notes)]
    return Section("controls", "Controls", tuple(blocks))


def _table(run: RunResults) -> Table:
    return Table(
        "Permutation control. Fewer than ten permutations of networks borrow the SD of the exact null.",
        ("Arm", "B", "Mean", "SD", "Bound", "Observed", "Verdict"),
        tuple(_row(run, arm, figures["permutation_control"]) for arm, figures in run.evaluated.items()),
        swatches=tuple(arm_colour(arm) for arm in run.evaluated),
    )


def _row(run: RunResults, arm: str, control: dict[str, Any]) -> tuple[str, ...]:
    if control["mean"] is None:
        observed = f"{control['observed_auc']:.3f}"
        return (run.arm_name(arm), "0", "", "", "", observed, f"not covered: {control['reason']}")
    numbers = (f"{control[key]:.3f}" for key in ("mean", "sd", "bound", "observed_auc"))
    weak = control["status"] == "not informative"
    verdict = str(control["status"]) + (f" (power {control['power']:.0%})" if weak else "")
    return (run.arm_name(arm), str(control["n"]), *numbers, verdict)
