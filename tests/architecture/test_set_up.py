"""Set-up on a machine with a wrong Python says so in one sentence."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A copy of what set-up needs, and a folder of commands in which every Python is a 3.12."""
    (tmp_path / "project" / "scripts").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "scripts/set_up.sh"):
        shutil.copy(PROJECT / name, tmp_path / "project" / name)
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("sh", "cat", "cksum", "dirname", "rm", "tail"):
        (commands / name).symlink_to(shutil.which(name))
    for name in ("python3", "python"):
        (commands / name).write_text("#!/bin/sh\nexit 1\n")
        (commands / name).chmod(0o755)
    return tmp_path


def set_up(bare: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["sh", "scripts/set_up.sh"],
        cwd=bare / "project",
        env={"PATH": str(bare / "commands")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_wrong_python_is_one_clear_sentence(bare: Path):
    done = set_up(bare)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("gliomics needs Python 3.11: install it")
    assert not (bare / "project" / ".venv").exists()


def test_an_environment_that_is_up_to_date_is_left_alone(bare: Path):
    marker = bare / "made.txt"
    python = bare / "commands" / "python3.11"
    # A stand-in Python: answers the version question, makes a venv of itself, records pip's calls.
    python.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '  *"-m venv"*) /bin/mkdir -p .venv/bin; /bin/cp "$0" .venv/bin/python;;\n'
        f'  *"-m pip"*) echo pip >> "{marker}";;\n'
        "esac\n"
        "exit 0\n"
    )
    python.chmod(0o755)
    assert set_up(bare).returncode == 0
    calls = marker.read_text().count("pip")
    assert calls == 2
    assert set_up(bare).returncode == 0
    assert marker.read_text().count("pip") == calls, "nothing to do the second time"
    with (bare / "project" / "constraints.txt").open("a") as constraints:
        constraints.write("anything==1\n")
    assert set_up(bare).returncode == 0
    assert marker.read_text().count("pip") == 2 * calls, "a changed version sets up again"
    assert (bare / "project" / ".venv").exists()
