"""The monitoring page in a browser: no error, no request, nothing cut off on a phone."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from gliomics.model_package.training_profile import profile_training
from gliomics.new_cases.monitoring.comparison import NewCases, compare
from gliomics.new_cases.monitoring.page import monitoring_page
from gliomics.new_cases.monitoring.settings import MonitoringSettings
from report_cases import EVIL

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
SETTINGS = MonitoringSettings(draws=20_000)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    rng = np.random.default_rng(1)
    stem = "flair__wt__log_sigma_2_mm_glszm_LargeAreaHighGrayLevelEmphasis"
    columns = (*(f"{stem}{n}" for n in range(20)), "region_present__et")
    values = np.c_[rng.normal(size=(40, 20)), np.ones(40)]
    profile = profile_training(columns, values, rng.random(40))
    new = np.c_[rng.normal(3, 1, size=(12, 20)), np.zeros(12)]
    outcomes = (*((f"C{n}", "processed", "") for n in range(12)), (EVIL, "failed", f"{EVIL} must not be"))
    cases = NewCases(columns, new, rng.random(12), frozenset(columns[:2]), (), outcomes)
    found = compare(profile, cases, SETTINGS, seed=1)
    page = tmp_path_factory.mktemp("monitoring") / "monitoring.html"
    card = {
        "arm": "radiomics",
        "probability": "24-month survival",
        "synthetic": True,
        "untrained": ["medicalnet"],
    }
    page.write_text(monitoring_page(found, card, SETTINGS, "gliomics-demo, version 1"), encoding="utf-8")
    return page.as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_without_an_error_or_a_request_and_does_not_scroll_sideways(address, width):
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        for summary in page.query_selector_all("summary"):
            summary.click()
        page.wait_for_load_state("networkidle")
        assert (said, asked) == ([], [address])
        inside = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert inside[0] <= inside[1]
        assert EVIL in page.locator("#quarantine").inner_text()
        assert "share outside the training range" in page.locator("#verdict").inner_text()
        browser.close()
