from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from gliomics.datasets.file_folder import FileFolderDataset
from gliomics.datasets.model_folder import ModelFolderDataset
from gliomics.datasets.raw_folder import RawFolderDataset
from gliomics.evaluation.arms import ArmTable
from gliomics.evaluation.settings import ModellingSettings
from gliomics.model_package.final_model import FinalModel, fit_final_model
from tasks import TASK


@pytest.fixture(scope="module")
def model() -> FinalModel:
    rng = np.random.default_rng(0)
    subjects = pd.Index([f"S-{i:02d}" for i in range(40)], name="subject_id")
    y = pd.Series(rng.integers(0, 2, 40), index=subjects)
    X = pd.DataFrame({"age_years": 50 + 10 * rng.standard_normal(40) - 9 * y, "sex": "male"}, index=subjects)
    return fit_final_model(ArmTable(arm="clinical", X=X), y, ModellingSettings(), seed=0, task=TASK)


def test_models_are_loaded_as_they_were_saved(tmp_path: Path, model: FinalModel):
    dataset = ModelFolderDataset(path=str(tmp_path / "final_models"))
    assert not dataset.exists()
    dataset.save({"clinical": model})
    loaded = dataset.load()
    assert list(loaded) == ["clinical"]
    assert loaded["clinical"].card == model.card
    rows = pd.DataFrame({"age_years": [30.0, 60.0], "sex": ["female", None]})
    np.testing.assert_array_equal(
        loaded["clinical"].pipeline.predict_proba(rows), model.pipeline.predict_proba(rows)
    )
    assert {file.suffix for file in tmp_path.rglob("*") if file.is_file()} == {".skops", ".json"}


def test_saving_replaces_all_arms_and_clears_what_a_killed_save_left(tmp_path: Path, model: FinalModel):
    dataset = ModelFolderDataset(path=str(tmp_path / "final_models"))
    dataset.save({"clinical": model, "radiomics": model})
    (tmp_path / ".final_models-killed").mkdir()
    dataset.save({"clinical": model})
    assert list(dataset.load()) == ["clinical"]
    assert [place.name for place in tmp_path.iterdir()] == ["final_models"]
    dataset.save({})
    assert dataset.load() == {}


def test_a_save_that_fails_leaves_the_old_models(tmp_path: Path, model: FinalModel):
    dataset = ModelFolderDataset(path=str(tmp_path / "final_models"))
    dataset.save({"clinical": model})
    broken = FinalModel(pipeline=model.pipeline, card={"threshold": float("nan")})
    with pytest.raises(DatasetError, match="not JSON compliant"):
        dataset.save({"clinical": model, "radiomics": broken})
    assert list(dataset.load()) == ["clinical"]
    assert [place.name for place in tmp_path.iterdir()] == ["final_models"]


def test_a_model_file_with_a_foreign_type_is_not_loaded(tmp_path: Path, model: FinalModel):
    import skops.io

    dataset = ModelFolderDataset(path=str(tmp_path / "final_models"))
    dataset.save({"clinical": model})
    skops.io.dump(Path("x"), tmp_path / "final_models" / "clinical" / "model.skops")
    with pytest.raises(DatasetError, match="Untrusted types"):
        dataset.load()


def test_the_raw_folder_is_handed_out_and_never_written(tmp_path: Path):
    dataset = RawFolderDataset(path=str(tmp_path))
    assert dataset.load() == tmp_path
    with pytest.raises(DatasetError, match="never be written"):
        dataset.save(tmp_path)


def test_an_absent_raw_folder_names_the_ways_out(tmp_path: Path):
    dataset = RawFolderDataset(path=str(tmp_path / "demo"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match=r"gliomics demo.*--params raw_dir="):
        dataset.load()


def test_files_of_a_folder_are_replaced_as_a_whole_and_stay_inside(tmp_path: Path):
    dataset = FileFolderDataset(path=str(tmp_path / "heatmaps"))
    assert not dataset.exists()
    dataset.save({"P1/map.nii.gz": b"one", "P2/map.nii.gz": b"two"})
    dataset.save({"P3/map.nii.gz": b"three"})
    assert dataset.load() == {"P3/map.nii.gz": b"three"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["heatmaps"]
    for name in ("../out", "/out", "P1/../../out"):
        with pytest.raises(DatasetError, match="must lie in the folder"):
            dataset.save({name: b""})
    assert dataset.load() == {"P3/map.nii.gz": b"three"}
