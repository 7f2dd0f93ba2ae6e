"""The story of two data versions: promote, change the data, promote, find it bad, roll both back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml

from integration.conftest import PROJECT, Project

pytestmark = pytest.mark.slow
RESULTS = "data/test"
IMAGES = "data/01_raw/demo/images"


def git(project: Project, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def merged(base: dict, over: dict) -> dict:
    both = {
        key: merged(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict)
        else value
        for key, value in over.items()
    }
    return {**base, **both}


def make_quick_the_base(folder: Path) -> None:
    """Let ``base`` be what ``test`` was, so that the run of the session counts as a run of it."""
    conf = folder / "conf"
    quick = yaml.safe_load((conf / "test" / "parameters.yml").read_text())
    quick |= {"layers": yaml.safe_load((conf / "test" / "globals.yml").read_text())["layers"]}
    for file in sorted((conf / "base").rglob("*.yml")):
        settings = yaml.safe_load(file.read_text())
        over = {key: value for key, value in quick.items() if key in settings and isinstance(value, dict)}
        if over:
            file.write_text(yaml.safe_dump(merged(settings, over), sort_keys=False))
    shutil.copy(conf / "test" / "mlflow.yml", conf / "base" / "mlflow.yml")
    strict = yaml.safe_load((conf / "prod" / "registry" / "parameters.yml").read_text())["registry"]["gate"]
    (conf / "strict").mkdir()
    (conf / "strict" / "parameters.yml").write_text(yaml.safe_dump({"registry": {"gate": strict}}))


@pytest.fixture(scope="module")
def story(demo_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo project as it is after its first run, in a git repository of its own."""
    folder = tmp_path_factory.mktemp("story") / "project"
    shutil.copytree(demo_project.folder, folder)
    project = Project(folder)
    make_quick_the_base(folder)
    for name in (".gitignore", ".dvcignore", "constraints.txt"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", folder / ".dvc" / "config")
    git(project, "init", "-q")
    project.gliomics("dvc", "sync")
    git(project, "add", "src", "conf", "pyproject.toml", "constraints.txt", ".gitignore", ".dvc", "dvc.yaml")
    git(project, "commit", "-qm", "The project")
    return project


def results(project: Project) -> dict[str, bytes]:
    places = ("08_reporting/demo/metrics.json", "07_model_output/demo/cv_predictions.parquet")
    return {place: (project.folder / RESULTS / place).read_bytes() for place in places}


def predicted(project: Project, case: str) -> bytes:
    output = project.folder / "prediction.json"
    project.gliomics("predict", f"{IMAGES}/{case}", "--json", str(output))
    return output.read_bytes()


def untouched(project: Project) -> tuple[str, str, list[str]]:
    cache = project.folder / ".dvc" / "cache"
    objects = [file.relative_to(cache).as_posix() for file in cache.rglob("*") if file.is_file()]
    return git(project, "log", "--all", "--format=%H"), git(project, "tag", "--list"), sorted(objects)


def add_patient(project: Project, like: str, name: str) -> None:
    """Add a patient with the scans of another, and a record of its own."""
    source, target = project.folder / IMAGES / like, project.folder / IMAGES / name
    target.mkdir()
    for file in source.iterdir():
        shutil.copy(file, target / file.name.replace(like, name))
    records = project.folder / "data/01_raw/demo/clinical/gdc_cases.json"
    facts = json.loads(records.read_text())
    case = next(case for case in facts["data"]["hits"] if case["submitter_id"] == like)
    facts["data"]["hits"].append(json.loads(json.dumps(case).replace(like, name)))
    records.write_text(json.dumps(facts))


def correct_segmentation(project: Project, case: str) -> None:
    """Take away the outermost slice of a tumour."""
    path = next((project.folder / IMAGES / case).glob("*ManuallyCorrected*"))
    image = nib.load(path)
    labels = np.asarray(image.dataobj).copy()
    labels[np.flatnonzero(labels.any(axis=(1, 2)))[0]] = 0
    nib.save(nib.Nifti1Image(labels, image.affine, image.header), path)


def test_model_and_data_go_forward_together_and_back_together(story: Project):
    case, _, other, *_ = sorted(path.name for path in (story.folder / IMAGES).iterdir())
    said = story.gliomics("registry", "promote", expect=1)
    assert "gliomics data snapshot" in said, "nothing is promoted whose data is not saved"
    story.gliomics("data", "snapshot", "-m", "first")
    before = untouched(story)
    refused = story.gliomics("registry", "promote", "--env", "strict", expect=1)
    assert "minority" in refused
    assert "UNTRAINED: medicalnet" in refused
    assert "stays none" in refused
    story.gliomics("registry", "rollback", expect=1)
    assert untouched(story) == before, "refused actions touch neither git nor DVC"
    assert "Version 1 is now the champion" in story.gliomics("registry", "promote")
    first, score = results(story), predicted(story, case)

    add_patient(story, case, "TCGA-ZZ-NEW1")
    correct_segmentation(story, other)
    story.kedro_run()
    assert "data/demo/v2" in story.gliomics("data", "snapshot", "-m", "one patient more, one corrected")
    assert "Version 2 is now the champion" in story.gliomics("registry", "promote")
    assert results(story) != first
    assert json.loads(predicted(story, case))["version"] == "2"

    said = story.gliomics("registry", "rollback")
    assert "Version 1 is the champion" in said
    assert "data/demo/v1" in said
    assert results(story) == first
    assert predicted(story, case) == score
    assert not (story.folder / IMAGES / "TCGA-ZZ-NEW1").exists()
    lines = story.gliomics("registry", "history", "--json").splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    moves = [
        (entry["action"], entry["before"], entry["after"], entry["data_version"])
        for entry in entries
        if entry["action"] != "register"
    ]
    assert moves == [
        ("refuse", None, "1", None),
        ("refuse", None, "1", "data/demo/v1"),
        ("promote", None, "1", "data/demo/v1"),
        ("promote", "1", "2", "data/demo/v2"),
        ("rollback", "2", "1", "data/demo/v1"),
    ]
    assert "whole" in story.gliomics("registry", "verify")
