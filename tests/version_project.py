"""A tiny project under git and DVC: two cohorts, one stage, real commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd

from gliomics.lineage.durable_files import write_whole
from gliomics.lineage.run_markers import write_marker
from gliomics.versioning.dvc_file import PLACEHOLDER, dvc_yaml
from gliomics.versioning.project import CohortProject, marker_path, sha256_memory
from gliomics.versioning.recording import stage_now
from gliomics.versioning.stages import Stage

CONFIG = """[core]
    analytics = false
    check_update = false
    remote = local
['remote "local"']
    url = ../.gliomics/dvc_remote
"""
TABLE = "data/02_intermediate/{}/cohort.parquet"
STORE = "data/04_feature/{}/store"
RESULT = "data/08_reporting/{}/metrics.json"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def stage(cohort: str) -> Stage:
    return Stage(
        name="measure",
        code=("src/gliomics/pipelines/measure",),
        inputs={"raw_folder": f"data/01_raw/{cohort}"},
        outputs={"cohort": TABLE.format(cohort), "metrics": RESULT.format(cohort)},
        stores={"store": STORE.format(cohort)},
        parameters=("measure",),
        metrics=("metrics",),
    )


def make_project(folder: Path) -> None:
    """Write the project, commit it, and give both cohorts raw data."""
    texts = {
        "conf/base/parameters.yml": "measure:\n  n: 1\n",
        "conf/base/cohorts/a.yml": "cohorts:\n  a: {}\n",
        "conf/base/cohorts/b.yml": "cohorts:\n  b: {}\n",
        "src/gliomics/__init__.py": "",
        "src/gliomics/pipelines/__init__.py": "",
        "src/gliomics/pipelines/measure/__init__.py": "N = 1\n",
        ".gitignore": "/data/**\n!/data/**/\n!/data/**/*.dvc\n.gliomics/\n/.dvc/cache\n/.dvc/tmp\n",
        ".dvc/config": CONFIG,
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
    (folder / "dvc.yaml").write_text(dvc_yaml(folder, [stage(PLACEHOLDER)], ["a", "b"]))
    git(folder, "init", "--quiet", ".")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "Project")
    for cohort in "ab":
        for patient in ("P1", "P2", "P3"):
            write_raw(folder, cohort, patient, "first")


def write_raw(folder: Path, cohort: str, patient: str, text: str) -> None:
    write_whole(folder / f"data/01_raw/{cohort}/images/{patient}/t1", f"{patient} {text}".encode())


def cohort_project(folder: Path, cohort: str = "a", n: int = 1) -> CohortProject:
    return CohortProject(
        folder=folder,
        cohort=cohort,
        stages=[stage(cohort)],
        parameters={
            "cohort": cohort,
            "measure": {"n": n},
            "cohort_settings": {"images": "images", "primary_population": "all"},
        },
        catalog={
            "cohort": {
                "type": "x",
                "filepath": TABLE.format(cohort),
                "metadata": {"gliomics": {"learned_from": True}},
            }
        },
        remote="local",
        dvc_yaml=(folder / "dvc.yaml").read_text(),
    )


def run(folder: Path, cohort: str = "a") -> None:
    """Do what a run of the stage does: outputs that follow from the raw data, a record, the marker."""
    project = cohort_project(folder, cohort)
    texts = {f.parent.name: f.read_text() for f in sorted((folder / project.raw).rglob("t1"))}
    table = pd.DataFrame(
        {
            "subject_id": list(texts),
            "exclusion_reason": None,
            "chemotherapy": True,
            "benefit": pd.array([int("first" in text) for text in texts.values()], dtype="Int64"),
        }
    )
    (folder / TABLE.format(cohort)).parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / TABLE.format(cohort))
    write_whole(folder / RESULT.format(cohort), f'{{"n": "{"".join(texts.values())}"}}'.encode())
    for patient, text in texts.items():
        write_whole(
            folder / STORE.format(cohort) / f"{patient}-{text.split()[1]}", f"measured {text}".encode()
        )
    memory = sha256_memory(folder)
    now = stage_now(folder, project.stages[0], project.parameters, memory)
    write_marker(marker_path(folder, cohort, "measure"), now)


def contents(folder: Path, cohort: str = "a") -> dict[str, bytes]:
    """Read everything of a cohort but its store, and dvc's notes of it."""
    files = [*(folder / "data").glob(f"*/{cohort}/**/*"), folder / f"data/01_raw/{cohort}.dvc"]
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in files
        if file.is_file() and "store" not in file.parts
    }
