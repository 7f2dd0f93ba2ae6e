"""A model is logged, loaded, proven; then the gate decides on what the registry holds."""

import base64
import csv
import hashlib
import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from gliomics.compute import ComputeSettings
from gliomics.errors import DataVersionError, RegistrationError, RegistryError
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.cases import arm_design
from gliomics.evaluation.cross_validation.out_of_fold import cross_validate
from gliomics.evaluation.settings import ModellingSettings
from gliomics.lineage.fingerprints import fingerprint_table
from gliomics.model_package.final_model import fit_final_model
from gliomics.model_package.packaging import (
    Packed,
    artefact_digest,
    example_row,
    log_packed,
    prove_it_predicts,
    refuse_dishonest,
)
from gliomics.model_package.wheels import pack_gliomics, pack_installed
from gliomics.registry.evidence import Workspace
from gliomics.registry.gate import GateLimits
from gliomics.registry.ledger import Ledger
from gliomics.registry.promotion import promote, rollback
from gliomics.registry.versions import ARTEFACT_DIGEST, CHAMPION, CONTENT_HASH, Registry
from tasks import TASK
from unit.conftest import generate

NAME = "gliomics-generated"
LIMITS = GateLimits(
    auc_low=0.0,
    minority=2,
    bootstrap=100,
    warn_only=("clinical_baseline", "permutation_control", "calibration"),
    allow_force=True,
)


class Saved:
    """Data versions that are saved, or not, as a test says."""

    def __init__(self, tag: str | None = "data/generated/v1") -> None:
        self.tag, self.restored = tag, []

    def find(self, lineage):
        return self.tag

    def problems(self, tag):
        return ()

    def unclean(self, lineage):
        return ()

    def restore(self, tag):
        if tag == "data/generated/lost":
            raise DataVersionError(where=tag, expected="its objects", got="none", fix="Fetch them.")
        self.restored.append(tag)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory):
    """One clinical model, logged once, and the tables that it was evaluated on."""
    folder = tmp_path_factory.mktemp("logged")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("generated", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    data = generate(30, 14, signal=1.0)
    patients = data.cohort[data.cohort["benefit"].notna()]
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    settings = ModellingSettings()
    table = assemble_arm("clinical", patients, data.blocks)
    model = fit_final_model(table, labels, settings, 1, population="all", refits=3, task=TASK)
    model.card["synthetic"] = True
    design = arm_design(table, labels, data.folds, settings, 1)
    scored = cross_validate(design, None, design.repeats, compute=ComputeSettings(workers=1))
    empty = pd.DataFrame({"subject_id": pd.Series(dtype="object")})
    tables = {
        "cohort": data.cohort,
        "folds": data.folds,
        "radiomic_features": empty,
        "region_presence": empty,
        "published_features": empty,
        "embeddings": empty,
        "cv_predictions": scored.assign(arm="clinical", dataset="dataset1", protocol="leakage_free"),
    }
    evidence = {
        "arm": "clinical",
        "metrics": {"n_long": 30, "n_short": 14, "auc": {"value": 0.7, "low": 0.5, "high": 0.9}},
        "inputs": {name: fingerprint_table(table) for name, table in tables.items()},
        "settings": {
            "modelling": settings.model_dump(mode="json"),
            "seed": 1,
            "primary_population": "all",
            "feature_source": "extracted",
            "stability": {},
        },
    }
    packed = Packed(model, evidence, attributions={"shap_values": pd.DataFrame({"feature": ["age_years"]})})
    with mlflow.start_run():
        uri, digest = log_packed(packed, None)
    yield packed, uri, digest, Workspace(tables, ComputeSettings(workers=1))
    mlflow.set_tracking_uri(before)


@pytest.fixture
def registered(logged, tmp_path: Path):
    """Three versions of that model in a registry of its own ledger."""
    packed, uri, digest, workspace = logged
    registry = Registry(Ledger(tmp_path / "ledger.jsonl"))
    tags = {
        "gliomics.arm": "clinical",
        "gliomics.protocol": "leakage_free",
        ARTEFACT_DIGEST: digest,
        CONTENT_HASH: packed.content_hash(),
    }
    for _ in range(3):
        registry.register(NAME, uri, tags)
    yield registry, workspace
    registry.client.delete_registered_model(NAME)


def ask(registered, version, data=None, limits=LIMITS, **more):
    registry, workspace = registered
    return promote(registry, NAME, version, limits=limits, workspace=workspace, data=data or Saved(), **more)


def test_what_was_logged_scores_as_the_fitted_model_and_holds_no_pickle(logged, tmp_path: Path):
    packed, uri, digest, _ = logged
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(tmp_path)))
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
    assert {"artifacts/model/model.skops", "artifacts/model/evidence.json", "requirements.txt"} <= names
    assert "artifacts/attributions/shap_values.parquet" in names
    assert {name.split("-")[0] for name in names if name.endswith(".whl")} == {
        "artifacts/wheels/gliomics",
        "artifacts/wheels/pyradiomics",
    }
    assert artefact_digest(folder) == digest
    served = mlflow.pyfunc.load_model(str(folder)).predict(pd.DataFrame([{"age_years": 40.0, "sex": "male"}]))
    row = pd.DataFrame([{"age_years": 40.0, "sex": "male"}]).reindex(columns=packed.model.card["columns"])
    direct = packed.model.pipeline.predict_proba(row)[:, 1]
    np.testing.assert_allclose(served["probability"], direct, rtol=0, atol=1e-9)
    with pytest.raises(MlflowException, match="takes no scans"):
        mlflow.pyfunc.load_model(str(folder)).predict(pd.DataFrame([{"case_dir": "somewhere"}]))


