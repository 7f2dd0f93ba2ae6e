"""One patient's page: the score that others' models gave, why, and how usual the values are."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.errors import SettingsError
from gliomics.explanation.attribution.patient_attributions import patient_means, patient_scores, value_text
from gliomics.reporting.figures.shap_figures import waterfall
from gliomics.reporting.page import banners, render
from gliomics.reporting.section import (
    Block,
    Figure,
    Items,
    Paragraph,
    Section,
    Table,
    figures_beside,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gliomics.explanation.attribution.shap_values import ExplainedDesign
    from gliomics.reporting.run_results import RunResults, ShapResults

NOT_A_DECISION = (
    "Scores come from models that never saw this patient. The page explains a model; it is no basis for "
    "treating anybody."
)
MEDIA = {".webp": "image/webp", ".png": "image/png", ".jpg": "image/jpeg"}


@dataclass(frozen=True)
class PatientSources:
    """What a page is written from besides the run's results.

    Attributes
    ----------
    designs : mapping of str to ExplainedDesign
        The explained arms with the predictors of every scored patient.
    overlays : mapping of str to bytes or None
        Pictures of heatmaps, ``SUBJECT/<map>.webp``; None when the run made none.
    maps : DataFrame or None
        One row a map, those that could not be made included: ``subject_id``, ``network``, ``sampling``,
        ``modality``, ``status``, ``file``.
    """

    designs: Mapping[str, ExplainedDesign]
    overlays: Mapping[str, bytes] | None = None
    maps: pd.DataFrame | None = None


def find_subject(subject: str, run: RunResults) -> str:
    """Find a subject among the cohort and the cases that a stage knows.

    Parameters
    ----------
    subject : str
        As it was typed; capitals do not matter.
    run : RunResults
        With the cohort.

    Returns
    -------
    str
        The id as the cohort spells it.

    Raises
    ------
    SettingsError
        If there is none; names close ones.
    """
    known = set() if run.cohort is None else set(run.cohort["subject_id"].map(str))
    if run.case_outcomes is not None:
        known |= set(run.case_outcomes["subject_id"].map(str))
    by_capitals = {name.upper(): name for name in sorted(known)}
    if subject.strip().upper() in by_capitals:
        return by_capitals[subject.strip().upper()]
    close = [by_capitals[name] for name in get_close_matches(subject.strip().upper(), by_capitals, n=3)]
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    raise SettingsError(
        where="SUBJECT",
        expected=f"must be one of the {len(known)} subjects of cohort {run.metrics['cohort']}",
        got=repr(subject),
        fix=f"{hint}data/02_intermediate/<cohort>/cohort.parquet lists them.",
    )


def write_patient_page(
    run: RunResults, subject: str, sources: PatientSources, arms: Sequence[str] | None = None
) -> str:
    """Write one patient's page.

    Parameters
    ----------
    run : RunResults
        With `shap`, the cohort and the outcomes of cases.
    subject : str
        As the cohort spells it (`find_subject`).
    sources : PatientSources
        Predictors and pictures.
    arms : sequence of str, optional
        Which arms are explained; all that scored the patient when left out.

    Returns
    -------
    str
        A page that needs no network and no other file; ids and values are escaped.

    Raises
    ------
    SettingsError
        If an arm was not explained.
    """
    shap = run.shap
    explained = [] if shap is None else [arm for arm in run.evaluated if arm in shap.facts]
    unknown = [arm for arm in arms or () if arm not in explained]
    if unknown:
        raise SettingsError(
            where="--arm",
            expected=f"must be an explained arm: {', '.join(explained) or '(none)'}",
            got=repr(unknown[0]),
            fix="Choose one of these, or run modelling and reporting with this arm.",
        )
    scored = [] if shap is None else [arm for arm in arms or explained if _scored(shap, arm, subject)]
    sections = [_known(run, subject)]
    if shap is not None and scored:
        sections.insert(0, _scores(run, shap, subject, scored))
        sections += [_arm(run, shap, arm, subject, sources.designs.get(arm)) for arm in scored]
    else:
        sections.insert(0, _no_score(run, subject))
    sections.append(_heatmaps(subject, sources))
    return render(subject, f"{run.metrics['title']}: {run.facts['outcome']}", banners(run), sections)


def _scored(shap: ShapResults, arm: str, subject: str) -> bool:
    return bool(((shap.fits["arm"] == arm) & (shap.fits["subject_id"] == subject)).any())


def _scores(run: RunResults, shap: ShapResults, subject: str, arms: Sequence[str]) -> Section:
    rows = []
    for arm in arms:
        one = patient_scores(shap.fits[shap.fits["arm"] == arm]).loc[subject]
        warning = shap.facts[arm]["warning"]
        rows.append(
            (
                run.arm_name(arm),
                f"{one['y_score']:.2f}",
                f"{one['score_low']:.2f} to {one['score_high']:.2f}",
                _decision(run, float(one["called_long"]), int(one["repeats"])),
                warning or "interval of the AUC above 0.5",
            )
        )
    label = int(shap.fits.loc[shap.fits["subject_id"] == subject, "y_true"].iloc[0])
    table = Table(
        "Out-of-fold probability of long survival, mean over repeats; each repeat has its own "
        "model and threshold.",
        ("Arm", "Score", "Range over repeats", "Decision", "Skill"),
        tuple(rows),
        text_columns=(3, 4),
    )
    observed = f"Observed: belongs to the {run.task.long if label else run.task.short}."
    return Section("score", "Score", (table, Paragraph(observed), Paragraph(NOT_A_DECISION, "note")))


def _decision(run: RunResults, called_long: float, repeats: int) -> str:
    word, share = (run.task.long, called_long) if called_long >= 0.5 else (run.task.short, 1.0 - called_long)
    return f"among the {word} in {round(share * repeats)} of {repeats} repeats"


def _arm(
    run: RunResults, shap: ShapResults, arm: str, subject: str, design: ExplainedDesign | None
) -> Section:
    facts = shap.facts[arm]
    own = shap.fits["arm"] == arm
    means = patient_means(
        shap.contributions[shap.contributions["arm"] == arm], shap.fits[own], facts["fold_networks"]
    )
    rows = means[(means["subject_id"] == subject) & (means["shap"] != 0.0)]
    blocks: list[Block] = []
    if facts["warning"]:
        blocks.append(Paragraph(f"This {facts['warning']}.", "warning"))
    if rows.empty:
        return Section(
            f"arm-{arm}", run.arm_name(arm), (*blocks, Paragraph("No feature has a share in this score."))
        )
    base = float(patient_scores(shap.fits[own])["base"][subject])
    name = f"waterfall_{arm}"
    figure = Figure(
        name,
        waterfall(name, base, rows, shap.shown),
        f"How the log-odds come about, mean over {facts['repeats']} repeats (n = 1); blue "
        "raises, orange lowers.",
        f"Waterfall of {len(rows)} features",
    )
    largest = rows.assign(size=rows["shap"].abs()).sort_values("size", ascending=False).head(shap.shown)
    blocks += figures_beside(figure)
    blocks.append(_values(largest, subject, design))
    return Section(f"arm-{arm}", run.arm_name(arm), tuple(blocks))


def _values(rows: pd.DataFrame, subject: str, design: ExplainedDesign | None) -> Table:
    """Set each value against those of the other scored patients."""
    cells = []
    others = None if design is None else _others(design, subject)
    for _, row in rows.iterrows():
        place, mark = _place(row, None if others is None else others.get(str(row["feature"])))
        if row["imputed"]:
            mark = "imputed: the patient has no value"
        value = value_text(str(row["feature"]), float(row["value"]))
        cells.append((str(row["feature"]), value, place, mark, f"{row['shap']:+.3f}"))
    n = "" if others is None else f" of {len(next(iter(others.values()), ()))} other scored patients"
    return Table(
        f"The features with the largest share, and where the value stands among those{n}.",
        ("Feature", "Value", "Percentile", "Remark", "SHAP (log-odds)"),
        tuple(cells),
        text_columns=(3,),
    )


def _others(
    design: ExplainedDesign, subject: str
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    sample = design.design.sample
    rest = sample.X[sample.ids != subject]
    return {column: rest[:, number] for number, column in enumerate(design.columns[: rest.shape[1]])}


def _place(
    row: pd.Series, others: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None
) -> tuple[str, str]:
    """Percentile among the others, and whether the value lies outside their range."""
    known = np.array([]) if others is None else others[np.isfinite(others)]
    if pd.isna(row["value"]) or not len(known):
        return "", "sum over the dimensions of the networks of its folds" if pd.isna(row["value"]) else ""
    value = float(row["value"])
    below = (known < value).mean() + 0.5 * (known == value).mean()
    outside = value < known.min() or value > known.max()
    return (
        f"{100 * below:.0f}",
        f"outside the range of the others, {known.min():.4g} to {known.max():.4g}" if outside else "",
    )


def _known(run: RunResults, subject: str) -> Section:
    """List what the cohort and the stages say of a subject."""
    items: list[tuple[str, str]] = []
    if run.cohort is not None:
        for _, row in run.cohort[run.cohort["subject_id"] == subject].iterrows():
            items += [
                (str(name).replace("_", " "), _plain(value)) for name, value in row.items() if pd.notna(value)
            ]
    if run.case_outcomes is not None:
        for _, row in run.case_outcomes[run.case_outcomes["subject_id"] == subject].iterrows():
            reason = f": {row['reason']}" if pd.notna(row["reason"]) and row["reason"] else ""
            items.append((str(row["stage"]).replace("_", " "), f"{row['status']}{reason}"))
    return Section("known", "What is known", (Items(tuple(items)),))


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _no_score(run: RunResults, subject: str) -> Section:
    return Section("score", "No score", (Paragraph(_reason(run, subject), "lead"),))


def _reason(run: RunResults, subject: str) -> str:
    """Say why nobody scored a subject."""
    rows = run.cohort[run.cohort["subject_id"] == subject] if run.cohort is not None else pd.DataFrame()
    if rows.empty:
        return "The subject has scans or records that a stage saw, but is not in the table of the cohort."
    row = rows.iloc[0]
    if pd.notna(row["exclusion_reason"]):
        return f"Excluded from the cohort: {row['exclusion_reason']}."
    if pd.isna(row["benefit"]):
        return (
            "Censored before the cut-off: the outcome is not known, so that no model was "
            "trained on or scored it."
        )
    if run.primary == "treated" and not (pd.notna(row["chemotherapy"]) and bool(row["chemotherapy"])):
        return (
            "Not known to have had chemotherapy: the primary analysis, which is what is "
            "explained, is of the treated."
        )
    if run.case_outcomes is not None:
        failed = run.case_outcomes[
            (run.case_outcomes["subject_id"] == subject) & (run.case_outcomes["status"] == "failed")
        ]
        if len(failed):
            return f"Quarantined by {failed.iloc[0]['stage']}: {failed.iloc[0]['reason']}"
    return "No explained arm has a row of features for this subject."


def _heatmaps(subject: str, sources: PatientSources) -> Section:
    if sources.overlays is None:
        return Section(
            "heatmaps", "Where the networks look", (Paragraph("The run made no heatmaps.", "note"),)
        )
    own = {name: data for name, data in sources.overlays.items() if name.startswith(f"{subject}/")}
    if not own:
        return Section(
            "heatmaps", "Where the networks look", (Paragraph(_no_map(subject, sources.maps), "note"),)
        )
    pictures = [
        Figure(f"heatmap_{number}", _picture(name, data), _title(name), _title(name))
        for number, (name, data) in enumerate(sorted(own.items()))
    ]
    return Section("heatmaps", "Where the networks look", figures_beside(*pictures))


def _no_map(subject: str, maps: pd.DataFrame | None) -> str:
    rows = pd.DataFrame() if maps is None else maps[maps["subject_id"] == subject]
    if rows.empty:
        return "There is no heatmap of this patient: no network scored them."
    status = ", ".join(f"{row['network']} {row['sampling']}: {row['status']}" for _, row in rows.iterrows())
    return f"There is no heatmap of this patient ({status.replace('_', ' ')})."


def _title(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0].replace("__", ", ").replace("_", " ")


def _picture(name: str, data: bytes) -> str:
    kind = MEDIA.get("." + name.rpartition(".")[2], "image/png")
    return f'<img src="data:{kind};base64,{b64encode(data).decode()}" alt="" style="max-width:100%">'
