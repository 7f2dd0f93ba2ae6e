"""A Kedro session for commands that read the catalog or the registry, as ``kedro run`` would see them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.session import KedroSession

from gliomics.cli.cohort_project import open_cohort
from gliomics.cli.project import open_project, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kedro.framework.context import KedroContext

    from gliomics.cli.saved_data import SavedData
    from gliomics.registry.evidence import Workspace
    from gliomics.registry.versions import Registry

EVALUATED_ON = (
    "cohort",
    "folds",
    "radiomic_features",
    "region_presence",
    "published_features",
    "perturbed_features",
    "embeddings",
    "cv_predictions",
)
"""Tables that a version is evaluated on, and whose fingerprints its evidence has."""


@contextmanager
def project_context(env: str, cohort: str | None) -> Iterator[KedroContext]:
    """Open the project: its catalog, its parameters, and MLflow set to its tracking server.

    Parameters
    ----------
    env : str
        The environment.
    cohort : str or None
        The cohort; None takes the project's default.

    Yields
    ------
    KedroContext
        The working folder is the project's for as long.

    Raises
    ------
    SettingsError
        If environment or cohort are unknown, or this is no project.
    """
    given = {} if cohort is None else {"cohort": cohort}
    project = open_project(env, given)
    before = os.getcwd()  # noqa: PTH109
    os.chdir(project.folder)
    try:
        with KedroSession.create(project_path=project.folder, env=env, runtime_params=given) as session:
            yield session.load_context()  # type: ignore[attr-defined]
    finally:
        os.chdir(before)


class OpenedRegistry:
    """The registry of a project, and what a promotion needs of the project."""

    def __init__(self, context: KedroContext, env: str) -> None:
        from gliomics.registry.ledger import Ledger
        from gliomics.registry.versions import Registry

        self.context, self.env = context, env
        self.parameters: dict[str, Any] = context.params
        self.registry: Registry = Registry(Ledger(Path(self.parameters["registry"]["ledger"])))

    def model(self, arm: str | None) -> str:
        """Name the registered model of the cohort, or of one of its arms."""
        registration = self.parameters["registration"]
        prefix = (
            registration["model_name_prefix"]
            if isinstance(registration, dict)
            else registration.model_name_prefix
        )
        name = f"{prefix}-{self.parameters['cohort']}"
        return f"{name}-{arm}" if arm else name

    def workspace(self) -> Workspace:
        """Load the cohort's tables as they lie in the project now."""
        from gliomics.compute import ComputeSettings
        from gliomics.registry.evidence import Workspace

        catalog = self.context.catalog
        tables = {name: catalog.load(name) for name in EVALUATED_ON if catalog.exists(name)}
        return Workspace(tables, section(self.parameters, "compute", ComputeSettings))

    def data(self, *, discard: bool = False) -> SavedData:
        """Open the saved data versions of the cohort."""
        from gliomics.cli.saved_data import SavedData

        return SavedData(open_cohort(str(self.parameters["cohort"]), self.env), discard=discard)


@contextmanager
def open_registry(env: str, cohort: str | None) -> Iterator[OpenedRegistry]:
    """Open the registry of the project; see `project_context`."""
    with project_context(env, cohort) as context:
        yield OpenedRegistry(context, env)
