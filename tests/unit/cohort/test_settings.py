from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import ValidationError

from gliomics.cohort.settings import CohortSettings
from gliomics.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

CONF = Path(__file__).resolve().parents[3] / "conf" / "base"
SOURCE = {"format": "gdc_json", "path": "cases.json"}
GROUPS = {group: ["gdc"] for group in ("survival", "treatment", "demographics", "grade")}


def clinical(**changes: Any) -> dict[str, Any]:
    return {"sources": {"gdc": SOURCE}, **GROUPS} | changes


@pytest.mark.parametrize("name", ["demo", "tcga_lgg", "tcga_lgg_gdc", "tcga_lgg_slices"])
def test_cohorts_that_ship_are_valid(name: str) -> None:
    content = yaml.safe_load((CONF / "cohorts" / f"{name}.yml").read_text(encoding="utf-8"))
    settings = CohortSettings.model_validate(content["cohorts"][name])
    assert list(content["cohorts"]) == [name]
    assert settings.label.cutoff_days == 730.5
    assert settings.primary_population == "treated"
    assert settings.synthetic is (name == "demo")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clinical": clinical(survival=["cdr"])}, "survival names the source 'cdr', which is not defined"),
        ({"clinical": clinical(grade=[])}, "at least 1 item"),
        ({"clinical": clinical(grade=["gdc", "gdc"])}, "each entry may appear once"),
        (
            {"clinical": clinical(sources={"gdc": SOURCE | {"path": "../elsewhere.json"}})},
            "stay inside it, got '../elsewhere.json'",
        ),
        ({"clinical": clinical(sources={"gdc": SOURCE | {"path": "/abs.json"}})}, "relative to the cohort's"),
        (
            {"clinical": clinical(sources={"gdc": SOURCE | {"diseases": ["LGG"]}})},
            "chooses rows of a source of format tcga_cdr; one of format gdc_json does not say the disease",
        ),
        (
            {"clinical": clinical(sources={"gdc": {"format": "tcga_cdr", "path": "x.xlsx"}})},
            "treatment names the source 'gdc', but a file of format tcga_cdr does not hold it",
        ),
        ({"clinical": clinical(molecular=["gdc"])}, "name a source of format extra_table, gdc_table"),
        ({"images": None}, "requires is 'scans', so that images must say"),
        ({"requires": "published_features"}, "published_features must say where they lie"),
        ({"label": {"cutoff_days": 0}}, "greater than 0"),
        ({"label": {"grades": []}}, "grades must be null"),
        ({"label": {"grades": [2, 5]}}, "grades must be null"),
        ({"published_features": {"path": "f.csv", "drop_columns": ["ID"]}}, "holds the id column 'ID'"),
        ({"arms": []}, "at least 1 item"),
        ({"primary_population": "young"}, "'treated' or 'all'"),
        ({"colour": "blue"}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_settings_are_refused_with_a_sentence(
    make_settings: Callable[..., CohortSettings], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        make_settings(**changes)


def test_sources_know_their_groups(make_settings: Callable[..., CohortSettings]) -> None:
    sources = {"a": SOURCE, "b": SOURCE, "idle": SOURCE}
    settings = make_settings(
        clinical={"sources": sources, **{group: ["b"] for group in GROUPS}, "survival": ["a"]}
    )
    assert settings.clinical.groups_of("a") == {"survival"}
    assert settings.clinical.groups_of("b") == {"treatment", "demographics", "grade"}
    assert settings.clinical.groups_of("idle") == frozenset()


def test_an_unknown_format_is_answered_with_those_that_there_are(
    make_settings: Callable[..., CohortSettings],
) -> None:
    with pytest.raises(SettingsError, match=r"format must be one of extra_table, .*Did you mean 'gdc_json'"):
        make_settings(clinical=clinical(sources={"gdc": {"format": "gdc_jsn", "path": "x.json"}}))
