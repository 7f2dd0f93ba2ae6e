"""dvc.yaml says what the pipelines really read, write and run."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from kedro.pipeline import Node, Pipeline

from gliomics.cli.main import cli
from gliomics.errors import SettingsError
from gliomics.pipeline_registry import STAGES
from gliomics.versioning.stages import describe_stages

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def written():
    return yaml.safe_load((PROJECT / "dvc.yaml").read_text())


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project with a dvc.yaml of its own."""
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "dvc.yaml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def stage(written, name):
    return written["stages"][name]["do"]


def test_sync_finds_the_committed_file_in_step_and_names_a_difference(project):
    done = CliRunner().invoke(cli, ["dvc", "sync", "--check"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    file = project / "dvc.yaml"
    whole = file.read_text()
    file.write_text(whole.replace("      - src/gliomics/synthesis\n", "", 1))
    done = CliRunner().invoke(cli, ["dvc", "sync", "--check"], catch_exceptions=False)
    assert done.exit_code == 1
    assert "+      - src/gliomics/synthesis" in done.output
    assert file.read_text() != whole, "a check writes nothing"
    CliRunner().invoke(cli, ["dvc", "sync"], catch_exceptions=False)
    assert file.read_text() == whole


def described(tmp_path, *nodes):
    """Describe stages of one node each, in a project of which only their folders matter."""
    (tmp_path / "src/gliomics/pipelines").mkdir(parents=True)
    catalog = {
        name: {"type": "x.CaseStoreDataset" if name == "store" else "x", "path": f"data/{name}"}
        for name in ("store", "raw", "table", "report")
    }
    pipelines = {name: Pipeline([Node(f, inputs=i, outputs=o, name=name)]) for name, f, i, o in nodes}
    return describe_stages(tmp_path, pipelines, catalog)


def test_a_store_belongs_to_the_first_stage_that_takes_it_and_the_next_depends_on_its_tables(tmp_path):
    first, second = described(
        tmp_path,
        ("a_reader", lambda table, store: table, ["table", "store"], "report"),
        ("z_filler", lambda raw, store: raw, ["raw", "store"], "table"),
    )
    assert (first.name, first.stores, first.outputs) == (
        "z_filler",
        {"store": "data/store"},
        {"table": "data/table"},
    )
    assert (second.name, second.stores) == ("a_reader", {})
    assert second.inputs == {"table": "data/table"}


def test_stages_that_wait_for_each_other_are_refused_by_name(tmp_path):
    with pytest.raises(SettingsError, match="a circle of one, two"):
        described(tmp_path, ("one", lambda x: x, "table", "report"), ("two", lambda x: x, "report", "table"))


def test_there_is_one_stage_a_pipeline_and_cohort_in_an_order_that_can_run(written):
    assert set(written["stages"]) == set(STAGES)
    assert all(
        facts["foreach"] == ["demo", "rehearsal", "tcga_lgg", "tcga_lgg_gdc", "tcga_lgg_slices"]
        for facts in written["stages"].values()
    )
    order = list(written["stages"])
    assert order.index("ingestion") < order.index("embedding") < order.index("modelling")
    assert order[-1] == "registration"


def test_code_that_a_stage_runs_through_other_code_is_a_dependency(written):
    ingestion, registration = stage(written, "ingestion"), stage(written, "registration")
    assert "src/gliomics/seeding.py" in stage(written, "modelling")["deps"]
    assert {"src/gliomics/model_package", "src/gliomics/evaluation"} <= set(registration["deps"])
    assert "src/gliomics/networks" not in ingestion["deps"]
    assert not [dep for dep in ingestion["deps"] if "pipelines" in dep and "ingestion" not in dep]


def test_the_gate_and_the_report_make_no_figures_stale(written):
    """A word changed in them must not ask for hours of modelling again."""
    of = {
        room: {name for name in STAGES if f"src/gliomics/{room}" in stage(written, name)["deps"]}
        for room in ("registry", "reporting")
    }
    assert of == {"registry": {"registration"}, "reporting": {"reporting"}}


def test_parameters_are_the_keys_that_a_stage_reads_and_those_behind_them(written):
    parameters = {
        file: keys
        for entry in stage(written, "feature_engineering")["params"]
        for file, keys in entry.items()
    }
    assert parameters == {
        "conf/base/globals.yml": ["seed"],
        "conf/base/parameters.yml": ["compute", "seed"],
        "conf/base/cohorts/${item}.yml": ["cohorts.${item}"],
        "conf/base/feature_engineering/parameters.yml": [
            "feature_engineering.max_failed_fraction",
            "feature_engineering.radiomics",
            "feature_engineering.stability",
        ],
    }


def test_case_stores_stay_and_figures_and_curves_are_declared(written):
    assert {"data/04_feature/${item}/radiomics_store": {"persist": True}} in stage(
        written, "feature_engineering"
    )["outs"]
    assert stage(written, "modelling")["metrics"] == ["data/08_reporting/${item}/metrics.json"]
    curves = {"x": "epoch", "y": ["train_loss", "validation_loss"]}
    assert {"data/08_reporting/demo/training_curves.csv": curves} in written["plots"]
