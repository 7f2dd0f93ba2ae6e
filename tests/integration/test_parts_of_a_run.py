"""Parts of a run: what is missing, single nodes, a stage without its inputs; and the picture of the whole."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from gliomics.pipeline_registry import STAGES
from integration.conftest import Project, copy_project

pytestmark = pytest.mark.slow
TEST = ("--env", "test")
DATA = "data/test"


@pytest.fixture(scope="module")
def project(demo_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo project after its run, to be changed here."""
    folder = tmp_path_factory.mktemp("parts") / "project"
    shutil.copytree(demo_project.folder, folder)
    return Project(folder)


def saved(project: Project) -> dict[str, int]:
    """Every file of results by the number that a save changes."""
    return {
        file.relative_to(project.folder / DATA).as_posix(): file.stat().st_ino
        for file in (project.folder / DATA).rglob("*")
        if file.is_file()
    }


def runs(project: Project) -> int:
    with sqlite3.connect(project.folder / "mlruns" / "test.db") as store:
        return store.execute("select count(*) from runs where lifecycle_stage = 'active'").fetchone()[0]


def nodes_that_ran(said: str) -> list[str]:
    return [
        line.split()[2].rstrip(":") for line in said.splitlines() if line[8:14] == " INFO " and "_" in line
    ]


def test_where_nothing_is_missing_nothing_is_done_and_the_run_says_so(project: Project):
    before = saved(project), runs(project)
    said = project.kedro_run(*TEST, "--only-missing-outputs")
    assert "nothing to do: all" in said
    assert "AUC" not in said, "figures of an earlier run are not this run's"
    assert (saved(project), runs(project)) == before


def test_a_missing_output_is_made_again_alone(project: Project):
    before = saved(project)
    table = project.folder / DATA / "05_model_input/demo/augmented_features.parquet"
    content = table.read_bytes()
    table.unlink()
    said = project.kedro_run(*TEST, "--only-missing-outputs")
    assert table.read_bytes() == content
    changed = {name for name, number in saved(project).items() if before[name] != number}
    assert changed == {
        "05_model_input/demo/augmented_features.parquet",
        "08_reporting/demo/synthesis_acceptance.csv",
    }
    assert "metrics:" not in said


def test_a_node_is_run_by_its_name_and_its_stage_keeps_its_record(project: Project):
    markers = project.folder / ".gliomics/runs/demo"
    kept = {file.name: file.read_bytes() for file in markers.iterdir()}
    before = saved(project)
    name = "estimate_feature_stability"
    project.kedro_run(*TEST, "--from-nodes", name, "--to-nodes", name)
    changed = {name for name, number in saved(project).items() if before[name] != number}
    assert changed == {"04_feature/demo/feature_stability.parquet"}
    assert {file.name: file.read_bytes() for file in markers.iterdir()} == kept


def test_a_stage_without_its_inputs_names_what_to_run_first(demo_project: Project, tmp_path):
    fresh = copy_project(tmp_path)
    said = fresh.kedro_run(*TEST, "--pipelines", "augmentation", expect=1)
    assert "kedro run --pipelines ingestion,feature_engineering`" in said
    assert "Traceback" not in said.split("SettingsError")[-1]
    said = fresh.kedro_run(*TEST, "--pipelines", "modeling", expect=1)
    assert "Did you mean 'modelling'?" in said


def test_kedro_viz_draws_every_stage_in_its_layer_with_previews(project: Project, monkeypatch):
    pytest.importorskip("kedro_viz", reason="the extra viz is not installed")
    monkeypatch.setenv("KEDRO_ENV", "test")
    project.kedro("viz", "build", "--include-previews")
    build = project.folder / "build"
    graph = json.loads((build / "api/main").read_text())
    names = {node["name"]: node["id"] for node in graph["nodes"] if node["type"] == "data"}
    assert set(graph["layers"]) >= {*STAGES}
    assert {stage["id"] for stage in graph["pipelines"]} >= {*STAGES, "__default__"}
    details = {
        name: json.loads((build / "api/nodes" / names[name]).read_text())
        for name in ("cohort", "feature_stability", "metrics", "methods")
    }
    kinds = {name: facts["preview_type"] for name, facts in details.items()}
    assert kinds == {
        "cohort": None,
        "feature_stability": "TablePreview",
        "metrics": "JSONPreview",
        "methods": "HTMLPreview",
    }, "rows of patients are not copied into a page"
    assert "icc_lower" in details["feature_stability"]["preview"]["columns"]
    words = [file.read_text(errors="ignore") for file in (build / "api").rglob("*") if file.is_file()]
    assert not [text for text in words if str(project.folder) in text], "no machine's path in a build"
    assert os.fspath(project.folder) not in (build / "index.html").read_text()


HOLDER = """
import sys
from pathlib import Path
from gliomics.lineage.locks import acquire
from gliomics.versioning.project import cohort_lock
acquire(cohort_lock(Path.cwd(), "demo"))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_run_of_a_cohort_is_refused_and_leaves_no_trace(project: Project):
    before = saved(project), runs(project)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=project.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        said = project.kedro_run(*TEST, "--pipelines", "ingestion", expect=1)
        holder.kill()
    assert f"process {holder.pid}, which has used it since 20" in " ".join(said.split())
    assert "Traceback" not in said
    assert (saved(project), runs(project)) == before
    project.kedro_run(*TEST, "--pipelines", "ingestion")
    with sqlite3.connect(project.folder / "mlruns" / "test.db") as store:
        assert {status for (status,) in store.execute("select status from runs")} == {"FINISHED"}
