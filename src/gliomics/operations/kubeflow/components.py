"""The components: one small function a stage, written from one template.

Kubeflow takes a component's inputs from the signature of a function and its code from the function's source.
What a stage waits for follows from the catalog, so the signature cannot be written by hand.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from gliomics.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from gliomics.operations.kubeflow.plan import StageTask

SOURCE = '''\
from kfp import dsl


def {name}({arguments}):
    """Run the stage {name} as `kedro run --pipelines {name}` does."""
    from gliomics.operations.kubeflow.stage_run import StageCall, run_stage

    run_stage(
        StageCall(
            stage="{name}", cohort=cohort, environment=environment, parameters=parameters, raw="{raw}",
            data_version=data_version, code=code, settings=settings, settings_of=settings_of,
            report="{report}", metrics="{metrics}",
        ),
        upstream={{{upstream}}},
        results=results.path, results_hash=results_hash, report={page}, metrics={figures},
    )
'''
"""The body does no more than hand over to `gliomics.operations.kubeflow.stage_run`."""


def import_kfp() -> ModuleType:
    """Import Kubeflow's SDK.

    Raises
    ------
    SettingsError
        If the extra is not installed.
    """
    try:
        import kfp
    except ImportError as error:
        raise SettingsError(
            where="gliomics kubeflow",
            expected="Kubeflow's SDK must be installed",
            got="no module kfp",
            fix="Install the extra: pip install -c constraints.txt 'gliomics[kubeflow]'.",
        ) from error
    found: ModuleType = kfp
    return found


def component_source(task: StageTask) -> str:
    """Write the function of a stage.

    Parameters
    ----------
    task : StageTask
        What it waits for and what it shows.

    Returns
    -------
    str
        A module of one function. Each stage that it waits for gives it an artifact and its hash.
    """
    arguments = [
        "cohort: str",
        "environment: str",
        "parameters: dict",
        "data_version: str",
        "code: str",
        "settings: str",
        "settings_of: dict",
    ]
    for name in task.upstream:
        arguments += [f"{name}: dsl.Input[dsl.Dataset]", f"{name}_hash: str"]
    arguments += ["results: dsl.Output[dsl.Dataset]", "results_hash: dsl.OutputPath(str)"]
    arguments += ["report: dsl.Output[dsl.HTML]"] if task.report else []
    arguments += ["metrics: dsl.Output[dsl.Metrics]"] if task.metrics else []
    return SOURCE.format(
        name=task.name,
        arguments=", ".join(arguments),
        upstream=", ".join(f'"{name}": ({name}.path, {name}_hash)' for name in task.upstream),
        raw=task.raw,
        report=task.report,
        metrics=task.metrics,
        page="report.path" if task.report else "None",
        figures="metrics" if task.metrics else "None",
    )


def make_component(task: StageTask, image: str, folder: Path) -> Any:
    """Make the component of a stage.

    Parameters
    ----------
    task : StageTask
        Of the plan.
    image : str
        That it runs in; nothing is installed into it.
    folder : Path
        Where its source may be written: Kubeflow reads it there.
    """
    dsl = import_kfp().dsl
    file = folder / f"{task.name}_component.py"
    file.write_text(component_source(task), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:  # pragma: no cover
        raise ImportError(file.name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, task.name)
    return dsl.component(base_image=image, install_kfp_package=False)(function)
