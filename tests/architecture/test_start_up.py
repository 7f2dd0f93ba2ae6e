"""What a command imports before it does anything: large libraries wait until they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from gliomics.cli.main import COMMANDS, cli


def imported(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_no_stage_imports_torch_before_it_runs():
    code = "from gliomics.pipeline_registry import STAGES\nimport importlib\nimport gliomics.settings\n"
    code += "for stage in STAGES: importlib.import_module(f'gliomics.pipelines.{stage}.pipeline')"
    modules = imported(code)
    assert "gliomics.pipelines.registration.nodes" in modules
    assert not modules & {"torch", "monai", "skops", "shap", "numba", "radiomics", "SimpleITK", "lifelines"}


def test_the_command_line_imports_a_command_when_it_is_called():
    assert not imported("import gliomics.cli.main") & {"mlflow", "torch", "matplotlib", "scipy", "dvc"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_there_and_says_what_it_does(name):
    said = CliRunner().invoke(cli, [name, "--help"])
    assert said.exit_code == 0
    assert said.output.startswith(f"Usage: cli {name}")
