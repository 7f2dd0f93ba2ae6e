"""One page, the same bytes for the same run, nothing of the data as markup, nothing from outside."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from gliomics.cohort.clinical_rules import FindingsLog
from gliomics.cohort.outcome import survival_task, table_task
from gliomics.cohort.settings import LabelSettings
from gliomics.evaluation.arms import ARMS
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.reporting.checklists.checklist import fill_checklists
from gliomics.reporting.figures.style import ARM_COLOURS
from gliomics.reporting.figures.synthesis import draw_acceptance
from gliomics.reporting.lineage_record import describe_run
from gliomics.reporting.methods_text import methods_markdown, methods_paragraphs
from gliomics.reporting.page import write_report
from gliomics.reporting.sections import stability
from report_cases import small_run

EVIL = '<script>alert("x")</script>'


class Page(HTMLParser):
    """Tags, ids and addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.ids, self.addresses = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in {"src", "href", "xlink:href", "action", "data"}:
                self.addresses.append(value)


@pytest.fixture(scope="module")
def written():
    run = small_run()
    return write_report(run.with_checklist(fill_checklists(run)))


def test_the_same_run_gives_the_same_bytes(written):
    run = small_run()
    again = write_report(run.with_checklist(fill_checklists(run)))
    assert again.html == written.html
    assert again.figures == written.figures


def test_the_page_is_one_file_that_asks_for_nothing(written):
    page = Page(written.html)
    assert all(address.startswith("#") for address in page.addresses)
    assert not {"link", "img", "iframe"} & set(page.tags)
    assert "@import" not in written.html
    assert not re.search(r"url\((?!#)", written.html)
    assert len(written.html) < 15e6


def test_ids_are_unique_though_figures_share_a_page(written):
    ids = Page(written.html).ids
    assert len(ids) == len(set(ids))


def test_sections_stand_in_their_order(written):
    anchors = re.findall(r'<section id="([\w-]+)"', written.html)
    expected = (
        "verdict patients arms discrimination usefulness survival controls audit failures equity methods "
        "checklists"
    )
    assert anchors == expected.split()
    assert re.findall(r'<a href="#([\w-]+)"', written.html) == anchors


def test_figures_say_of_how_many_and_carry_no_date(written):
    captions = re.findall(
        r'<figure class="drawing".*?<figcaption>(.*?)</figcaption>', written.html, re.DOTALL
    )
    assert len(captions) == len(written.figures) == 10
    assert all(re.search(r"\bn = \d+|\d+ subjects", caption) for caption in captions)
    for name, svg in written.figures.items():
        assert svg.startswith(b"<svg"), name
        assert b"<metadata>" not in svg


def test_every_arm_has_a_colour_of_its_own_everywhere(written):
    assert set(ARM_COLOURS) == set(ARMS)
    assert len(set(ARM_COLOURS.values())) == len(ARM_COLOURS)
    for name in ("roc.svg", "forest.svg", "calibration.svg", "permutation_control.svg"):
        svg = written.figures[name].decode().upper()
        assert ARM_COLOURS["clinical"] in svg
        assert ARM_COLOURS["radiomics"] in svg


def test_text_of_the_data_is_escaped():
    run = small_run()
    worst = run.errors.assign(subject_id=EVIL)
    cohort = run.cohort.copy()
    cohort.loc[0, "subject_id"] = EVIL
    outcomes = run.case_outcomes.replace({"TCGA-AB-9999": EVIL})
    run.metrics["title"] = EVIL
    html = write_report(replace(run, errors=worst, cohort=cohort, case_outcomes=outcomes)).html
    assert EVIL not in html
    assert html.count("&lt;script&gt;alert(") >= 3
    assert Page(html).tags.count("script") == 1  # our own, which opens what is folded before printing
    assert "<script>" not in methods_markdown(methods_paragraphs(run), run.metrics["title"])


def test_text_of_a_table_s_label_is_escaped_in_figures_and_is_no_formula():
    run = small_run()
    facts = run.metrics["populations"].pop("treated")
    run.metrics.update(cohort="table", groups=None, primary_population="all")
    run.metrics.update(cases_without_label=2, columns_that_are_no_numbers=[])
    del run.metrics["flow"]
    facts["arms"] = {"radiomics": facts["arms"]["radiomics"]}
    facts |= {"comparisons": {}}
    run.metrics["task"] = asdict(table_task(f"a $_{EVIL}", "1"))
    run.metrics["populations"]["all"] = facts
    html = write_report(replace(run, cohort=None, case_outcomes=None, subgroups=None)).html
    assert EVIL not in html
    assert "$_&lt;script&gt;" in html
    assert 'id="patients"' not in html


def test_a_synthetic_cohort_and_untrained_weights_carry_a_banner(written):
    assert "SYNTHETIC cohort" in written.html
    run = small_run()
    run.metrics["synthetic"] = False
    assert 'class="banner"' not in write_report(run).html
    run.facts["arms"]["radiomics"]["untrained"] = ["medicalnet"]
    html = write_report(run).html
    assert "UNTRAINED weights: medicalnet" in html
    assert "Radiomics †" in html
    assert "SYNTHETIC cohort" not in html


