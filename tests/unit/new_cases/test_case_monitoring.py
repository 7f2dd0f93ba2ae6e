"""A table of new cases against a registered model: its profile, its columns, and a row that is no case."""

from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from gliomics.cohort.settings import PublishedFeaturesSettings
from gliomics.compute import ComputeSettings
from gliomics.errors import FeatureTableError, ServingError
from gliomics.evaluation.arms import ArmTable, assemble_arm
from gliomics.evaluation.settings import ModellingSettings
from gliomics.model_package.final_model import fit_final_model
from gliomics.model_package.model_files import load_final_model, save_final_model
from gliomics.model_package.packaging import Packed, log_packed
from gliomics.new_cases.monitoring.cases import monitor_cases
from gliomics.new_cases.monitoring.settings import MonitoringSettings
from gliomics.new_cases.monitoring.used_columns import used_columns
from gliomics.new_cases.prediction import panel_rows
from tasks import TASK
from unit.conftest import generate

NAME = "gliomics-monitored"
SETTINGS = MonitoringSettings(draws=20_000)


@pytest.fixture(scope="module")
def model():
    data = generate(40, 20, signal=1.0)
    patients = data.cohort[data.cohort["benefit"].notna()]
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    table = assemble_arm("clinical", patients, data.blocks)
    return fit_final_model(
        table, labels, ModellingSettings(), 1, population="all", refits=2, task=TASK
    ), table.X


@pytest.fixture(scope="module")
def registered(model, tmp_path_factory: pytest.TempPathFactory):
    """Version 1 carries its profile, version 2 is as models were before."""
    folder = tmp_path_factory.mktemp("monitored")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("monitored", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    for each in (model[0], replace(model[0], profile=None)):
        with mlflow.start_run():
            uri, _ = log_packed(Packed(each, {"arm": "clinical"}), None)
        mlflow.register_model(uri, NAME)
    yield
    mlflow.set_tracking_uri(before)


def ask(path: Path, version: str = "1", name: str = NAME, panel: PublishedFeaturesSettings | None = None):
    compute = ComputeSettings(workers=1)
    return monitor_cases(name, version, path, compute, SETTINGS, panel=panel, seed=1)[0]


def test_the_training_patients_themselves_are_no_alarm_and_older_ones_are(registered, model, tmp_path: Path):
    table = model[1].reset_index()
    table.to_parquet(tmp_path / "same.parquet")
    found = ask(tmp_path / "same.parquet")
    assert (found.alarms, found.cases, found.quarantined) == ((), 60, 0)
    table.assign(age_years=table["age_years"] + 60).to_csv(tmp_path / "older.csv", index=False)
    assert ("psi", "age_years") in {(a.limit, a.where) for a in ask(tmp_path / "older.csv").alarms}


def test_rows_that_are_no_cases_are_quarantined_and_the_rest_is_compared(registered, model, tmp_path: Path):
    table = model[1].reset_index().astype(object)
    table.loc[0, "age_years"] = "forty"
    table.loc[1, "sex"] = "neither"
    table.to_csv(tmp_path / "new.csv", index=False)
    found = ask(tmp_path / "new.csv")
    assert (found.cases, found.quarantined) == (58, 2)
    reasons = dict(found.reasons)
    assert reasons[table.loc[0, "subject_id"]] == "age_years must be a number, got 'forty'"
    assert "text must be one of female, male" in reasons[table.loc[1, "subject_id"]]
    assert not found.alarms


def test_what_can_not_be_compared_is_an_error_that_says_what_to_do(registered, tmp_path: Path):
    (tmp_path / "other.csv").write_text("height\n180\n")
    with pytest.raises(FeatureTableError, match="1 columns, none of them known"):
        ask(tmp_path / "other.csv")
    (tmp_path / "cases").mkdir()
    with pytest.raises(ServingError, match="the clinical arm of this cohort, which takes none"):
        ask(tmp_path / "cases")
    with pytest.raises(FeatureTableError, match=r"training profile .profile.json.*modelling,registration"):
        ask(tmp_path / "other.csv", "2")


def test_the_profile_comes_back_from_the_files_and_holds_no_patient(model, tmp_path: Path):
    save_final_model(model[0], tmp_path / "model")
    assert load_final_model(tmp_path / "model").profile == model[0].profile
    text = (tmp_path / "model" / "profile.json").read_text()
    assert not [subject for subject in model[1].index if subject in text]
    save_final_model(replace(model[0], profile=None), tmp_path / "model")
    assert load_final_model(tmp_path / "model").profile is None


def test_used_columns_are_those_that_move_the_score(model):
    fitted = model[0]
    assert "age_years" in used_columns(fitted, fitted.profile)
    classify = fitted.pipeline[-1]
    weights = classify.coef_.copy()
    try:
        classify.coef_ = np.zeros_like(weights)
        assert used_columns(fitted, fitted.profile) == frozenset()
    finally:
        classify.coef_ = weights
    assert isinstance(fitted.card["example"], dict) and pd.Series(fitted.card["example"]).notna().all()


def test_a_published_panel_is_read_as_ingestion_reads_it_its_regions_included(registered, tmp_path: Path):
    rng = np.random.default_rng(3)
    panel = pd.DataFrame(
        {
            "ID": [f"TCGA-CS-{4900 + n}" for n in range(60)],
            "VOLUME_ET": np.where(rng.random(60) < 0.2, 0.0, rng.lognormal(9.0, 0.5, 60)),
            "VOLUME_WT": rng.lognormal(11.0, 0.4, 60),
            "INTENSITY_Mean_ET_T1": rng.normal(100.0, 10.0, 60),
        }
    )
    settings = PublishedFeaturesSettings(path="panel.csv")
    panel.to_csv(tmp_path / "panel.csv", index=False)
    rows = panel_rows(tmp_path / "panel.csv", settings)
    labels = pd.Series(rng.permutation([0, 1] * 30), index=rows.index)
    fitted = fit_final_model(
        ArmTable("radiomics", rows), labels, ModellingSettings(), 1, population="all", refits=2, task=TASK
    )
    with mlflow.start_run():
        uri, _ = log_packed(Packed(fitted, {"arm": "radiomics"}), None)
    mlflow.register_model(uri, "panel-model")
    found = ask(tmp_path / "panel.csv", name="panel-model", panel=settings)
    regions = {
        f.column: (f.missing_share, f.missing_share_training) for f in found.columns if "region" in f.column
    }
    absent = float((panel["VOLUME_ET"] == 0).mean())
    assert regions == {"region_present__et": (absent, absent), "region_present__wt": (0.0, 0.0)}
    assert (found.alarms, found.not_given) == ((), ())
    panel.assign(VOLUME_ET=0.0).to_csv(tmp_path / "none.tsv", index=False, sep="\t")
    over = ask(tmp_path / "none.tsv", name="panel-model", panel=settings).alarms
    assert ("missing_increase", "region_present__et") in {(alarm.limit, alarm.where) for alarm in over}
    panel.rename(columns={"ID": "subject_id"}).to_parquet(tmp_path / "table.parquet")
    found = ask(tmp_path / "table.parquet", name="panel-model", panel=settings)
    assert found.not_given == ("region_present__et", "region_present__wt")
    assert not found.alarms
