from pathlib import Path

import pandas as pd
import pytest

from gliomics.lineage.fingerprints import fingerprint_json, fingerprint_source, fingerprint_table


def test_json_fingerprint_ignores_key_order_and_sees_values():
    assert fingerprint_json({"a": 1, "b": [1.5]}) == fingerprint_json({"b": [1.5], "a": 1})
    assert fingerprint_json({"a": 1}) != fingerprint_json({"a": 2})


def test_json_fingerprint_refuses_numbers_that_json_cannot_hold():
    with pytest.raises(ValueError, match="Out of range float"):
        fingerprint_json({"a": float("nan")})


def test_table_fingerprint_sees_names_values_and_missing_ones():
    table = pd.DataFrame({"subject_id": ["a", "b"], "x": [1.0, None]})
    assert fingerprint_table(table) == fingerprint_table(table.copy())
    assert fingerprint_table(table) != fingerprint_table(table.rename(columns={"x": "y"}))
    assert fingerprint_table(table) != fingerprint_table(table.assign(x=[1.0, 0.0]))
    assert fingerprint_table(table) != fingerprint_table(table.iloc[::-1])


def test_source_fingerprint_sees_a_changed_byte_and_a_moved_file_but_no_leftovers(tmp_path: Path):
    (tmp_path / "a.py").write_text("x = 1\n")
    before = fingerprint_source(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"leftover")
    assert fingerprint_source(tmp_path) == before
    (tmp_path / "a.py").write_text("x = 2\n")
    changed = fingerprint_source(tmp_path)
    assert changed != before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert fingerprint_source(tmp_path) not in {before, changed}
