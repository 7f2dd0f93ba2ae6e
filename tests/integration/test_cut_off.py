"""A model of another cut-off: nothing that its run and its registration write says 24 months."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest

from integration.conftest import Project, copy_project

pytestmark = pytest.mark.slow
CUT_OFF = "cohorts.rehearsal.label.cutoff_days=365.25"
WRONG = re.compile(rb"24[- _]?months?|2[- ]years?|730\.5", re.IGNORECASE)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A run of the rehearsal cohort with a cut-off of a year, and what it printed."""
    project = copy_project(tmp_path_factory.mktemp("year") / "project")
    project.gliomics("demo", "--cohort", "rehearsal", "--patients", "100")
    return project, project.kedro_run("--env", "test", "--params", f"cohort=rehearsal,{CUT_OFF}")


def written(project: Project) -> list[Path]:
    """Every text that the run wrote; the store is read by itself, gliomics' own code beside the model not."""
    return [
        file
        for place in ("data/test", "mlruns")
        for file in (project.folder / place).rglob("*")
        if file.is_file() and file.suffix not in {".db", ".png", ".parquet", ".py"}
    ]


def test_a_twelve_month_model_is_registered_and_reported_as_one(year: tuple[Project, str]):
    project, said = year
    assert not WRONG.search(said.encode())
    files = written(project)
    found = {file.relative_to(project.folder).as_posix(): WRONG.search(file.read_bytes()) for file in files}
    assert not {name: match[0] for name, match in found.items() if match}
    report = next(file for file in files if file.name == "report.html").read_text()
    assert "12-month survival" in report
    cards = [json.loads(file.read_text()) for file in files if file.name == "card.json"]
    assert any("artifacts" in file.parts for file in files if file.name == "card.json"), "the registered one"
    assert {card["outcome"] for card in cards} == {"12-month survival (surrogate for chemotherapy benefit)"}


def test_the_store_of_runs_and_models_says_nothing_of_two_years(year: tuple[Project, str]):
    with sqlite3.connect(year[0].folder / "mlruns" / "test.db") as store:
        text = "\n".join(store.iterdump()).encode()
    assert b"365.25" in text
    assert not WRONG.search(text)
