"""The report in a browser: no error, no request, a banner that stays, nothing cut off on a phone."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from gliomics.reporting.checklists.checklist import fill_checklists
from gliomics.reporting.page import write_report
from report_cases import EVIL, maps_of_three, small_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
PICKER = ".gallery select"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    run = replace(small_run(), grad_cam=maps_of_three())
    page = tmp_path_factory.mktemp("report") / "report.html"
    page.write_text(write_report(run.with_checklist(fill_checklists(run))).html, encoding="utf-8")
    return page.as_uri()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(params=[1280, 390], ids=["desktop", "phone"])
def opened(request, browser, address):
    page = browser.new_page(viewport={"width": request.param, "height": 800})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(address)
    yield page
    page.close()


def test_nothing_is_said_and_nothing_is_asked_for(opened, address):
    for summary in opened.query_selector_all("summary"):
        summary.click()
    opened.select_option(PICKER, index=2)
    opened.wait_for_load_state("networkidle")
    assert opened.said == []
    assert opened.asked == [address]


def test_the_picker_shows_one_patient_whose_id_is_text_and_no_markup(opened):
    assert EVIL in opened.locator(PICKER).locator("option").first.inner_text()
    for number in (2, 0):
        opened.select_option(PICKER, index=number)
        shown = opened.locator(".gallery-entry:visible")
        assert shown.count() == 1
        assert shown.get_attribute("data-entry") == str(number)


def test_the_banner_stays_in_sight(opened):
    opened.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    box = opened.query_selector(".banner").bounding_box()
    assert box["y"] == pytest.approx(0, abs=1)


def test_the_page_does_not_scroll_sideways(opened):
    width = opened.evaluate("document.documentElement.clientWidth")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_in_print_the_banner_heads_every_page_and_all_is_open(opened):
    opened.emulate_media(media="print")
    opened.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    style = "(({display: d, breakInside: b}) => [d, b])(getComputedStyle(document.querySelector('.banner')))"
    # Chromium repeats a table's head on every page only when it may not be broken.
    assert opened.evaluate(style) == ["table-header-group", "avoid"]
    assert opened.evaluate("[...document.querySelectorAll('details')].every((one) => one.open)")
