"""What each stage reads, writes and runs, taken from its pipeline, the catalog and its imports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from gliomics.errors import SettingsError
from gliomics.lineage.source_imports import imported_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kedro.pipeline import Pipeline

PACKAGE = "src/gliomics"
PARAMETERS = "params:"
BASE = "conf/base"
COHORT_FILE = BASE + "/cohorts/{}.yml"
GLOBALS_FILE = f"{BASE}/globals.yml"
GIVEN = "cohort"
"""The parameter that the command line of a stage gives."""


@dataclass(frozen=True)
class Stage:
    """One stage on one cohort.

    Attributes
    ----------
    name : str
        Of the pipeline.
    code : tuple of str
        Paths of the source that it runs, relative to the project.
    inputs, outputs : dict of str to str
        Path by dataset, relative to the project.
    stores : dict of str to str
        Case stores that it fills: an input to Kedro, an output that stays to DVC.
    parameters : tuple of str
        Names of the parameters that it reads.
    metrics : tuple of str
        Outputs that hold figures to compare.
    plots : dict
        Columns ``x`` and ``y`` of outputs that hold curves.
    """

    name: str
    code: tuple[str, ...]
    inputs: dict[str, str]
    outputs: dict[str, str]
    stores: dict[str, str]
    parameters: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    plots: dict[str, Any] = field(default_factory=dict)


def find_cohorts(project: Path) -> list[str]:
    """List the cohorts that a file of their own describes, sorted.

    Raises
    ------
    SettingsError
        If a file does not hold the cohort that its name says.
    """
    names = []
    for file in sorted(project.glob(COHORT_FILE.format("*"))):
        name = file.stem
        described = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("cohorts") or {}
        if name not in described:
            raise SettingsError(
                where=COHORT_FILE.format(name),
                expected=f"it must hold cohorts.{name}",
                got=", ".join(described) or "no cohort",
                fix="Name the file as the cohort.",
            )
        names.append(name)
    return names


def describe_stages(
    project: Path, pipelines: Mapping[str, Pipeline], catalog: Mapping[str, Any]
) -> list[Stage]:
    """Describe every stage, each after those that it reads from.

    Parameters
    ----------
    project : Path
        Its folder.
    pipelines : mapping of str to Pipeline
        Kedro's; those whose name starts with ``__`` are no stages.
    catalog : mapping of str
        Configuration of the datasets, resolved for one cohort.
    """
    places = {
        name: str(place)
        for name, entry in catalog.items()
        if not name.startswith("_") and (place := entry.get("filepath") or entry.get("path"))
    }
    stores = {name for name in places if catalog[name]["type"].endswith(".CaseStoreDataset")}
    owned: set[str] = set()
    stages = []
    for name in _in_order({key: p for key, p in pipelines.items() if not key.startswith("__")}):
        pipeline = pipelines[name]
        outputs = sorted(pipeline.all_outputs() & set(places))
        filled = sorted((pipeline.inputs() & stores) - owned)
        owned |= set(filled)
        facts = {key: (catalog[key].get("metadata") or {}).get("gliomics") or {} for key in outputs}
        stages.append(
            Stage(
                name=name,
                code=stage_source(project, name),
                # A store is never what a stage follows from: the tables that name its records are.
                inputs={key: places[key] for key in sorted((pipeline.inputs() & set(places)) - stores)},
                outputs={key: places[key] for key in outputs},
                stores={key: places[key] for key in filled},
                parameters=tuple(
                    sorted(
                        key.removeprefix(PARAMETERS)
                        for key in pipeline.inputs()
                        if key.startswith(PARAMETERS)
                    )
                ),
                metrics=tuple(key for key in outputs if facts[key].get("metrics")),
                plots={key: facts[key]["plot"] for key in outputs if "plot" in facts[key]},
            )
        )
    return stages


def parameter_keys(project: Path, names: tuple[str, ...], cohort: str) -> dict[str, list[str]]:
    """Find where parameters are written: the keys to watch, by file.

    Parameters
    ----------
    project : Path
        Its folder.
    names : tuple of str
        Parameters of a stage, such as ``embedding.cnn3d``.
    cohort : str
        Name, or what stands for it in a template.

    Returns
    -------
    dict of str to list of str
        Keys by file, both sorted. A key brings those along that its value refers to: globals, and the
        cohort's own settings.

    Raises
    ------
    SettingsError
        If a parameter is written nowhere.
    """
    written = {
        file.relative_to(project).as_posix(): yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for file in sorted((project / BASE).rglob("*.yml"))
        if file.stem == "parameters" or file.parent.name == "cohorts"
    }
    found: set[tuple[str, str]] = set()
    waiting = [name for name in names if name != GIVEN]
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        values = {file: value for file, content in written.items() for value in _value_at(content, name)}
        if not values:
            raise SettingsError(
                where=f"parameter {name}",
                expected=f"it must be written in {BASE}/parameters.yml or {BASE}/<subject>/parameters.yml",
                got=f"{len(written)} files without it",
                fix="Write its default there: a run depends on nothing else.",
            )
        for file, value in values.items():
            text = str(value)
            if "select_cohort" not in text:
                found.add((file, name))
            if "cohort_settings" in text or "select_cohort" in text:
                found.add((COHORT_FILE.format(cohort), f"cohorts.{cohort}"))
            found |= {(GLOBALS_FILE, key) for key in re.findall(r"globals:([\w.]+)", text) if key != GIVEN}
            more = set(re.findall(r"\$\{(\w+(?:\.\w+)*)\}", text)) - seen - {GIVEN, "cohort_settings"}
            seen |= more
            waiting += sorted(more)
    keys: dict[str, list[str]] = {}
    for file, key in sorted(found):
        keys.setdefault(file, []).append(key)
    return keys


def _value_at(content: Any, name: str) -> Iterator[Any]:
    """Give the value at a dotted key, if there is one."""
    for part in name.split("."):
        if not isinstance(content, dict) or part not in content:
            return
        content = content[part]
    yield content


def stage_source(project: Path, stage: str) -> tuple[str, ...]:
    """List the paths of the source that a stage runs, relative to the project; nothing is imported."""
    package = project / PACKAGE
    own = sorted((package / "pipelines" / stage).rglob("*.py"))
    shared = [part for part in imported_parts(package, own) if part != "pipelines"]
    return tuple(f"{PACKAGE}/{part}" for part in sorted([*shared, f"pipelines/{stage}"]))


def _in_order(pipelines: Mapping[str, Pipeline]) -> list[str]:
    """Order stages so that each comes after those whose outputs it reads; by name where that is free."""
    waiting = sorted(pipelines)
    order: list[str] = []
    while waiting:
        made_later = {key: pipelines[key].all_outputs() for key in waiting}
        free = [
            name
            for name in waiting
            if not any(pipelines[name].inputs() & made_later[other] for other in waiting if other != name)
        ]
        if not free:
            raise SettingsError(
                where="pipelines",
                expected="no stage may read what a later one writes",
                got=f"a circle of {', '.join(waiting)}",
                fix="Move the node that closes the circle.",
            )
        order.append(free[0])
        waiting.remove(free[0])
    return order
