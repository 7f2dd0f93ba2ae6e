"""The champion of a cohort: the registered model that stands, loaded by its alias and never changed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from gliomics.errors import RegistrationError
from gliomics.model_package.frozen_model import Champion
from gliomics.model_package.model_files import load_final_model

CHAMPION = "champion"


def load_champion(prefix: str, cohort: str) -> Champion:
    """Load ``<prefix>-<cohort>@champion`` from the registry that MLflow points to.

    The fitted arm is read from its skops file and card; no code of the model is run.

    Parameters
    ----------
    prefix, cohort : str
        Parts of the registered model's name.

    Returns
    -------
    Champion
        The frozen model.

    Raises
    ------
    RegistrationError
        If there is no such model or it has no champion.
    """
    name = f"{prefix}-{cohort}"
    try:
        version = mlflow.MlflowClient().get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        raise RegistrationError(
            where=f"validation external:{cohort}",
            expected=f"the registry must hold {name} with the alias {CHAMPION}",
            got=error.error_code,
            fix=f"Run the cohort {cohort}, which registers a candidate, and let it become the champion; "
            "or choose another validation.",
        ) from error
    with TemporaryDirectory() as scratch:
        uri = f"models:/{name}@{CHAMPION}"
        folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=scratch))
        kept = Model.load(str(folder)).flavors["python_function"]["artifacts"]["model"]["path"]
        model = load_final_model(folder / kept)
    return Champion(model, name, str(version.version), version.tags.get("gliomics.content_hash"))
