"""Catalog, parameters and pipelines fit together."""

from pathlib import Path

import pytest
from kedro.framework.project import pipelines, settings
from kedro.framework.startup import bootstrap_project
from omegaconf.errors import InterpolationResolutionError

from gliomics.pipeline_registry import STAGES
from gliomics.versioning.project import learned_from

PROJECT = Path(__file__).resolve().parents[2]
READ_ELSEWHERE = {"cohorts", "data_versions", "deployment", "kubeflow", "monitoring", "serving"}
"""`cohorts` reaches the pipelines as `cohort_settings`; the others are read by commands
or before a run."""


@pytest.fixture(scope="module")
def config():
    bootstrap_project(PROJECT)
    return settings.CONFIG_LOADER_CLASS(
        conf_source=str(PROJECT / "conf"), env="base", runtime_params={}, **settings.CONFIG_LOADER_ARGS
    )


@pytest.fixture(scope="module")
def catalog(config):
    return {name: entry for name, entry in config["catalog"].items() if not name.startswith("_")}


@pytest.fixture(scope="module")
def default(config):
    return pipelines["__default__"]


def test_the_default_run_is_every_stage_in_order(default):
    assert set(pipelines) == {"__default__", *STAGES}
    assert [node.name for node in default.nodes] and default.datasets()


def test_every_dataset_of_the_pipelines_is_persisted(default, catalog):
    free = {name for name in default.datasets() if not name.startswith("params:") and name != "parameters"}
    assert free == set(catalog)


@pytest.fixture(scope="module")
def files(catalog):
    """All datasets but the champion, which lies in the model registry and is never written by a run."""
    return {name: e for name, e in catalog.items() if not e["type"].endswith(".ChampionDataset")}


def test_every_dataset_lies_in_a_layer_and_is_written_whole(files, config):
    layers = set(config["globals"]["layers"].values())
    for name, entry in files.items():
        place = entry.get("filepath") or entry["path"]
        assert "/".join(place.split("/")[:2]) in layers, name
        assert "versioned" not in entry, name
        assert entry["type"].startswith("gliomics.datasets."), f"{name} is not saved atomically"


def test_kedro_viz_shows_a_dataset_in_the_layer_of_the_stage_that_writes_it(catalog):
    """Of what no stage writes, raw data has a layer of its own, and a store is its first stage's."""
    shown = {name: entry["metadata"]["kedro-viz"]["layer"] for name, entry in catalog.items()}
    for stage in STAGES:
        written = pipelines[stage].all_outputs()
        assert {shown[name] for name in written} == {stage}
    others = {
        name: layer for name, layer in shown.items() if name not in pipelines["__default__"].all_outputs()
    }
    assert others == {
        "raw_folder": "raw",
        "radiomics_store": "feature_engineering",
        "embedding_store": "embedding",
        "external_champion": "modelling",
    }


def test_rows_of_single_patients_with_clinical_facts_are_not_previewed(catalog):
    hidden = {n for n, entry in catalog.items() if entry["metadata"]["kedro-viz"].get("preview") is False}
    assert hidden == {"clinical_records", "cohort", "scan_manifest", "shap_values"}


def test_a_file_is_called_as_its_dataset(files):
    for name, entry in files.items():
        if name != "raw_folder":
            assert Path(entry.get("filepath") or entry["path"]).stem == name


def test_what_models_learn_from_is_marked_for_lineage(catalog):
    """Marked is what the modelling stage reads, but what it only reports and an outside model."""
    read = pipelines["modelling"].inputs() & set(catalog)
    assert set(learned_from(catalog)) == read - {"cohort_flow", "embedding_summary", "external_champion"}


def test_every_parameter_is_read(default, config):
    read = {name.removeprefix("params:") for name in default.inputs() if name.startswith("params:")}
    read.add("registry.gate")  # by `gliomics registry promote`; GateLimits refuses an unknown key
    written = {
        f"{top}.{key}" if f"{top}.{key}" in read else top
        for top, value in config["parameters"].items()
        for key in (value if isinstance(value, dict) and top not in read else [None])
        if top not in READ_ELSEWHERE
    }
    assert read == written


def test_nodes_are_called_as_their_functions(default):
    assert all(node.name.split("__")[0] == node.func.__name__ for node in default.nodes)


def test_an_unknown_validation_lists_the_valid_ones():
    bootstrap_project(PROJECT)
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(PROJECT / "conf"),
        env="base",
        runtime_params={"validation": "leave_one_out"},
        **settings.CONFIG_LOADER_ARGS,
    )
    with pytest.raises(
        InterpolationResolutionError,
        match=r"one of external:<cohort>, leave_one_site_out, repeated_cv, got 'leave_one_out'\. Did you",
    ):
        loader["catalog"]


def test_an_unknown_cohort_lists_the_valid_ones(config):
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(PROJECT / "conf"),
        env="base",
        runtime_params={"cohort": "tcga_lg"},
        **settings.CONFIG_LOADER_ARGS,
    )
    with pytest.raises(
        InterpolationResolutionError,
        match=r"one of demo, rehearsal, tcga_lgg, tcga_lgg_gdc, tcga_lgg_slices, "
        r"got 'tcga_lg'\. Did you mean 'tcga_lgg'",
    ):
        loader["parameters"]
