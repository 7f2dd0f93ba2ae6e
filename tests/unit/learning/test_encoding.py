"""Encoding: fixed levels, nothing learned, what is not a number becomes missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gliomics.errors import FeatureTableError
from gliomics.learning.estimators.encoding import TableEncoder


def test_text_numbers_and_missing_values():
    table = pd.DataFrame(
        {
            "sex": pd.array(["female", " Male", None], dtype="string"),
            "grade": pd.array([2, pd.NA, 3], dtype="Int64"),
            "idh": ["mutant", "wildtype", np.nan],
            "volume": [np.inf, -np.inf, 7.5],
            "flag": pd.array([True, False, pd.NA], dtype="boolean"),
        }
    )
    encoded = TableEncoder(list(table.columns)).transform(table)
    nan = np.nan
    expected = [[0, 2, 1, nan, 1], [1, nan, 0, nan, 0], [nan, 3, nan, 7.5, nan]]
    np.testing.assert_array_equal(encoded, expected)


def test_columns_come_in_the_order_asked_for_and_others_are_ignored():
    table = pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]})
    np.testing.assert_array_equal(TableEncoder(["c", "a"]).transform(table), [[3.0, 1.0]])


def test_a_column_without_any_value_is_missing_throughout():
    table = pd.DataFrame({"sex": [None, None], "age_years": [1.0, 2.0]})
    np.testing.assert_array_equal(np.isnan(TableEncoder(["sex", "age_years"]).transform(table)[:, 0]), True)


@pytest.mark.parametrize("column", ["sex", "age_years"])
def test_unknown_text_is_refused(column):
    with pytest.raises(FeatureTableError, match=f"predictor {column}: text must be one of .*got 'unclear'"):
        TableEncoder([column]).transform(pd.DataFrame({column: ["unclear"]}))


def test_an_absent_column_is_refused():
    with pytest.raises(FeatureTableError, match="no column grade"):
        TableEncoder(["age_years", "grade"]).transform(pd.DataFrame({"age_years": [40.0]}))


def test_encoding_rows_alone_or_together_gives_the_same():
    table = pd.DataFrame({"sex": ["male", "female"], "age_years": [30.0, np.nan]})
    encoder = TableEncoder(["sex", "age_years"])
    alone = np.concatenate([encoder.transform(table.iloc[[row]]) for row in (0, 1)])
    np.testing.assert_array_equal(encoder.transform(table), alone)
