"""One patient's page."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from gliomics.errors import SettingsError
from gliomics.explanation.attribution.shap_settings import ShapSettings
from gliomics.explanation.attribution.shap_summary import NO_SKILL, summarise_shap
from gliomics.reporting.figures.shap_figures import waterfall_steps
from gliomics.reporting.patient_page import PatientSources, find_subject, write_patient_page
from gliomics.reporting.run_results import RunResults, ShapResults
from gliomics.reporting.sections import shap as shap_section
from tasks import TASK

HOSTILE = "<img src=x onerror=alert(1)>"


def results(
    explained, *, rename=None, outcomes=None, low=0.3, only=("clinical", "radiomics", "fusion")
) -> RunResults:
    explained = replace(explained, arms={arm: explained.arms[arm] for arm in only})
    figures = {
        arm: {"status": "evaluated", "auc": {"value": 0.6, "low": low, "high": 0.8}} for arm in explained.arms
    }
    summary, facts = summarise_shap(explained.shap, explained.arms, figures, ShapSettings())
    change = {} if rename is None else {rename: HOSTILE}
    tables = [t.replace({"subject_id": change}) for t in (explained.shap.contributions, explained.shap.fits)]
    metrics = {
        "cohort": "generated",
        "title": "A cohort",
        "synthetic": True,
        "task": asdict(TASK),
        "primary_population": "treated",
        "populations": {"treated": {"arms": figures, "outcome": "24-month survival"}},
    }
    return RunResults(
        metrics=metrics,
        predictions=explained.predictions,
        cohort=explained.cohort.replace({"subject_id": change}),
        case_outcomes=outcomes,
        shap=ShapResults(*tables, summary, facts, 5, 2),
    )


def page(explained, subject, arms=("clinical",), **given):
    return write_patient_page(results(explained, **given), subject, PatientSources(explained.arms), arms)


def test_a_scored_patients_page_says_score_reasons_and_how_usual_the_values_are(explained):
    subject = explained.shap.fits["subject_id"].iloc[0]
    html = page(explained, subject)
    mean = explained.shap.fits.query("arm == 'clinical' and subject_id == @subject")["y_score"].mean()
    assert f"{mean:.2f}" in html and "SYNTHETIC" in html and NO_SKILL in html
    assert "Waterfall" in html and "Percentile" in html and "The run made no heatmaps" in html
    assert page(explained, subject) == html
    assert NO_SKILL not in page(explained, subject, low=0.6)


def test_marks_of_imputed_values_and_of_values_outside_the_others_range(explained):
    grade = explained.shap.contributions.query("feature == 'grade' and imputed")["subject_id"].iloc[0]
    assert "imputed: the patient has no value" in page(explained, grade)
    oldest = explained.arms["clinical"].design.sample
    subject = oldest.ids[np.argmax(oldest.X[:, 0])]
    assert "outside the range of the others" in page(explained, subject)


def test_an_id_with_html_in_it_is_escaped(explained):
    html = page(explained, HOSTILE, rename=explained.shap.fits["subject_id"].iloc[0])
    assert "<img src=x" not in html and "&lt;img src=x" in html


def test_subjects_without_a_score_are_told_why(explained):
    people = explained.cohort
    censored = people.loc[people["benefit"].isna(), "subject_id"].iloc[0]
    assert "Censored before the cut-off" in page(explained, censored)
    outcomes = pd.DataFrame(
        [("TCGA-XX-9999", "ingestion", "failed", "empty", "no <tumour>")],
        columns=["subject_id", "stage", "status", "code", "reason"],
    )
    html = page(explained, "TCGA-XX-9999", outcomes=outcomes)
    assert "not in the table of the cohort" in html and "failed: no &lt;tumour&gt;" in html


def test_an_unknown_subject_and_an_unknown_arm_are_refused_by_name(explained):
    run = results(explained)
    assert find_subject(" tcga-xx-0003", run) == "TCGA-XX-0003"
    with pytest.raises(
        SettingsError, match=r"one of the 40 subjects of cohort generated.*Did you mean TCGA-XX-00"
    ):
        find_subject("TCGA-XX-004O", run)
    with pytest.raises(SettingsError, match="--arm: must be an explained arm: clinical, radiomics, fusion"):
        write_patient_page(run, "TCGA-XX-0003", PatientSources(explained.arms), ["deep"])


def test_pictures_of_heatmaps_are_the_patients_own(explained):
    subject, other = sorted(explained.shap.fits["subject_id"].unique())[:2]
    overlays = {
        f"{subject}/cnn3d__patches__all.webp": b"mine",
        f"{other}/cnn3d__patches__all.webp": b"theirs",
    }
    html = write_patient_page(results(explained), subject, PatientSources(explained.arms, overlays))
    assert (
        "data:image/webp;base64,bWluZQ==" in html and "dGhlaXJz" not in html and "cnn3d, patches, all" in html
    )


def test_the_steps_of_a_waterfall_end_at_the_same_log_odds_however_many_are_shown():
    rows = pd.DataFrame(
        {
            "feature": list("abcd"),
            "value": 1.0,
            "imputed": [True, False, False, False],
            "shap": [0.1, -2.0, 0.5, 0.2],
        }
    )
    steps = waterfall_steps(rows, 2)
    assert list(steps["label"]) == ["b = 1", "c = 1", "2 others"] and steps["shap"].sum() == pytest.approx(
        -1.2
    )
    assert "(imputed)" in waterfall_steps(rows, 4)["label"].iloc[3]


def test_the_section_warns_where_there_is_no_skill_and_draws_the_same_bytes_twice(explained):
    run = results(explained, only=("fusion",))
    section = shap_section.build(run)
    texts = [block.text for block in section.blocks if block.kind == "paragraph"]
    assert any(NO_SKILL in text for text in texts)
    names = [figure.name for figure in section.figures()]
    assert {
        "shap_fusion_feature",
        "shap_fusion_beeswarm",
        "shap_fusion_block",
        "shap_fusion_dependence",
    } <= set(names)
    assert len(set(names)) == len(names)
    assert [f.svg for f in section.figures()] == [f.svg for f in shap_section.build(run).figures()]
