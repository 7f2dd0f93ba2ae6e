"""The leakage audit: the way to a high figure, and why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.reporting.figures.audit import draw_audit
from gliomics.reporting.figures.synthesis import draw_acceptance
from gliomics.reporting.run_results import value_with_interval
from gliomics.reporting.section import Block, Heading, Paragraph, Section, Table, figures_beside

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.reporting.run_results import RunResults

SENTENCE = (
    "An AUC from synthetic rows that were made before the split says how well the sampler copies test cases "
    "into the training set, not how well anybody is predicted: labels that mean nothing reach nearly the "
    "same."
)
HEAD = (
    "Estimator",
    "Honest",
    "Real rows only",
    "All rows (as published)",
    "Permuted, real rows",
    "Permuted, all rows",
    "Optimism by the leak",
    "Optimism by scoring synthetic rows",
)
KEYS = (
    "honest",
    "real_rows_only",
    "all_rows",
    "permuted_real_rows_only",
    "permuted_all_rows",
    "optimism_leak",
    "optimism_scored_synthetic",
)


def build(run: RunResults) -> Section | None:
    """Build the section; None when no arm had a Dataset 2."""
    arms = [arm for arm, figures in run.evaluated.items() if "dataset2" in figures]
    if not arms:
        return None
    audited = [arm for arm in arms if _audit(run, arm)["status"] == "audited"]
    blocks: list[Block] = [Paragraph(_sentence(run, audited), "lead")] if audited else []
    blocks += figures_beside(*(draw_audit(run, arm) for arm in audited))
    blocks += [_table(run, arm) for arm in audited]
    if audited:
        blocks.append(Paragraph(_audit(run, audited[0])["note"], "note"))
    blocks += [Heading("Dataset 2: synthetic rows in training folds only"), _dataset2(run, arms)]
    if run.acceptance is not None and not run.acceptance.empty:
        blocks += [_acceptance(run, run.acceptance), *figures_beside(draw_acceptance(run))]
    return Section("audit", "The leakage audit", tuple(blocks))


def _audit(run: RunResults, arm: str) -> dict[str, Any]:
    found: dict[str, Any] = run.evaluated[arm]["audit_augment_before_split"]
    return found


def _sentence(run: RunResults, arms: list[str]) -> str:
    """Say what the audit found; where permuted labels stay at chance, it does not claim that they do not."""
    figures = [one for arm in arms for one in _audit(run, arm)["estimators"].values()]
    permuted = [one["permuted_all_rows"] for one in figures if one["permuted_all_rows"] is not None]
    if permuted and max(permuted) > 0.55:
        return SENTENCE + f" Here: up to {max(permuted):.2f}."
    return "Here permuted labels stay near chance even when synthetic rows are made before the split."


def _table(run: RunResults, arm: str) -> Table:
    rows = []
    for name, one in _audit(run, arm)["estimators"].items():
        words = name.replace("_", " ") + (", tuned" if one["tuned"] else ", default")
        rows.append((words, *("not known" if one[key] is None else f"{one[key]:.2f}" for key in KEYS)))
    return Table(f"{run.arm_name(arm)}: AUC of the audit, n = {run.evaluated[arm]['n']}.", HEAD, tuple(rows))


def _dataset2(run: RunResults, arms: list[str]) -> Table:
    rows = []
    for arm in arms:
        second = run.evaluated[arm]["dataset2"]
        first = value_with_interval(run.evaluated[arm]["auc"])
        if second["status"] != "evaluated":
            rows.append((run.arm_name(arm), first, f"skipped: {second['reason']}", ""))
            continue
        control = second["permutation_control"]
        words = (
            f"not covered: {control['reason']}"
            if control["mean"] is None
            else f"mean {control['mean']:.2f}, bound {control['bound']:.2f}: {control['status']}"
        )
        rows.append((run.arm_name(arm), first, value_with_interval(second["auc"]), words))
    return Table(
        f"AUC on real {run.task.cases} without and with synthetic training rows.",
        ("Arm", "Dataset 1", "Dataset 2", "Permuted labels"),
        tuple(rows),
        text_columns=(3,),
    )


def _acceptance(run: RunResults, acceptance: pd.DataFrame) -> Table:
    rows = []
    for label, name in ((1, run.task.long), (0, run.task.short)):
        part = acceptance[acceptance["label"] == label]
        judged = part[part["status"] == "assessed"]
        rows.append(
            (
                name.capitalize(),
                str(len(part)),
                str(len(judged)),
                f"{part['n_train'].min():.0f}",
                f"{part['n_held_out'].max():.0f}",
                f"{part['copies'].sum():.0f}",
                "not assessable" if judged.empty else f"{judged['auc'].median():.2f}",
                "not assessable" if judged.empty else f"{judged['tstr_auc'].median():.2f}",
            )
        )
    return Table(
        "Do synthetic rows pass for real ones? Judged only where enough real rows are unseen; never "
        "“accepted”.",
        (
            "Class",
            "Folds",
            "Assessed",
            "Fitted on at least",
            "Unseen at most",
            "Copies of training rows",
            "AUC real or synthetic",
            "Train on synthetic, test on real",
        ),
        tuple(rows),
    )
