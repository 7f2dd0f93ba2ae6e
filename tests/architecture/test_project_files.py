"""What must hold of the files that are committed."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    return [PROJECT / name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for file in tracked_files():
        try:
            found.append((file.relative_to(PROJECT), file.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_machine_path_and_no_registry_host_is_committed():
    forbidden = re.compile(r"/(?:home|root|Users)/\w|/" + r"work/(?:main|shared)|index-url\s*[=:]\s*http")
    assert [str(name) for name, text in texts() if forbidden.search(text)] == []


def test_no_pickle_is_ever_loaded():
    forbidden = re.compile(
        r"pickle\.loads?\(|joblib\.load\(|allow_pickle\s*=\s*True|torch\.load\((?!.*weights_only=True)"
    )
    sources = [(name, text) for name, text in texts() if name.parts[0] == "src"]
    assert [str(name) for name, text in sources if forbidden.search(text)] == []


def test_every_requirement_has_an_exact_version_in_the_constraints():
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for name in extras if name != "hub" for line in extras[name])]
    pinned = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for line in (PROJECT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    names = {
        re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ]", requirement)[0]).lower() for requirement in wanted
    }
    assert names - pinned == {"gliomics"}  # extras that name extras


def test_the_telemetry_of_kedro_and_dvc_is_off():
    assert yaml.safe_load((PROJECT / ".telemetry").read_text()) == {"consent": False}
    assert "analytics = false" in (PROJECT / ".dvc" / "config").read_text()


def test_modules_stay_small():
    too_long = {
        str(name): text.count("\n")
        for name, text in texts()
        if name.suffix == ".py" and text.count("\n") > 400
    }
    assert too_long == {}


def test_the_formatter_is_nowhere_switched_off():
    switch = re.compile(r"# fmt: " + "(?:skip|off)")
    assert [str(name) for name, text in texts() if name.suffix == ".py" and switch.search(text)] == []


def test_what_was_found_is_a_fact():
    """An error's `got` says what was found, not that it was something else."""
    empty = re.compile(
        r"""got="(?:an)?(?:other|others|nothing|none|one|some|something else|nothing there)\""""
    )
    assert [str(name) for name, text in texts() if name.parts[0] == "src" and empty.search(text)] == []
