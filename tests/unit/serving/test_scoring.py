import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from gliomics.errors import FeatureTableError
from gliomics.prediction.final_model import FinalModel
from gliomics.serving.scoring import score_rows


@pytest.fixture
def model() -> FinalModel:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.standard_normal(60), "b": rng.standard_normal(60)})
    pipeline = Pipeline([("classify", LogisticRegression())]).fit(X, (X["a"] > 0).astype(int))
    return FinalModel(pipeline, {"arm": "radiomics", "columns": ["a", "b"], "threshold": 0.5})


def test_scores_decide_at_the_card_s_threshold_and_keep_the_index(model: FinalModel):
    rows = pd.DataFrame({"b": [0.0, 0.0], "a": [-2.0, 2.0], "unknown": [1, 1]}, index=["p", "q"])
    scored = score_rows(model, rows)
    assert list(scored.index) == ["p", "q"]
    assert scored["decision"].tolist() == [0, 1]
    assert scored["threshold"].tolist() == [0.5, 0.5]
    expected = model.pipeline.predict_proba(rows[["a", "b"]])[:, 1]
    np.testing.assert_array_equal(scored["probability"], expected)


def test_a_row_without_any_known_column_is_refused(model: FinalModel):
    with pytest.raises(FeatureTableError, match="at least one of the 2 columns of the radiomics arm"):
        score_rows(model, pd.DataFrame({"x": [1.0]}))
