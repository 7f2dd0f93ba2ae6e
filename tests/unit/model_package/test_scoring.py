"""Scoring rows: probabilities, intervals, contributions that add up, warnings."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from gliomics.errors import FeatureTableError
from gliomics.learning.estimators.encoding import TableEncoder
from gliomics.model_package.contributions import contributions, log_odds
from gliomics.model_package.final_model import FinalModel
from gliomics.model_package.scoring import score_rows

COLUMNS = ["a", "b", "region_present__et"]


def steps(classifier) -> list:
    return [
        ("impute", SimpleImputer(strategy="median")),
        ("scale", StandardScaler()),
        ("classify", classifier),
    ]


def make(classifier, refits: int = 0) -> tuple[FinalModel, pd.DataFrame]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": rng.normal(3, 2, 60), "b": rng.normal(size=60), "region_present__et": rng.integers(0, 2, 60)}
    )
    y = (X["a"] + rng.normal(size=60) > 3).astype(int)
    pipeline = Pipeline([("encode", TableEncoder(COLUMNS)), *steps(classifier)]).fit(X, y)
    again = [
        Pipeline(steps(LogisticRegression(C=C))).fit(X.to_numpy(float), y)
        for C in np.geomspace(0.01, 1, refits)
    ]
    card = {
        "arm": "radiomics",
        "columns": COLUMNS,
        "threshold": 0.5,
        "example": X.median().to_dict(),
        "ranges": {c: [float(X[c].min()), float(X[c].max())] for c in COLUMNS},
        "untrained": ["medicalnet"],
        "interval_confidence": 0.9,
        "synthetic": True,
    }
    return FinalModel(pipeline, card, tuple(again)), X


def test_scores_decide_at_the_card_s_threshold_and_keep_the_index():
    model, _ = make(LogisticRegression())
    rows = pd.DataFrame({"b": [0.0, 0.0], "a": [-2.0, 8.0], "unknown": [1, 1]}, index=["p", "q"])
    scored = score_rows(model, rows)
    assert list(scored.index) == ["p", "q"]
    assert scored["decision"].tolist() == [0, 1]
    expected = model.pipeline.predict_proba(rows.reindex(columns=COLUMNS))[:, 1]
    np.testing.assert_array_equal(scored["probability"], expected)
    assert scored["low"].isna().all()


def test_a_row_without_any_known_column_is_refused():
    with pytest.raises(FeatureTableError, match="at least one of the 3 columns of the radiomics arm"):
        score_rows(make(LogisticRegression())[0], pd.DataFrame({"x": [1.0]}))


def test_the_interval_is_the_percentiles_of_the_refits_scores():
    model, X = make(LogisticRegression(), refits=11)
    scored = score_rows(model, X.head(3))
    by_hand = np.stack([refit.predict_proba(X.head(3).to_numpy(float))[:, 1] for refit in model.refits])
    np.testing.assert_allclose(scored["low"], np.quantile(by_hand, 0.05, axis=0))
    np.testing.assert_allclose(scored["high"], np.quantile(by_hand, 0.95, axis=0))


def test_contributions_of_a_linear_model_are_coefficient_times_difference_and_add_up():
    model, X = make(LogisticRegression())
    row, typical = X.iloc[0].to_numpy(float), X.median().to_numpy(float)
    found = contributions(model.pipeline[1:], row, typical)
    by_hand = model.pipeline[-1].coef_[0] * (row - typical) / model.pipeline["scale"].scale_
    np.testing.assert_allclose(found.terms, by_hand, atol=1e-12)
    assert found.additive
    whole, middle = (model.pipeline[1:].predict_proba(r[None])[0, 1] for r in (row, typical))
    assert found.terms.sum() == pytest.approx(logit(whole) - logit(middle))
    missing = np.array([np.nan, 1.0, 1.0])
    assert contributions(model.pipeline[1:], missing, typical).terms[0] == 0.0


def test_contributions_of_a_forest_are_one_at_a_time_and_said_not_to_add_up():
    model, X = make(RandomForestClassifier(n_estimators=20, max_depth=4, random_state=0))
    row = X.sort_values("a").iloc[0].to_numpy(float)
    typical = X.median().to_numpy(float)
    found = contributions(model.pipeline[1:], row, typical)
    changed = row.copy()
    changed[0] = typical[0]
    both = log_odds(model.pipeline[1:], np.stack([row, changed]))
    assert found.terms[0] == pytest.approx(both[0] - both[1])
    assert found.terms[0] < 0
    assert not found.additive


def test_warnings_name_absent_regions_values_out_of_range_gaps_and_untrained_weights():
    model, X = make(LogisticRegression())
    rows = pd.DataFrame({"a": [99.0, X["a"].median()], "b": [np.nan, 0.0], "region_present__et": [0.0, 1.0]})
    first, second = score_rows(model, rows)["warnings"]
    assert "region et is absent" in first[0]
    assert first[1].startswith("1 features out of the training range: a = 99 (training ")
    assert first[2] == "1 of 3 features missing, imputed by the training median"
    assert "UNTRAINED" in first[3]
    assert "SYNTHETIC" in first[4]
    assert len(second) == 2
