from dataclasses import replace

import pytest

from gliomics.lineage.run_facts import (
    CHAIN_ID,
    DIRTY_PATHS,
    FEATURES_HASH,
    GIT_COMMIT,
    GIT_DIRTY,
    RunFacts,
    parameters_hash,
    settings_hash,
    unclean,
    weights_hash,
)
from gliomics.lineage.run_markers import StageMarker, read_marker, why_stale, write_marker

FACTS = RunFacts(
    cohort="demo",
    environment="base",
    commit="c" * 40,
    changed=(),
    raw_hash="r",
    settings_hash="s",
    code_hash="k",
    environment_hash="e",
    weights_hash="untrained",
)
MARKER = StageMarker("code", "values", {"data/raw": "1"}, {"data/out": "2"})


def test_runs_of_equal_data_settings_and_code_share_a_chain_whatever_the_commit():
    same = replace(FACTS, commit="d" * 40, changed=("conf/x.yml",))
    assert same.chain_id == FACTS.chain_id
    assert FACTS.tags()[CHAIN_ID] == FACTS.chain_id


@pytest.mark.parametrize("field", ["cohort", "raw_hash", "settings_hash", "code_hash", "environment_hash"])
def test_another_chain_begins_where_something_that_matters_differs(field):
    assert replace(FACTS, **{field: "other"}).chain_id != FACTS.chain_id


def test_clean_code_is_clean_and_everything_else_says_why():
    assert unclean(FACTS.tags()) == ()
    assert unclean(replace(FACTS, changed=("conf/a.yml", "src/b.py")).tags()) == ("conf/a.yml", "src/b.py")
    assert unclean(replace(FACTS, changed=None, commit=None).tags()) == ("git did not know the code",)
    assert unclean({}) == ("no lineage was recorded",)
    assert unclean({GIT_COMMIT: "c", GIT_DIRTY: "true", DIRTY_PATHS: "src/a.py"}) == ("src/a.py",)
    assert FEATURES_HASH not in FACTS.tags(), "features do not exist yet when a run starts"


def test_workers_and_other_cohorts_change_no_settings():
    settings = {"seed": 1, "compute": {"workers": 1}, "cohorts": {"a": 1}, "raw_dir": "x"}
    assert settings_hash(settings) == settings_hash({"seed": 1, "compute": {"workers": 2}})
    assert settings_hash(settings) != settings_hash({"seed": 2})
    assert parameters_hash(settings, ["seed", "compute"]) == parameters_hash(settings, ["seed"])


def test_weights_are_named_by_their_hash_or_called_untrained():
    def weights(**medicalnet):
        return weights_hash({"embedding": {"medicalnet": medicalnet}})

    assert weights(enabled=True, weights="untrained", sha256=None) == "untrained"
    assert weights(enabled=True, weights="file.pth", sha256="ab") == "ab"
    assert weights(enabled=False, weights="file.pth", sha256="ab") == "none"


def test_a_marker_matches_until_something_changes(tmp_path):
    write_marker(tmp_path / "m.json", MARKER)
    marker = read_marker(tmp_path / "m.json")
    assert why_stale(marker, MARKER) == ""
    assert "code has changed" in why_stale(marker, replace(MARKER, code="x"))
    assert "other settings" in why_stale(marker, replace(MARKER, parameters="x"))
    assert "other inputs than in the run: data/raw" in why_stale(
        marker, replace(MARKER, inputs={"data/raw": "3"})
    )
    assert "other outputs than in the run: data/out" in why_stale(marker, replace(MARKER, outputs={}))
    assert "not been run" in why_stale(None, MARKER)
    (tmp_path / "m.json").write_text("{")
    assert read_marker(tmp_path / "m.json") is None
