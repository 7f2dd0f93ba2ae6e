"""What the report says about where networks look, and what it does not claim."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from jinja2 import Environment, PackageLoader

from gliomics.explanation.attention.cohort import HEAD_ONLY, UNTRAINED_REASON
from gliomics.explanation.attention.summary import SUMMARY_COLUMNS, summarise_enrichment
from gliomics.reporting.figures.enrichment import draw_enrichment
from gliomics.reporting.run_results import RunResults
from gliomics.reporting.section import Gallery, Items, Paragraph
from gliomics.reporting.sections import attention
from report_cases import map_enrichment, maps_of_three


def results(**facts) -> RunResults:
    arm = {"status": "evaluated", "auc": {"value": 0.6, "low": 0.3, "high": 0.8}}
    metrics = {"primary_population": "treated", "populations": {"treated": {"arms": {"deep": arm}}}}
    return RunResults(metrics, pd.DataFrame(), grad_cam=maps_of_three(**facts))


def texts(section, kind) -> str:
    return " ".join(str(block) for block in section.blocks if isinstance(block, kind))


def gallery(section) -> Gallery:
    return next(block for block in section.blocks if isinstance(block, Gallery))


def test_an_untrained_network_is_named_with_the_reason_and_no_skill_is_said():
    section = attention.build(results())
    assert UNTRAINED_REASON in texts(section, Items)
    assert attention.NO_SKILL in texts(section, Paragraph)
    assert "medicalnet" not in "".join(figure.name for figure in section.figures())


def test_every_patient_can_be_picked_and_those_without_a_map_say_why():
    entries = gallery(attention.build(results())).entries
    assert [len(entry.pictures) for entry in entries] == [1, 0, 0]  # those with pictures first
    assert "Out-of-fold score 0.80" in entries[0].text and "Outcome: long survival" in entries[0].text
    assert "gives its columns no weight" in entries[1].text
    assert "nothing in it speaks for the class" in entries[2].text and "Outcome: short" in entries[2].text


def test_a_surrogate_below_the_limit_is_titled_so_on_every_map():
    below = attention.build(results(agreement=0.55, explains_the_arm=False))
    assert "Surrogate, does not explain this arm" in texts(below, Paragraph)
    assert gallery(below).entries[0].pictures[0].title.startswith("Surrogate, does not explain this arm")
    above = attention.build(results(agreement=0.9))
    assert "stand-in" in texts(above, Paragraph) and "0.90" in texts(above, Paragraph)
    assert not gallery(above).entries[0].pictures[0].title.startswith("Surrogate")


def test_a_frozen_network_says_that_only_its_head_is_out_of_fold():
    frozen = {
        "network": "medicalnet",
        "sampling": "patches",
        "weights": "0123",
        "explained": True,
        "note": HEAD_ONLY,
    }
    assert HEAD_ONLY in texts(attention.build(results(networks=[frozen])), Items)


def test_without_maps_the_section_gives_the_reason_and_without_a_run_there_is_none():
    run = results(reason="no patient has vectors of a network")
    assert "no patient has vectors of a network" in texts(attention.build(run), Paragraph)
    assert attention.build(replace(run, grad_cam=None)) is None
    found = results().grad_cam
    empty = replace(found, maps=found.maps.iloc[:0], summary=pd.DataFrame(columns=list(SUMMARY_COLUMNS)))
    section = attention.build(replace(results(), grad_cam=empty))
    assert "No network of this run" in texts(section, Paragraph)


def test_the_gallery_escapes_names_and_needs_no_network():
    environment = Environment(loader=PackageLoader("gliomics.reporting", "templates"), autoescape=True)
    block = gallery(attention.build(results()))
    html = environment.get_template("blocks/gallery.html").render(block=block)
    assert "alert(1)</script>" not in html and "&lt;script&gt;" in html
    assert html.count("<option") == 3 and html.count("data:image/webp;base64,UklGRg==") == 1
    assert "http" not in html


def test_the_figure_is_the_same_for_the_same_figures_and_counts_patients():
    summary = summarise_enrichment(map_enrichment())
    assert draw_enrichment("a", summary, "deep") == draw_enrichment("a", summary, "deep")
    assert "n = 3" in draw_enrichment("a", summary, "deep")


def test_the_summary_by_hand():
    table = map_enrichment()
    summary = summarise_enrichment(table).set_index(["control", "region"])
    et = table[table["region"] == "et"].groupby(["control", "subject_id"])["enrichment"].mean()
    own, random = et["none"], et["conv1"]
    assert summary.loc[("none", "et"), "median"] == pytest.approx(own.median())
    assert summary.loc[("conv1", "et"), "median"] == pytest.approx(random.median())
    assert summary.loc[("conv1", "et"), "observed_above"] == pytest.approx((own > random).mean())
    assert summary.loc[("conv1", "et"), "n_paired"] == 3
    assert summary.loc[("conv1", "et"), "median_map_correlation"] == pytest.approx(0.05)
