"""The page of a comparison: what is over its limit, then all that was compared, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.cohort.presence import region_of
from gliomics.reporting.figures.style import FAINT, GRID, INK, to_svg
from gliomics.reporting.page import render
from gliomics.reporting.section import Figure, Folded, Items, Paragraph, Section, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from gliomics.new_cases.monitoring.comparison import Alarm, ColumnFinding, Comparison, ScoreFinding
    from gliomics.new_cases.monitoring.settings import MonitoringSettings

SHOWN = 12
BEFORE, NOW = "#56B4E9", "#D55E00"
INDEX = (
    "sum over bins of (q - p) ln(q / p), with p the share of training patients and q that of new cases; bins "
    "lie between quantiles of the training patients, at most ten and of about five patients or more; one "
    "half is added to every count, so that an empty bin counts and is finite (Siddiqi 2006)."
)
CHANCE = (
    "probability of something at least as large although nothing has changed. For the index from draws: the "
    "population's shares between order statistics are Dirichlet distributed whatever the feature (Wilks "
    "1962), the counts of new cases multinomial. Its mean is about (bins - 1)(1/n + 1/m) (Yurdakul and "
    "Naranjo 2020): few cases give a large index without any change. Outside the range: beta-binomial "
    "(Wilks 1941). Missing: Fisher's exact test."
)
ALARM = (
    "an effect above its limit and a chance below its share of {:g}, divided among eight parts and inside "
    "each among its columns (Bonferroni): that is the probability of any false alarm, however features "
    "depend on each other."
)
NOT_SAID = "whether predictions are still right: that needs outcomes, which come years later."
LIMITS = {
    "psi": "population stability index",
    "outside_share": "share outside the training range",
    "missing_increase": "more missing than in training",
    "quarantined_share": "share quarantined",
}


def monitoring_page(
    comparison: Comparison, card: dict[str, Any], settings: MonitoringSettings, title: str
) -> str:
    """Render a comparison.

    Parameters
    ----------
    comparison : Comparison
        The findings.
    card : dict
        The model's.
    settings : MonitoringSettings
        Limits.
    title : str
        Model and version.

    Returns
    -------
    str
        HTML that needs no network and no other file; the same for the same findings.
    """
    found = [
        _verdict(comparison, settings),
        _features(comparison, settings),
        _missing(comparison),
        _quarantine(comparison),
        _score(comparison, str(card.get("probability") or card["outcome"])),
        _method(settings),
    ]
    banners = ["SYNTHETIC cohort: these figures say nothing about patients"] if card.get("synthetic") else []
    if card.get("untrained"):
        banners.append(f"UNTRAINED weights: {', '.join(card['untrained'])}")
    subtitle = (
        f"{comparison.cases} new cases beside the {comparison.training} patients that the "
        f"{card['arm']} arm was fitted on"
    )
    return render(title, subtitle, banners, [section for section in found if section is not None])


def summary(comparison: Comparison) -> str:
    """Say in one sentence what was found."""
    n, cases = len(comparison.alarms), comparison.cases
    over = f"{n or 'No'} {'limits are' if n > 1 else 'limit is'} exceeded"
    if not comparison.tested:
        said = f"Features and score were not tested: {cases} usable cases are too few."
        return f"{over} by the quarantine. {said}" if n else said
    return f"{over} by {cases} cases."


def _verdict(comparison: Comparison, settings: MonitoringSettings) -> Section:
    blocks: list[Any] = [Paragraph(summary(comparison), "lead")]
    if not comparison.tested:
        blocks.append(Paragraph(f"At least {settings.min_cases} usable cases are needed.", "warning"))
    if comparison.alarms:
        ordered = sorted(comparison.alarms, key=lambda a: (not a.used, a.probability, a.where))
        first = _alarm_table(ordered[:SHOWN], "Over a limit, first what the model uses")
        blocks.append(first)
        if len(ordered) > SHOWN:
            rest = _alarm_table(ordered[SHOWN:], "The others")
            blocks.append(Folded(f"{len(ordered) - SHOWN} more", (rest,)))
    if comparison.not_given:
        names = ", ".join(comparison.not_given)
        blocks.append(
            Paragraph(
                f"Not compared, since what came in does not tell it: {names}. Where the model uses one of "
                "these, its score is shown and raises no alarm.",
                "note",
            )
        )
    return Section("verdict", "Verdict", tuple(blocks))


def _alarm_table(alarms: list[Alarm], caption: str) -> Table:
    rows = tuple(
        (
            alarm.where,
            LIMITS[alarm.limit],
            f"{alarm.value:.2f}",
            f"{alarm.allowed:.2f}",
            _probability(alarm.probability),
            "yes" if alarm.used else "no",
        )
        for alarm in alarms
    )
    return Table(caption, ("where", "what", "value", "limit", "chance", "used"), rows)


def _features(comparison: Comparison, settings: MonitoringSettings) -> Section | None:
    compared = [found for found in comparison.columns if region_of(found.column) is None]
    if not compared:
        return None
    used = [found for found in compared if found.used]
    lead = (
        f"{len(used)} of {len(compared)} columns move the model's score; they are compared first, and as "
        "much of the probability of a false alarm is theirs as of all others."
    )
    shown = compared[:SHOWN]
    figure = Figure(
        "stability-index",
        to_svg("stability-index", 0.36 * len(shown) + 0.9, lambda canvas: _dots(canvas, shown, settings.psi)),
        f"Population stability index of {len(shown)} columns, used ones first, the largest first (dots); "
        "grey bars reach to what 95 % of samples of this size stay below without any change; dashed: the "
        f"limit, {settings.psi}. n = {comparison.cases} new cases, {comparison.training} training patients.",
        f"The largest index is {max(found.psi for found in shown):.2f}.",
    )
    head = ("column", "used", "n", "index", "expected", "95 %", "chance", "outside range", "chance")
    rows = tuple(_feature_row(found) for found in compared)
    top = Table(f"The first {min(SHOWN, len(rows))} columns", head, rows[:SHOWN])
    blocks: list[Any] = [Paragraph(lead), figure, top]
    if len(rows) > SHOWN:
        blocks.append(Folded(f"All {len(rows)} columns", (Table("All columns", head, rows),)))
    return Section("features", "Features", tuple(blocks))


def _feature_row(found: ColumnFinding) -> tuple[str, ...]:
    return (
        found.column,
        "yes" if found.used else "no",
        str(found.known),
        f"{found.psi:.2f}",
        f"{found.psi_expected:.2f}",
        f"{found.psi_everyday:.2f}",
        _probability(found.psi_probability),
        f"{found.outside_share:.0%}",
        _probability(found.outside_probability),
    )


def _dots(canvas: Canvas, found: list[ColumnFinding], limit: float) -> None:
    axes = canvas.subplots()
    for place, one in enumerate(found):
        axes.barh(-place, one.psi_everyday, height=0.3, color=GRID)
        axes.plot(one.psi, -place, "o", color=NOW if one.psi > limit else INK, markersize=5)
        weight = "bold" if one.used else "normal"
        axes.text(0, -place + 0.24, one.column, fontsize=6.5, weight=weight, va="bottom")
    axes.axvline(limit, color=FAINT, linewidth=1, linestyle=(0, (3, 3)))
    axes.set(xlabel="Population stability index (bold: used by the model)", xlim=(0, None))
    axes.set_ylim(-len(found) + 0.5, 0.9)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")


def _missing(comparison: Comparison) -> Section:
    regions = [found for found in comparison.columns if region_of(found.column) is not None]
    less = [f for f in comparison.columns if f.missing_share > 0 and f not in regions]
    less.sort(key=lambda f: (f.missing_probability, f.column))
    head = ("what", "new cases", "training", "chance")
    blocks: list[Any] = []
    if regions:
        rows = tuple(_missing_row(f, str(region_of(f.column)).upper()) for f in regions)
        blocks.append(Table("Cases in which a region is absent", head, rows))
    if less:
        blocks.append(
            Table(
                f"Columns without a value, the {min(SHOWN, len(less))} least probable of {len(less)}",
                head,
                tuple(_missing_row(f, f.column) for f in less[:SHOWN]),
            )
        )
    else:
        blocks.append(Paragraph("No compared column misses a value."))
    return Section("missing", "Missing values and regions", tuple(blocks))


def _missing_row(found: ColumnFinding, name: str) -> tuple[str, ...]:
    return (
        name,
        f"{found.missing_share:.0%}",
        f"{found.missing_share_training:.0%}",
        _probability(found.missing_probability),
    )


def _quarantine(comparison: Comparison) -> Section:
    if not comparison.reasons:
        return Section("quarantine", "Quarantine", (Paragraph("Every case passed the checks of ingestion."),))
    said = f"{comparison.quarantined} of {comparison.quarantined + comparison.cases} cases did not pass."
    return Section("quarantine", "Quarantine", (Paragraph(said), Items(comparison.reasons)))


def _score(comparison: Comparison, probability: str) -> Section | None:
    if not comparison.scores:
        return None
    head = ("reference", "index", "expected", "95 %", "chance")
    rows = tuple(
        (
            f"training patients, {s.reference}",
            f"{s.psi:.2f}",
            f"{s.psi_expected:.2f}",
            f"{s.psi_everyday:.2f}",
            _probability(s.probability),
        )
        for s in comparison.scores
    )
    first = comparison.scores[0]
    figure = Figure(
        "score",
        to_svg("score", 2.4, lambda canvas: _bars(canvas, first)),
        f"Share of cases in each bin of the predicted probability of {probability}; bins hold equal "
        f"shares of the training patients' scores {first.reference}. n = {sum(first.counts_new)} new cases, "
        f"{sum(first.counts_training)} training patients.",
        f"Index of the score {first.psi:.2f}.",
    )
    text = (
        "A model fits its own training patients more closely than new ones, so scores are held against those "
        "of cross-validation too; only scores that look like neither are an alarm."
    )
    return Section("score", "Predicted score", (Paragraph(text), figure, Table("The score", head, rows)))


def _bars(canvas: Canvas, found: ScoreFinding) -> None:
    axes = canvas.subplots()
    places = np.arange(len(found.counts_new))
    for shift, counts, colour, label in (
        (-0.2, found.counts_training, BEFORE, "training"),
        (0.2, found.counts_new, NOW, "new"),
    ):
        shares = np.asarray(counts) / max(1, sum(counts))
        axes.bar(places + shift, shares, width=0.38, color=colour, label=label)
    names = [f"to {edge:.2f}" for edge in found.edges] + [
        f"above {found.edges[-1]:.2f}" if found.edges else "all"
    ]
    axes.set_xticks(places, names, rotation=30 if len(names) > 5 else 0)
    axes.set(xlabel="Predicted probability", ylabel="Share of cases")
    axes.grid(visible=False, axis="x")
    axes.legend()


def _method(settings: MonitoringSettings) -> Section:
    alarm = ALARM.format(settings.false_alarm)
    items = (("Index", INDEX), ("Chance", CHANCE), ("Alarm", alarm), ("Not said", NOT_SAID))
    return Section("method", "How it is compared", (Items(items),))


def _probability(value: float) -> str:
    return f"{value:.2f}" if value >= 0.095 else f"{value:.1g}"
