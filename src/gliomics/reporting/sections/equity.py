"""For whom the arms work, and whom they misjudge most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from gliomics.reporting.section import Block, Folded, Paragraph, Section, Table

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from gliomics.reporting.run_results import RunResults

NOTE = (
    "Groups are described, not tested against each other: no p-values. A group with too few patients of a "
    "class has counts only. Groups overlap and are small; a gap between two intervals that overlap shows "
    "nothing."
)


def build(run: RunResults) -> Section | None:
    """Build the section; None when nothing was evaluated or no group is known."""
    blocks: list[Block] = []
    arms = list(run.evaluated)
    if run.subgroups is not None and not run.subgroups.empty and arms:
        blocks += [Paragraph(NOTE, "note"), _groups(run, run.subgroups, arms)]
        expected = {"sex", "age", "site", "tumour size", "enhancing tumour"}
        unknown = expected - set(run.subgroups["grouping"])
        if unknown:
            blocks.append(Paragraph(f"Not known of this cohort: {', '.join(sorted(unknown))}.", "note"))
    if run.errors is not None and not run.errors.empty and run.lead_arm is not None:
        blocks.append(_errors(run, run.errors, run.lead_arm))
    return Section("equity", "Equity and worst errors", tuple(blocks)) if blocks else None


def _groups(run: RunResults, table: pd.DataFrame, arms: list[str]) -> Block:
    rows = []
    for (grouping, group), part in table.groupby(["grouping", "group"], sort=True):
        by_arm = {str(row["arm"]): row for row in part.to_dict(orient="records")}
        counts = part.iloc[0]
        cells = [_cell(by_arm[arm]) if arm in by_arm else "" for arm in arms]
        rows.append((f"{grouping}: {group}", f"{counts['n_long']:.0f} / {counts['n_short']:.0f}", *cells))
    n = run.facts["n"]
    shown = Table(
        f"AUC within folds by group, with interval over the patients of the group; n = {n}. A dash: fewer "
        "patients of a class than an AUC needs. Ages: up to, not including, the second number.",
        ("Group", "Long / short", *(run.arm_name(arm) for arm in arms)),
        tuple(rows),
    )
    return shown if len(rows) <= 24 else Folded(f"{len(rows)} groups", (shown,))


def _cell(row: Mapping[Hashable, Any]) -> str:
    if pd.isna(row["auc"]):
        return "-"
    return f"{row['auc']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def _errors(run: RunResults, errors: pd.DataFrame, arm: str) -> Table:
    part = errors[errors["arm"] == arm]
    known = None if run.cohort is None else run.cohort.set_index("subject_id")
    rows = []
    for row in part.to_dict(orient="records"):
        subject = str(row["subject_id"])
        facts = _facts(known, subject, grades=run.has_grades)
        true = run.task.long if row["y_true"] == 1 else run.task.short
        rows.append(
            (
                subject,
                _singular(true),
                f"{row['mean_score']:.2f}",
                f"{100 * row['wrong_share']:.0f} %",
                *facts,
            )
        )
    head = ("", "Truth", "Mean score", "Repeats decided wrongly")
    extra = () if known is None else ("Age, years", "Sex", *(["Grade"] if run.has_grades else []))
    return Table(
        f"{run.arm_name(arm)}: the {len(rows)} largest errors of n = {run.evaluated[arm]['n']}; the score is "
        f"the probability of label 1, mean over the repeats ({int(part['repeats'].max())}).",
        (run.task.cases[:-1].capitalize(), *head[1:], *extra),
        tuple(rows),
    )


def _facts(known: pd.DataFrame | None, subject: str, *, grades: bool) -> tuple[str, ...]:
    if known is None:
        return ()
    row = known.loc[subject]
    shown = {"age_years": "{:.0f}", "sex": "{}"} | ({"grade": "{}"} if grades else {})
    return tuple(
        "unknown" if pd.isna(row[column]) else form.format(row[column]) for column, form in shown.items()
    )


def _singular(words: str) -> str:
    return words.removesuffix("s") if words.endswith("survivors") else words
