"""dvc.yaml, written from the pipelines and the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from gliomics.versioning.stages import parameter_keys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gliomics.versioning.stages import Stage

ITEM = "${item}"
"""What stands for the cohort in DVC's template."""
PLACEHOLDER = "cohort-of-the-stage"
"""What stands for it while Kedro's configuration is resolved, which would take ITEM for its own."""
HEADER = """\
# Written by `gliomics dvc sync` from the pipelines, the catalog and the imports of the code: do not edit.
# One stage a pipeline and cohort, such as `dvc repro --glob '*@demo'`.
"""
COMMAND = "kedro run --env=base --pipelines={} --params=cohort={}"


def dvc_yaml(project: Path, stages: Sequence[Stage], cohorts: Sequence[str]) -> str:
    """Write the text of dvc.yaml.

    Parameters
    ----------
    project : Path
        Its folder.
    stages : sequence of Stage
        Described for the cohort `PLACEHOLDER`.
    cohorts : sequence of str
        One stage a pipeline and cohort.

    Returns
    -------
    str
        The same for the same project, byte for byte.
    """
    content: dict[str, Any] = {
        "stages": {
            stage.name: {"foreach": list(cohorts), "do": _stage_entry(project, stage)} for stage in stages
        }
    }
    plots = [
        {place.replace(PLACEHOLDER, cohort): columns}
        for stage in stages
        for name, columns in sorted(stage.plots.items())
        for place in [stage.outputs[name]]
        for cohort in cohorts
    ]
    if plots:
        content["plots"] = plots
    return HEADER + yaml.safe_dump(_filled(content), sort_keys=False, width=1000)


def _stage_entry(project: Path, stage: Stage) -> dict[str, Any]:
    outs: dict[str, Any] = {
        place: None for name, place in stage.outputs.items() if name not in stage.metrics
    } | {place: {"persist": True} for place in stage.stores.values()}
    keys = parameter_keys(project, stage.parameters, PLACEHOLDER)
    entry = {
        "cmd": COMMAND.format(stage.name, PLACEHOLDER),
        "deps": sorted([*stage.inputs.values(), *stage.code]),
        "params": [{file: names} for file, names in sorted(keys.items())],
        "outs": [place if facts is None else {place: facts} for place, facts in sorted(outs.items())],
        "metrics": sorted(stage.outputs[name] for name in stage.metrics),
    }
    return {key: value for key, value in entry.items() if value}


def _filled(value: Any) -> Any:
    """Put DVC's own template in the place of the placeholder, in keys and values."""
    if isinstance(value, dict):
        return {_filled(key): _filled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner) for inner in value]
    return value.replace(PLACEHOLDER, ITEM) if isinstance(value, str) else value
