from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError

from gliomics.datasets.atomic_file import AtomicFileDataset


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame({"subject_id": ["a", "b"], "x": [1.0, None]})


def dataset(folder: Path) -> AtomicFileDataset:
    return AtomicFileDataset(
        filepath=str(folder / "deep" / "table.parquet"), dataset={"type": "pandas.ParquetDataset"}
    )


def test_what_is_saved_is_loaded_and_nothing_else_is_left(tmp_path: Path, table: pd.DataFrame):
    file = dataset(tmp_path)
    assert not file.exists()
    file.save(table)
    pd.testing.assert_frame_equal(file.load(), table)
    assert file.exists()
    assert [place.name for place in (tmp_path / "deep").iterdir()] == ["table.parquet"]


def test_a_save_that_dies_in_the_middle_leaves_the_old_file_and_no_scrap(
    tmp_path: Path, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    file = dataset(tmp_path)
    file.save(table)

    def die_half_way(self, path, *args, **kwargs):
        path.write(b"PAR1 half a file")
        path.flush()
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", die_half_way)
    with pytest.raises(KeyboardInterrupt):
        file.save(table.assign(x=0.0))
    monkeypatch.undo()
    pd.testing.assert_frame_equal(file.load(), table)
    assert [place.name for place in (tmp_path / "deep").iterdir()] == ["table.parquet"]


def test_what_the_wrapped_dataset_cannot_save_leaves_the_old_file(tmp_path: Path):
    file = AtomicFileDataset(filepath=str(tmp_path / "facts.json"), dataset={"type": "json.JSONDataset"})
    file.save({"a": 1})
    with pytest.raises(DatasetError, match="not JSON serializable"):
        file.save({"a": object()})
    assert file.load() == {"a": 1}


def test_it_works_from_a_catalog_with_metadata(tmp_path: Path, table: pd.DataFrame):
    catalog = DataCatalog.from_config(
        {
            "table": {
                "type": "gliomics.datasets.atomic_file.AtomicFileDataset",
                "filepath": str(tmp_path / "table.csv"),
                "dataset": {"type": "pandas.CSVDataset", "save_args": {"index": False}},
                "metadata": {"gliomics": {"log_to_mlflow": True}},
            }
        }
    )
    catalog.save("table", table)
    assert (tmp_path / "table.csv").read_text().splitlines()[0] == "subject_id,x"
    assert catalog.get("table").metadata == {"gliomics": {"log_to_mlflow": True}}
    with pytest.raises(DatasetError, match=r"No such file|Failed while loading"):
        AtomicFileDataset(filepath=str(tmp_path / "none.csv"), dataset={"type": "pandas.CSVDataset"}).load()
