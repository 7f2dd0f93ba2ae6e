"""dvc.yaml says what the pipelines really read and write."""

import ast
from pathlib import Path

import pytest
import yaml
from kedro.framework.project import pipelines, settings
from kedro.framework.startup import bootstrap_project

from gliomics.pipeline_registry import STAGES

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stages():
    return yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]


@pytest.fixture(scope="module")
def catalog():
    bootstrap_project(PROJECT)
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(PROJECT / "conf"),
        env="base",
        runtime_params={"cohort": "demo"},
        **settings.CONFIG_LOADER_ARGS,
    )
    return {name: entry for name, entry in loader["catalog"].items() if not name.startswith("_")}


@pytest.fixture(scope="module")
def places(catalog):
    """Where each dataset lies; the champion is no file, and stages run without it (repeated_cv)."""
    return {
        name: str(entry.get("filepath") or entry["path"])
        for name, entry in catalog.items()
        if not entry["type"].endswith(".ChampionDataset")
    }


@pytest.fixture(scope="module")
def stores(catalog):
    """Case stores: a node takes one as an input and fills it, so that to DVC it is an output that stays."""
    return {name for name, entry in catalog.items() if entry["type"].endswith(".CaseStoreDataset")}


def flat(entries):
    return {next(iter(e)) if isinstance(e, dict) else e for e in entries}


def imported_packages(stage: str) -> set[str]:
    """Domain packages that a stage imports, found from the imports of its files."""
    found = set()
    for file in (PROJECT / "src" / "gliomics" / "pipelines" / stage).glob("*.py"):
        for statement in ast.walk(ast.parse(file.read_text())):
            if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("gliomics."):
                package = statement.module.split(".")[1]
                if (PROJECT / "src" / "gliomics" / package).is_dir() and package != "pipelines":
                    found.add(f"src/gliomics/{package}")
    return found


def filled_by(store: str) -> str:
    """The first stage that takes a case store fills it; later ones read what is there."""
    return next(stage for stage in STAGES if store in pipelines[stage].inputs())


def test_stages_are_the_pipelines(stages):
    assert tuple(stages) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_outs_and_deps_are_those_of_the_pipeline(stage, stages, places, stores):
    pipeline, written = pipelines[stage], stages[stage]["do"]
    named = {
        entry.replace("${item}", "demo")
        for entry in flat(written.get("outs", [])) | flat(written.get("metrics", []))
    }
    filled = {store for store in pipeline.inputs() & stores if filled_by(store) == stage}
    outputs = pipeline.outputs() | (pipeline.all_outputs() & set(places))
    assert named == {places[name] for name in outputs | filled}
    kept = [entry for entry in written["outs"] if isinstance(entry, dict)]
    assert {place.replace("${item}", "demo") for entry in kept for place in entry} == {
        places[name] for name in filled
    }
    assert all(facts == {"persist": True} for entry in kept for facts in entry.values())
    deps = {entry.replace("${item}", "demo") for entry in written["deps"]}
    data = {places[name] for name in pipeline.inputs() - filled if name in places}
    code = imported_packages(stage) | {f"src/gliomics/pipelines/{stage}"}
    assert data | code | {"conf/base"} == deps
