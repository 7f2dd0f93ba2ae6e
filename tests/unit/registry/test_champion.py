"""The champion of a cohort: loaded by its alias from a registry of its own, refused when absent."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

import gliomics
from gliomics.cohort.validation import parse_validation
from gliomics.datasets.champion import ChampionDataset
from gliomics.evaluation.arms import ArmTable
from gliomics.evaluation.settings import ModellingSettings
from gliomics.model_package.final_model import fit_final_model
from gliomics.model_package.model_files import save_final_model
from gliomics.model_package.scoring import score_rows
from tasks import TASK

MODEL_CODE = Path(gliomics.__file__).parent / "model_package" / "survival_model.py"


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """An empty registry in a temporary folder."""
    before = mlflow.get_tracking_uri()
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment("champions")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # SQLAlchemy 2.1 warns of what MLflow 3.17 asks it
def test_a_champion_is_loaded_by_alias_and_scores_as_it_was_fitted(registry, tmp_path):
    dataset = ChampionDataset(validation="external:tiny", model_name_prefix="gliomics")
    with pytest.raises(DatasetError, match="with the alias champion, got RESOURCE_DOES_NOT_EXIST"):
        dataset.load()
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        rng.normal(size=(40, 3)), columns=["a", "b", "c"], index=[f"P{n:02d}" for n in range(40)]
    )
    y = pd.Series((X["a"] > 0).astype("int64"))
    model = fit_final_model(ArmTable("radiomics", X, sizes=(3,)), y, ModellingSettings(), seed=1, task=TASK)
    save_final_model(model, tmp_path / "model")
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(MODEL_CODE),
            artifacts={"model": str(tmp_path / "model")},
            pip_requirements=["mlflow"],
        )
    version = mlflow.register_model(
        logged.model_uri, "gliomics-tiny", tags={"gliomics.content_hash": "abc"}
    ).version
    with pytest.raises(DatasetError, match="alias champion"):
        dataset.load()
    registry.set_registered_model_alias("gliomics-tiny", "champion", version)
    champion = dataset.load()
    assert champion.facts == {
        "name": "gliomics-tiny",
        "version": str(version),
        "arm": "radiomics",
        "fitted_on": 40,
        "content_hash": "abc",
    }
    pd.testing.assert_frame_equal(score_rows(champion.model, X), score_rows(model, X))


def test_other_modes_load_nothing_and_nobody_writes_a_champion():
    dataset = ChampionDataset(validation=parse_validation("repeated_cv").text, model_name_prefix="gliomics")
    assert dataset.load() is None
    with pytest.raises(DatasetError, match="must never be written"):
        dataset.save("anything")
