"""Where the networks look: figures against randomised networks, and a gallery of patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from gliomics.explanation.attention.case_work import ALL_MODALITIES, MAPPED, NO_HEAT, OBSERVED
from gliomics.explanation.attention.cohort import NO_WEIGHT
from gliomics.reporting.figures.enrichment import REGION_NAMES, draw_enrichment
from gliomics.reporting.section import (
    Figure,
    Folded,
    Gallery,
    GalleryEntry,
    Items,
    Paragraph,
    Picture,
    Section,
    Table,
    figures_beside,
)

if TYPE_CHECKING:
    from gliomics.explanation.attention.results import GradCamResults
    from gliomics.reporting.run_results import RunResults
    from gliomics.reporting.section import Block

ANCHOR, TITLE = "attention", "Where the networks look"
NOT_THIS_ARM = "Surrogate, does not explain this arm"
NETWORKS = {"cnn3d": "3D CNN, trained in the fold", "medicalnet": "MedicalNet, frozen"}
SAMPLINGS = {"bounding_box": "tumour box", "patches": "patches"}
HOW_TO_READ = (
    "Heat is what raises the score towards the class that the arm calls, in a network that never saw the "
    "patient. Dotted: what the network was shown; outside it nothing is known. Blue: the tumour's contour. "
    "The colours run from 0 to the largest heat of each map, so that they do not compare between patients."
)
NO_SKILL = "The arm's interval includes 0.5: these maps explain a model with no demonstrated skill."
WHY_EMPTY = {
    NO_WEIGHT: "the head of this fold gives its columns no weight",
    NO_HEAT: "nothing in it speaks for the class that the arm calls",
}


def build(results: RunResults) -> Section | None:
    """Build the section.

    Parameters
    ----------
    results : RunResults
        ``grad_cam`` and the figures of the arm.

    Returns
    -------
    Section or None
        None when Grad-CAM was not run at all.
    """
    found = results.grad_cam
    if found is None:
        return None
    blocks: list[Block] = []
    if found.facts["reason"] is not None:
        blocks.append(Paragraph(f"No heatmaps: {found.facts['reason']}.", "note"))
        return Section(ANCHOR, TITLE, tuple(blocks))
    blocks += _cautions(found, results)
    if found.summary.empty:
        blocks.append(Paragraph("No network of this run has heatmaps.", "note"))
        return Section(ANCHOR, TITLE, tuple(blocks))
    blocks += [*_figures(found), Folded("Enrichment by region in figures", (_table(found),))]
    blocks.append(Paragraph(HOW_TO_READ, "note"))
    blocks += _gallery(found)
    return Section(ANCHOR, TITLE, tuple(blocks))


def _cautions(found: GradCamResults, results: RunResults) -> list[Block]:
    facts, blocks = found.facts, []
    if not facts["explains_the_arm"]:
        blocks.append(Paragraph(f"{NOT_THIS_ARM} ({_agreement(facts)}).", "warning"))
    elif facts["agreement"] is not None:
        blocks.append(
            Paragraph(f"Maps go through a logistic stand-in for the arm: {_agreement(facts)}.", "note")
        )
    auc = results.evaluated.get(facts["arm"], {}).get("auc") or {}
    if auc.get("low") is not None and auc["low"] <= 0.5 <= auc["high"]:
        blocks.append(Paragraph(NO_SKILL, "warning"))
    notes = tuple(
        (f"{network['network']}, {SAMPLINGS[network['sampling']]}", network["note"])
        for network in facts["networks"]
        if network["note"]
    )
    return [*blocks, Items(notes)] if notes else [*blocks]


def _agreement(facts: Any) -> str:
    return (
        f"Spearman correlation with its out-of-fold scores {facts['agreement']:.2f}, "
        f"{facts['min_agreement']:.2f} needed"
    )


def _figures(found: GradCamResults) -> tuple[Block, ...]:
    drawn = []
    for (network, sampling, modality), rows in _groups(found.summary):
        name = f"enrichment-{network}-{sampling}-{modality}"
        title = _title(network, sampling, modality)
        n = int(rows.loc[rows["control"] == OBSERVED, "n"].max())
        drawn.append(
            Figure(
                name,
                draw_enrichment(name, rows, found.facts["arm"]),
                f"{title}. Enrichment: share of the heat over share of the network's view, by region; 1 is "
                f"no preference. Median and quartiles of up to {n} patients with heat; grey: "
                f"{found.facts['randomisations']} draws a patient with the head, then the weights from the "
                f"top layer downwards, randomised. Margin shell: {found.facts['margin_mm']:g} mm around the "
                "tumour.",
                f"Enrichment of heat by region for {title}, with randomised networks.",
            )
        )
    return figures_beside(*drawn)


def _table(found: GradCamResults) -> Table:
    """Set the observed enrichment beside the deepest randomisation."""
    rows: list[tuple[str, ...]] = []
    for place, part in _groups(found.summary):
        deepest = list(dict.fromkeys(part["control"]))[-1]
        control = part[part["control"] == deepest].set_index("region")
        own = part[(part["control"] == OBSERVED) & (part["n"] > 0)]
        rows += [
            (
                _title(*place),
                REGION_NAMES[row["region"]].replace("\n", " "),
                str(row["n"]),
                _middle(row),
                *_against(control, str(row["region"]), deepest),
            )
            for row in own.to_dict(orient="records")
        ]
    caption = (
        "Enrichment over patients: median (quartiles), the same of the network with head and all weights "
        "random, and in how many of the patients with both the network's own is larger. Half is chance."
    )
    head = ("Network", "Region", "n", "Network", "All random", "Network larger")
    return Table(caption, head, tuple(rows))


def _against(control: pd.DataFrame, region: str, deepest: str) -> tuple[str, str]:
    if deepest == OBSERVED or region not in control.index or not control.loc[region, "n_paired"]:
        return "not computed", ""
    row = control.loc[region]
    share = f"{row['observed_above'] * row['n_paired']:.0f} of {row['n_paired']:.0f}"
    return _middle(row), share


def _middle(row: Any) -> str:
    return f"{row['median']:.2f} ({row['lower_quartile']:.2f} to {row['upper_quartile']:.2f})"


def _gallery(found: GradCamResults) -> list[Block]:
    drawn = found.maps[found.maps["file"].notna()]
    if drawn.empty:
        return [Paragraph("No heatmap was drawn (reporting.grad_cam.max_saved_patients).", "note")]
    mapped = sorted(found.maps["subject_id"].unique(), key=lambda s: (s not in set(drawn["subject_id"]), s))
    entries = [
        _entry(str(subject), found.maps[found.maps["subject_id"] == subject], found) for subject in mapped
    ]
    blocks: list[Block] = [Gallery("attention-patient", "Patient", tuple(entries))]
    failed = tuple((case["subject_id"], case["reason"]) for case in found.facts["failed"])
    return [*blocks, Items(failed)] if failed else blocks


def _entry(subject: str, rows: pd.DataFrame, found: GradCamResults) -> GalleryEntry:
    first = rows.iloc[0]
    text = (
        f"Out-of-fold score {first['y_score']:.2f} (threshold {first['threshold']:.2f}): the arm calls "
        f"{first['called']} survival. Outcome: {'long' if first['y_true'] == 1 else 'short'} survival. "
        f"Repeat {first['repeat']}, fold {first['fold']}."
    )
    empty = [
        f"{_title(row['network'], row['sampling'], row['modality'])}: no map, {WHY_EMPTY[row['status']]}."
        for row in rows.to_dict(orient="records")
        if row["status"] in WHY_EMPTY
    ]
    pictures = tuple(
        _picture(row, found)
        for row in rows.to_dict(orient="records")
        if row["status"] == MAPPED and f"{row['file']}.webp" in found.overlays
    )
    return GalleryEntry(
        f"{subject} ({first['called']}, {first['y_score']:.2f})", " ".join([text, *empty]), pictures
    )


def _picture(row: dict[Any, Any], found: GradCamResults) -> Picture:
    title = _title(row["network"], row["sampling"], row["modality"])
    if not found.facts["explains_the_arm"]:
        title = f"{NOT_THIS_ARM}: {title}"
    alone = "Only the head is out-of-fold. " if row["network"] == "medicalnet" else ""
    caption = (
        f"What speaks for {row['called']} survival. {alone}Against the average training patient the network "
        f"moves the log-odds of long survival by {row['log_odds']:+.2f}. {row['n_crops']} "
        f"{'crop' if row['n_crops'] == 1 else 'crops'}; a cell of the map is {row['cell_mm']:.0f} mm wide."
    )
    alt = f"Heatmap of {row['subject_id']}, {title}: axial, coronal and sagittal slice through the tumour."
    return Picture(title, found.overlays[f"{row['file']}.webp"], caption, alt)


def _groups(summary: pd.DataFrame) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    keys = ["network", "sampling", "modality"]
    return [(tuple(map(str, key)), part) for key, part in summary.groupby(keys, sort=False)]  # type: ignore[misc]


def _title(network: str, sampling: str, modality: Any) -> str:
    seen = "" if pd.isna(modality) or modality == ALL_MODALITIES else f", {modality}"
    return f"{NETWORKS.get(network, network)}, {SAMPLINGS[sampling]}{seen}"