@pytest.mark.parametrize("victim", ["artifacts/model/model.skops", "artifacts/model/card.json"])
def test_a_truncated_artifact_is_refused_before_anything_is_registered(logged, tmp_path: Path, victim):
    packed, uri, _, _ = logged
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(tmp_path)))
    broken = folder / victim
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    with pytest.raises(RegistrationError, match="the logged model must load and predict"):
        prove_it_predicts(str(folder), packed.model, example_row(packed.model))


def test_another_model_under_the_logged_name_is_refused(logged):
    packed, uri, _, _ = logged
    other = replace(packed.model, pipeline=packed.model.pipeline[:-1].__class__(packed.model.pipeline.steps))
    other.pipeline.steps[-1] = ("classify", fitted_elsewhere(packed.model))
    with pytest.raises(RegistrationError, match="is not the fitted model"):
        prove_it_predicts(uri, other, example_row(packed.model))


def fitted_elsewhere(model):
    from copy import deepcopy

    classifier = deepcopy(model.pipeline[-1])
    classifier.intercept_ = classifier.intercept_ + 0.1
    return classifier


@pytest.mark.parametrize("protocol", ["augment_before_split", None])
def test_the_audit_can_not_be_registered(logged, protocol):
    model = logged[0].model
    with pytest.raises(RegistrationError, match="protocol must be leakage_free"):
        refuse_dishonest(replace(model, card={**model.card, "protocol": protocol}))


def test_same_content_same_hash_and_other_content_another(logged):
    packed = logged[0]
    assert replace(packed).content_hash() == packed.content_hash()
    for other in (
        replace(packed, evidence={**packed.evidence, "arm": "deep"}),
        replace(packed, attributions={}),
        replace(packed, model=replace(packed.model, card={**packed.model.card, "threshold": 0.1})),
    ):
        assert other.content_hash() != packed.content_hash()


