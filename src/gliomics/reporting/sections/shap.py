"""What drives the scores, arm by arm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gliomics.explanation.attribution.patient_attributions import patient_means
from gliomics.reporting.figures.shap_figures import beeswarm, dependence, share_bars
from gliomics.reporting.section import (
    Block,
    Figure,
    Folded,
    Heading,
    Items,
    Paragraph,
    Section,
    Table,
    figures_beside,
)

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.reporting.run_results import RunResults, ShapResults

INTRODUCTION = (
    "SHAP values of held-out patients: each model of a fold explains the patients that it did not see, "
    "against its own training patients, in log-odds. Before averaging, magnitudes are divided by the fit's "
    "total."
)
STABILITY_NOTE = (
    "Fits share most of their training patients: agreement between them does not show that other patients "
    "would give the same list. Attribution says what a model uses, not what causes the outcome."
)
GROUPS = (
    ("cluster", "Features that say much the same, together"),
    ("family", "Family"),
    ("region", "Region"),
    ("modality", "Modality"),
    ("block", "Block"),
)


def build(run: RunResults) -> Section | None:
    """Build the section; None when nothing was explained."""
    shap = run.shap
    arms = [arm for arm in run.evaluated if shap is not None and arm in shap.facts]
    if shap is None or not arms:
        return None
    lead = run.lead_arm if run.lead_arm in arms else arms[0]
    blocks: list[Block] = [Paragraph(INTRODUCTION), _overview(run, shap, arms)]
    blocks += [Heading(run.arm_name(str(lead))), *_arm(run, shap, str(lead))]
    for arm in arms:
        if arm != lead:
            blocks.append(Folded(run.arm_name(arm), _arm(run, shap, arm)))
    blocks.append(Paragraph(STABILITY_NOTE, "note"))
    return Section("shap", "What drives the scores", tuple(blocks))


def _overview(run: RunResults, shap: ShapResults, arms: list[str]) -> Table:
    rows = []
    for arm in arms:
        facts = shap.facts[arm]
        first = facts["first_in"][0] if facts["first_in"] else None
        rows.append(
            (
                run.arm_name(arm),
                str(facts["patients"]),
                str(facts["fits"]),
                _explainer(facts),
                str(facts["features_used"]),
                _number(facts["jaccard"]),
                _number(facts["kendall"]),
                "nothing"
                if first is None
                else f"{first['feature']}: first in {first['fits_first']} of {first['fits']}",
                facts["warning"] or "interval of the AUC above 0.5",
            )
        )
    top_k = shap.facts[arms[0]]["top_k"]
    return Table(
        f"Explained models. Overlap: mean Jaccard index of two fits' {top_k} largest features; agreement: "
        "mean Kendall tau-b of two fits' shares.",
        (
            "Arm",
            "n",
            "Fits",
            "Explainer",
            "Features used by any fit",
            "Overlap",
            "Agreement",
            "Most often first",
            "Skill",
        ),
        tuple(rows),
        text_columns=(7, 8),
    )


def _arm(run: RunResults, shap: ShapResults, arm: str) -> tuple[Block, ...]:
    facts = shap.facts[arm]
    summary = shap.summary[(shap.summary["arm"] == arm) & (shap.summary["mean_share"] > 0)]
    blocks: list[Block] = []
    if facts["warning"]:
        blocks.append(Paragraph(f"This {facts['warning']}: {_interval(facts)}.", "warning"))
    if summary.empty:
        return (*blocks, Paragraph("No model of this arm uses any feature: every score is the intercept."))
    caption = f"{run.arm_name(arm)}, n = {facts['patients']} {run.task.cases}, {facts['fits']} fits"
    features = summary[summary["level"] == "feature"]
    figures = [_bars(f"shap_{arm}_feature", features, arm, shap.shown, f"{caption}. Features")]
    figures += _points(shap, arm, features, caption)
    for level, title in GROUPS:
        rows = summary[summary["level"] == level]
        told = rows["name"].str.contains(r" \(\+\d+\)$").any() if level == "cluster" else len(rows) > 1
        if told:
            figures.append(_bars(f"shap_{arm}_{level}", rows, arm, shap.shown, f"{caption}. {title}"))
    return (*blocks, *figures_beside(*figures), *_stability(facts, features))


def _points(shap: ShapResults, arm: str, features: pd.DataFrame, caption: str) -> list[Figure]:
    """Draw what has a value of its own: dimensions of fold networks have none."""
    facts = shap.facts[arm]
    values = shap.contributions[shap.contributions["arm"] == arm]
    means = patient_means(values, shap.fits[shap.fits["arm"] == arm], facts["fold_networks"])
    own = means[means["value"].notna()]
    names = [str(name) for name in features["name"] if name in set(own["feature"])]
    if not names:
        return []
    swarm, curves = f"shap_{arm}_beeswarm", f"shap_{arm}_dependence"
    note = "open: imputed value" if own["imputed"].any() else "no value imputed"
    return [
        Figure(
            swarm,
            beeswarm(swarm, own, names[: shap.shown]),
            f"{caption}. One point a patient, mean over repeats; colour: rank of the value; {note}.",
            f"Beeswarm of the {min(len(names), shap.shown)} largest features of {arm}",
        ),
        Figure(
            curves,
            dependence(curves, own, names[: shap.dependence], arm),
            f"{caption}. Attribution against the feature's value, in the feature's unit; {note}.",
            f"Dependence of the largest features of {arm}",
        ),
    ]


def _bars(name: str, rows: pd.DataFrame, arm: str, shown: int, title: str) -> Figure:
    more = f" {len(rows) - shown} more are smaller." if len(rows) > shown else ""
    best = rows.iloc[0]
    return Figure(
        name,
        share_bars(name, rows, arm, shown),
        f"{title}: share of the magnitude of attribution.{more}",
        f"Bars; the largest is {best['name']} with {100 * best['mean_share']:.0f} %",
    )


def _stability(facts: dict[str, Any], features: pd.DataFrame) -> tuple[Block, ...]:
    firsts = tuple(
        (one["feature"], f"first in {one['fits_first']} of {one['fits']} fits") for one in facts["first_in"]
    )
    rows = tuple(
        (
            str(row["name"]),
            f"{100 * row['mean_share']:.1f} %",
            _percent(row["sd_fits"]),
            _percent(row["sd_repeats"]),
            f"{row['fits_used']} of {row['fits']}",
            f"{row['fits_in_top_k']} of {row['fits']}",
            _number(row["direction"]),
            _percent(row["imputed_share"]),
        )
        for _, row in features.head(20).iterrows()
    )
    head = (
        "Feature",
        "Share",
        "SD over fits",
        "SD over repeats",
        "Used in",
        f"In top {facts['top_k']}",
        "Direction (r of value and attribution)",
        "Imputed",
    )
    return (
        Folded("Every feature that is first in some fit", (Items(firsts),)),
        Folded("The largest features in figures", (Table("Over fits.", head, rows),)),
    )


def _explainer(facts: dict[str, Any]) -> str:
    counted = f", {facts['evaluations']} coalitions a patient" if facts["evaluations"] else ""
    return (
        f"{facts['explainer']}{counted}; background {facts['background'][0]} to "
        f"{facts['background'][1]} patients"
    )


def _interval(facts: dict[str, Any]) -> str:
    if facts["low"] is None:
        return "its AUC has no interval"
    return f"the interval of its AUC, {facts['low']:.2f} to {facts['high']:.2f}, includes 0.5 or lies below"


def _number(value: float | None) -> str:
    return "not known" if value is None or value != value else f"{value:.2f}"  # noqa: PLR0124  (NaN)


def _percent(value: float) -> str:
    return "not known" if value != value else f"{100 * value:.1f} %"  # noqa: PLR0124  (NaN)
