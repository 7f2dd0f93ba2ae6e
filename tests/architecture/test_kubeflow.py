"""The compiled pipeline is what the stages, the catalog and the settings say, as KFP's own reader sees it."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gliomics.cli import kubeflow as command
from gliomics.cli.kubeflow import kubeflow
from gliomics.errors import SettingsError
from gliomics.lineage.content_hashes import HashMemory
from gliomics.operations.kubeflow import components as written
from gliomics.pipeline_registry import STAGES

kfp = pytest.importorskip("kfp", reason="the extra kubeflow is not installed")
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The project with a raw folder of one file."""
    folder = tmp_path_factory.mktemp("kubeflow")
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    resources = yaml.safe_load((folder / "conf/base/kubeflow/parameters.yml").read_text())["kubeflow"][
        "resources"
    ]
    (folder / "conf/misspelt").mkdir()
    misspelt = {"kubeflow": {"resources": {"modeling": resources["modelling"]}}}
    (folder / "conf/misspelt/parameters.yml").write_text(yaml.safe_dump(misspelt))
    (folder / "data/01_raw/demo").mkdir(parents=True)
    (folder / "data/01_raw/demo/file").write_text("x")
    return folder


@pytest.fixture
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return folder


def compiled(folder, *options):
    done = CliRunner().invoke(kubeflow, ["compile", "--output", "p.yaml", *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return list(yaml.safe_load_all((folder / "p.yaml").read_text()))


def edges(spec):
    tasks = spec["root"]["dag"]["tasks"]
    return {name: set(task.get("dependentTasks", [])) for name, task in tasks.items()}


def test_the_sdk_reads_it_back_and_there_is_one_component_a_stage_joined_as_the_catalog_says(inside):
    spec, platform = compiled(inside, "--image", "registry.example/gliomics:7")
    loaded = kfp.components.load_component_from_file(str(inside / "p.yaml"))
    assert set(loaded.component_spec.inputs) == {"data_version", "parameters"}
    tasks = {name.replace("_", "-") for name in STAGES}
    assert edges(spec) == {
        "ingestion": set(),
        "feature-engineering": {"ingestion"},
        "embedding": {"ingestion"},
        "augmentation": {"ingestion", "feature-engineering"},
        "modelling": {"ingestion", "feature-engineering", "embedding"},
        "reporting": tasks - {"reporting", "registration"},
        "registration": tasks - {"registration", "augmentation"},
    }
    executors = spec["deploymentSpec"]["executors"]
    assert set(executors) == {f"exec-{name}" for name in tasks}
    assert {e["container"]["image"] for e in executors.values()} == {"registry.example/gliomics:7"}
    assert not any("pip install" in " ".join(e["container"]["command"]) for e in executors.values())
    kubernetes = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(kubernetes) == set(executors)
    assert kubernetes["exec-modelling"]["pvcMount"][0]["mountPath"] == "/project"
    secret = kubernetes["exec-modelling"]["secretAsEnv"][0]
    assert secret["secretName"] == "gliomics-mlflow"
    assert {"secretKey": "MLFLOW_TRACKING_PASSWORD", "envVar": "MLFLOW_TRACKING_PASSWORD"} in secret[
        "keyToEnv"
    ]


def test_every_stage_asks_for_its_resources_and_only_embedding_for_a_gpu(inside):
    spec, _ = compiled(inside)
    settings = yaml.safe_load((inside / "conf/base/kubeflow/parameters.yml").read_text())["kubeflow"]
    for stage in STAGES:
        asked = spec["deploymentSpec"]["executors"][f"exec-{stage.replace('_', '-')}"]["container"][
            "resources"
        ]
        wanted = settings["resources"][stage]
        assert (asked["resourceCpuLimit"], asked["resourceMemoryLimit"]) == (wanted["cpu"], wanted["memory"])
        assert ("accelerator" in asked) == (stage == "embedding")
    gpu = spec["deploymentSpec"]["executors"]["exec-embedding"]["container"]["resources"]["accelerator"]
    assert (gpu["resourceType"], gpu["resourceCount"]) == ("nvidia.com/gpu", "1")


def test_a_cache_key_holds_data_parameters_settings_code_and_the_results_that_it_reads(inside):
    spec, _ = compiled(inside, "--params", "seed=7")
    inputs = spec["root"]["inputDefinitions"]["parameters"]
    raw = HashMemory(inside / "none").of_path(inside / "data/01_raw/demo")
    assert inputs["data_version"]["defaultValue"] == raw
    assert inputs["parameters"]["defaultValue"] == {"seed": "7"}
    tasks = spec["root"]["dag"]["tasks"]
    given = tasks["modelling"]["inputs"]["parameters"]
    assert given["data_version"]["componentInputParameter"] == "data_version"
    assert given["parameters"]["componentInputParameter"] == "parameters"
    for other in ("ingestion", "feature_engineering", "embedding"):
        assert given[f"{other}_hash"]["taskOutputParameter"]["outputParameterKey"] == "results_hash"
    assert all(
        re.fullmatch("[0-9a-f]{64}", given[k]["runtimeValue"]["constant"]) for k in ("code", "settings")
    )
    cached = {name: task["cachingOptions"].get("enableCache", False) for name, task in tasks.items()}
    assert [name for name, may in cached.items() if not may] == ["registration"], "it moves an alias"


def test_a_changed_setting_changes_the_key_of_the_stages_that_read_it_and_no_other(inside):
    def keys():
        tasks = compiled(inside)[0]["root"]["dag"]["tasks"]
        return {
            name: json.dumps(task["inputs"]["parameters"], sort_keys=True) for name, task in tasks.items()
        }

    before, file = keys(), inside / "conf/base/modelling/parameters.yml"
    text = file.read_text()
    file.write_text(text.replace("cox_penalty: 0.1", "cox_penalty: 0.2"))
    after = keys()
    file.write_text(text)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"augmentation", "modelling", "reporting", "registration"}


def test_without_raw_data_the_data_version_must_be_given_with_the_run(inside):
    spec, _ = compiled(inside, "--cohort", "tcga_lgg")
    assert "defaultValue" not in spec["root"]["inputDefinitions"]["parameters"]["data_version"]
    with pytest.raises(SettingsError, match="tcga_lgg: its raw data folder must exist"):
        CliRunner().invoke(kubeflow, ["run", "--cohort", "tcga_lgg"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--env", "prodd"], r"environment must be one of base, .*, got 'prodd'"),
        (["--cohort", "dmeo"], r"cohort must be one of demo, .* Did you mean 'demo'"),
        (["--data-version", "v9"], r"data version must be one of \(none defined\), got 'v9'"),
        (["--params", "cohort=demo"], r"without cohort and raw_dir, got cohort"),
        (["--params", "kubeflow.volume.claim=No_Name"], r"kubeflow\.volume\.claim.*got 'No_Name'"),
        (["--params", "kubeflow.resources.modelling.cpu=two"], r"kubeflow\.resources\.modelling\.cpu.*'two'"),
        (["--env", "misspelt"], r"stage must be one of .*, got 'modeling'\. Did you mean 'modelling'"),
    ],
)
def test_what_cannot_be_compiled_is_named_and_nothing_is_written(inside, options, said):
    (inside / "p.yaml").unlink(missing_ok=True)
    with pytest.raises(SettingsError, match=said):
        CliRunner().invoke(kubeflow, ["compile", "--output", "p.yaml", *options], catch_exceptions=False)
    assert not (inside / "p.yaml").exists()


def test_a_stage_without_resources_is_named(inside):
    file = inside / "conf/base/kubeflow/parameters.yml"
    text = file.read_text()
    file.write_text(text.replace("    modelling:", "    # modelling:"))
    with pytest.raises(SettingsError, match="every stage must have its resources, got none for modelling"):
        compiled(inside)
    file.write_text(text)


def test_without_the_extra_one_sentence_names_it(inside, monkeypatch):
    monkeypatch.setitem(sys.modules, "kfp", None)
    with pytest.raises(SettingsError, match=r"Install the extra: .*gliomics\[kubeflow\]"):
        written.import_kfp()
    assert command.kubeflow.commands.keys() == {"compile", "run"}