def test_promote_then_a_second_then_roll_back_with_the_data_of_the_first(registered):
    registry, _ = registered
    assert ask(registered, "1").promoted
    second = ask(registered, "candidate", Saved("data/generated/v2"))
    assert (second.version, second.promoted) == ("3", True)
    champion = next(c for c in second.decision.criteria if c.name == "champion")
    assert champion.value.startswith("+0.000 (+0.000 to +0.000), n = 44")
    data = Saved()
    assert rollback(registry, NAME, None, data) == ("1", "data/generated/v1")
    assert data.restored == ["data/generated/v1"]
    assert registry.version_of(NAME, CHAMPION) == "1"
    with pytest.raises(RegistryError, match="a former champion to go back to, got none"):
        rollback(registry, NAME, None, data)
    with pytest.raises(RegistryError, match="Former champions: none"):
        rollback(registry, NAME, "2", data)
    actions = [entry.action for entry in registry.verify()]
    assert actions == ["register"] * 3 + ["promote", "promote", "rollback"]


def test_a_rollback_whose_data_cannot_be_restored_changes_nothing(registered):
    registry, _ = registered
    ask(registered, "1", Saved("data/generated/lost"))
    ask(registered, "2")
    before = registry.ledger.path.read_bytes()
    with pytest.raises(DataVersionError, match="Fetch them"):
        rollback(registry, NAME, None, Saved())
    assert (registry.version_of(NAME, CHAMPION), registry.ledger.path.read_bytes()) == ("2", before)


def test_a_refused_version_changes_nothing_but_the_ledger(registered):
    registry, _ = registered
    found = ask(registered, "1", limits=LIMITS.model_copy(update={"auc_low": 0.9}))
    assert not found.promoted
    assert registry.version_of(NAME, CHAMPION) is None
    last = registry.ledger.entries()[-1]
    assert (last.action, last.after) == ("refuse", "1")
    assert last.reasons[0].startswith("auc_low fails: 0.700 (0.500 to 0.900)")


def test_force_is_shouted_in_the_ledger_and_exists_only_where_it_is_allowed(registered):
    registry, _ = registered
    hard = LIMITS.model_copy(update={"auc_low": 0.9})
    with pytest.raises(RegistryError, match="the strict gate cannot be forced"):
        ask(registered, "1", limits=hard.model_copy(update={"allow_force": False}), force="demo for Monday")
    found = ask(registered, "1", limits=hard, force="demo for Monday")
    assert (found.forced, found.promoted) == (True, True)
    last = registry.ledger.entries()[-1]
    assert (last.action, last.verdict) == ("force", "FORCED AGAINST THE GATE: demo for Monday")
    assert last.reasons[0].startswith("auc_low fails")


def test_changed_files_can_not_even_be_forced(registered):
    registry, _ = registered
    registry.client.set_model_version_tag(NAME, "1", ARTEFACT_DIGEST, "0" * 64)
    found = ask(registered, "1", force="please")
    assert not found.promoted
    assert found.decision.reasons[0].startswith("artefacts fails")


def test_a_workspace_with_other_data_gives_no_comparison(registered):
    registry, workspace = registered
    ask(registered, "1")
    other = Workspace({**workspace.tables, "cohort": workspace.tables["cohort"].iloc[1:]}, workspace.compute)
    found = ask((registry, other), "2")
    assert not found.promoted
    assert found.decision.reasons[0].startswith(
        "champion not testable: the workspace holds other data (cohort)"
    )


@pytest.mark.parametrize("pack", [pack_gliomics, lambda folder: pack_installed("pyradiomics", folder)])
def test_a_wheel_is_the_same_each_time_and_its_record_is_right(pack, tmp_path: Path):
    wheel = pack(tmp_path / "one")
    assert pack(tmp_path / "two").read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(io.StringIO(archive.read(record).decode())))
        assert {row[0] for row in rows} == set(archive.namelist())
        for name, digest, size in rows:
            if digest:
                content = archive.read(name)
                found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert (digest, int(size)) == (f"sha256={found}", len(content))
    shutil.rmtree(tmp_path)
