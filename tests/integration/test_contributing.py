"""Every recipe of CONTRIBUTING.md, followed to the letter in a copy of the project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from integration.conftest import PROJECT, Project, copy_project

BLOCK = re.compile(r"^```(?P<kind>\w+)(?: file=(?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    kind: str
    file: str | None
    text: str


def recipes() -> dict[str, list[Block]]:
    sections = re.split(
        r"^## ", (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    found = {}
    for section in sections[1:]:
        title, _, body = section.partition("\n")
        blocks = [Block(one["kind"], one["file"], one["text"]) for one in BLOCK.finditer(body)]
        if any(block.file for block in blocks):
            found[title] = blocks
    return found


RECIPES = recipes()
RUN = [title for title, blocks in RECIPES.items() if any(block.kind == "sh" for block in blocks)]


def amend(path: Path, diff: str) -> None:
    """Put the marked lines where the unmarked ones around them stand."""
    lines = diff.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in lines)
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{path.name} must hold once:\n{before}"
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy in which all recipes have been followed, so that none is in another's way."""
    made = copy_project(tmp_path_factory.mktemp("contributing"))
    for blocks in RECIPES.values():
        for block in blocks:
            if block.file is None:
                continue
            path = made.folder / block.file
            if block.kind == "diff":
                amend(path, block.text)
            else:
                assert not path.exists(), f"a recipe must not overwrite {block.file}"
                path.write_text(block.text, encoding="utf-8")
    return made


def test_a_recipe_names_at_most_two_files_of_the_project():
    for title, blocks in RECIPES.items():
        files = {block.file for block in blocks if block.file and block.file.startswith(("src/", "conf/"))}
        assert len(files) <= 2, f"{title}: {sorted(files)}"


def run_in(project: Project, *command: str) -> subprocess.CompletedProcess[str]:
    """Run the code of the copy, with the commands that stand beside this Python."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(project.folder / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        command,
        cwd=project.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize("title", RUN)
def test_a_recipe_does_what_it_says(project: Project, title: str):
    blocks = RECIPES[title]
    commands = "set -e\n" + "\n".join(block.text for block in blocks if block.kind == "sh")
    done = run_in(project, "sh", "-c", commands)
    assert done.returncode == 0, done.stdout[-6000:]
    wanted = [line for block in blocks if block.kind == "text" for line in block.text.splitlines()]
    assert wanted
    assert [line for line in wanted if line not in done.stdout] == [], done.stdout[-3000:]


def test_a_model_of_what_recipes_add_can_be_saved_and_loaded(project: Project):
    """Every type that it holds is trusted, or it could not be registered."""
    code = """
        import numpy as np, skops.io
        from gliomics.learning.guard import LeakageGuard
        from gliomics.learning.registry import TRUSTED_TYPES, get_recipe
        from gliomics.learning.sample import Sample
        from gliomics.learning.selection.selectors import with_selection
        from gliomics.learning.settings import SelectionSettings

        X, y = np.random.default_rng(0).normal(size=(40, 8)), np.repeat([0, 1], 20)
        sample = Sample(np.arange(40).astype(str).astype(object), X, y)
        settings = SelectionSettings(methods={"radiomics": "median"})
        recipe = with_selection(get_recipe("nearest"), "radiomics", settings, 0)
        saved = skops.io.dumps(recipe.fit(sample, recipe.default, LeakageGuard(()), None))
        skops.io.loads(saved, trusted=TRUSTED_TYPES)
        """
    done = run_in(project, sys.executable, "-c", dedent(code))
    assert done.returncode == 0, done.stdout


def test_what_recipes_add_passes_lint_types_and_contracts(project: Project):
    """The examples are written as the rest is."""
    for command in (["ruff", "check", "src"], ["lint-imports"]):
        done = run_in(project, *command)
        assert done.returncode == 0, done.stdout