def test_a_refused_evaluation_still_has_a_report():
    run = small_run()
    run.metrics["populations"]["treated"] = {
        "status": "refused",
        "reason": "one class is empty",
        "arms": {},
        "outcome": "o",
        "n": 3,
        "n_long": 3,
        "n_short": 0,
        "n_eligible": 3,
        "n_censored": 0,
        "n_folds": 5,
        "repeats": 2,
    }
    html = write_report(replace(run, predictions=run.predictions.iloc[:0], subgroups=None, errors=None)).html
    assert "Nothing could be evaluated: one class is empty." in html
    assert 'id="arms"' not in html


def test_the_methods_say_where_the_726_features_come_from_and_what_is_untrained():
    run = small_run()
    run.metrics["feature_source"] = "extracted"
    run.facts["arms"]["radiomics"]["untrained"] = ["medicalnet"]
    settings = {
        "feature_engineering.radiomics": RadiomicsSettings(bin_width=6.0),
        "feature_engineering.stability": StabilitySettings(),
        "ingestion.images": {"required_modalities": ["t1"], "allowed_labels": [0, 1]},
    }
    run = replace(run, lineage=describe_run(settings, {}, cohort_name="small", seed=1))
    text = methods_markdown(methods_paragraphs(run), "t")
    assert "reconstruction that matches the number" in text
    assert "726 columns, ID and date included" in text
    assert "bin width 6" in text
    assert "medicalnet are UNTRAINED" in text
    assert fill_checklists(run).query("checklist == 'CLEAR' and item == '23'")["answer"].item() == "yes"


def test_stability_without_an_icc_says_that_it_is_one_patient():
    table = pd.DataFrame(
        {
            "feature": ["mask__et__shape_Flatness", "t1__wt__glcm_Idm"],
            "icc": np.nan,
            "icc_lower": np.nan,
            "subjects": 1,
            "segmentations": 4,
            "cv": [0.1, 0.2],
            "cv_patients": 1,
        }
    )
    section = stability.build(replace(small_run(), stability=table))
    assert "one patient, not an ICC" in section.figures()[0].caption
    assert stability.build(replace(small_run(), stability=table.assign(cv=np.nan))) is None


def test_synthetic_rows_are_drawn_only_where_they_could_be_judged():
    columns = {
        "label": [0, 1],
        "n_held_out": [20, 25],
        "auc": [0.6, 0.7],
        "auc_low": [0.4, 0.6],
        "ks": [0.1, 0.2],
        "auc_high": [0.7, 0.9],
        "ks_reference": [0.1, 0.1],
    }
    judged = pd.DataFrame(columns).assign(status="assessed")
    assert "n = 20 to 25" in draw_acceptance(replace(small_run(), acceptance=judged)).caption
    assert draw_acceptance(replace(small_run(), acceptance=judged.assign(status="not assessable"))) is None


def test_every_word_follows_the_cut_off():
    run = small_run()
    assert "24-month" in write_report(run).html
    run.metrics["task"] = asdict(task := survival_task(LabelSettings(cutoff_days=365.25)))
    run.metrics["label"]["cutoff_days"] = 365.25
    run.facts.update(outcome=task.outcome, positive_class=task.positive_class)
    pages = write_report(run).html + methods_markdown(methods_paragraphs(run), "small")
    assert "12-month survival" in pages
    assert not re.search(r"24[- ]months?", pages)


def test_a_report_says_nothing_of_grades_where_nobody_has_one():
    run = small_run()
    said = re.compile(r"\bgrades?\b", re.IGNORECASE)
    assert said.search(_text(run))
    run.facts["arms"]["clinical"]["columns_left_out"] = ["grade"]
    groups = run.subgroups[run.subgroups["grouping"] != "grade"]
    without = replace(run, cohort=run.cohort.assign(grade=pd.NA), subgroups=groups)
    assert not said.search(_text(without))


def _text(run) -> str:
    """What a reader of the report and of the methods sees; the checklists quote the guidelines' own items."""
    run = run.with_checklist(fill_checklists(run))
    html = write_report(replace(run, checklist=None)).html
    html = re.sub(r"<(style|svg|script).*?</\1>", " ", html, flags=re.DOTALL)
    answers = " ".join(run.checklist["evidence"].astype(str))
    return re.sub(r"<[^>]+>", " ", html) + methods_markdown(methods_paragraphs(run), "small") + answers


def test_idh_wildtype_tumours_are_spoken_of_in_a_cohort_of_lower_grade_glioma_only():
    run = small_run()
    run.facts["arms"]["clinical_molecular"] = {"status": "skipped", "reason": "no marker is known"}
    assert "IDH-wildtype" in _text(run)
    run.metrics["disease"] = None
    assert "No molecular arm: no marker is known." in _text(run)
    assert "IDH-wildtype" not in _text(run)
    run.metrics["disease"] = "glioma"
    assert "IDH-wildtype" not in _text(replace(run, cohort=run.cohort.assign(grade=4)))


def test_a_rule_that_took_a_label_away_is_a_warning_in_the_verdict():
    log = FindingsLog()
    log.add("gdc", "survival_beyond_40_years", ["P1", "P2"])
    log.add("gdc", "id_respelled", ["P3"])
    html = write_report(replace(small_run(), clinical_findings=log.table())).html
    verdict = html[html.index('id="verdict"') : html.index("</section>", html.index('id="verdict"'))]
    assert (
        '<p class="warning">Records of gdc, patients: 2. A date of death or follow-up more than 40' in verdict
    )
    assert "patient's id" not in verdict
    assert "P1" not in verdict
    assert 'class="warning">Records' not in write_report(small_run()).html
