"""A whole project in a temporary folder, run as a user would run it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def command(name: str) -> str:
    """Name an installed command as a user's shell finds it; with ``python -m`` processes start otherwise."""
    return str(Path(sys.executable).with_name(name))


@dataclass(frozen=True)
class Project:
    """A copy of the project's configuration with data and MLflow store of its own."""

    folder: Path

    def kedro_run(self, *arguments: str, expect: int = 0) -> str:
        """Run ``kedro run`` in a process of its own and return what it printed."""
        return self.kedro("run", *arguments, expect=expect)

    def kedro(self, *arguments: str, expect: int = 0) -> str:
        """Run a ``kedro`` command and return what it printed."""
        return self._call([command("kedro"), *arguments], expect)

    def gliomics(self, *arguments: str, expect: int = 0) -> str:
        """Run a ``gliomics`` command and return what it printed."""
        return self._call([command("gliomics"), *arguments], expect)

    def python(self, code: str) -> str:
        """Run Python code in a process of its own and return what it printed."""
        return self._call([sys.executable, "-c", code], 0)

    def _call(self, command: list[str], expect: int) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "160", "DO_NOT_TRACK": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout[-6000:]
        return done.stdout


HALF_WRITTEN = shutil.ignore_patterns("*.egg-info", "*.pyc.*", "*.nbi.*", "*.nbc.*")
"""What another process may be about to rename. The rest of ``__pycache__`` comes along: kernels take 20 s of
processor time to compile, and numba knows them again by the content of their source."""


def copy_project(folder: Path, source: Path = PROJECT) -> Project:
    """Copy what a project is, configuration and code without data; from one that has run to save time."""
    for name in ("conf", "src"):
        shutil.copytree(source / name, folder / name, ignore=HALF_WRITTEN)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(source / name, folder / name)
    (folder / "mlruns").mkdir()
    return Project(folder)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small demo cohort, run in the test environment: once for all workers, and nobody changes it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    with (shared / "demo_run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder, whole = shared / "demo_run", shared / "demo_run.whole"
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            project = copy_project(folder)
            project.gliomics("demo", "--patients", "24")
            project.kedro_run("--env", "test")
            whole.touch()
    return Project(folder)


@pytest.fixture(scope="session")
def demo_project(demo_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This worker's own copy of the demo run."""
    folder = tmp_path_factory.mktemp("demo") / "project"
    shutil.copytree(demo_run.folder, folder)
    return Project(folder)


@pytest.fixture(scope="session")
def real_project(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Project:
    """The real TCGA-LGG records, survival from TCGA-CDR, run once in the test environment."""
    project = copy_project(tmp_path_factory.mktemp("real_project"))
    project.kedro_run("--env", "test", "--params", f"cohort=tcga_lgg,raw_dir={real_data / 'tcga_lgg'}")
    return project
