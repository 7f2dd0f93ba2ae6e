"""The real TCGA-LGG records: known counts, the permutation control, the real patient."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from gliomics.cohort.published_panel import region_presence
from gliomics.compute import ComputeSettings
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import ModellingSettings
from integration.conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.real_data]
DATA = "data/test"


def label_counts(project: Project, cohort: str, population: str) -> tuple[int, ...]:
    flow = pd.read_csv(project.folder / DATA / "08_reporting" / cohort / "cohort_flow.csv")
    rows = flow[flow["population"] == population].set_index("rule")["remaining"]
    return tuple(int(rows[f"label_{name}"]) for name in ("long", "short", "censored"))


def test_known_counts_with_survival_from_tcga_cdr(real_project: Project):
    assert label_counts(real_project, "tcga_lgg", "all") == (35, 7, 23)
    assert label_counts(real_project, "tcga_lgg", "treated") == (23, 7, 16)


def test_known_counts_with_the_gdc_export_alone(real_project: Project, real_data: Path):
    real_project.kedro_run(
        "--env",
        "test",
        "--pipelines",
        "ingestion",
        "--params",
        f"cohort=tcga_lgg_gdc,raw_dir={real_data / 'tcga_lgg'}",
    )
    assert label_counts(real_project, "tcga_lgg_gdc", "all") == (35, 7, 22)
    cohort = pd.read_parquet(real_project.folder / DATA / "02_intermediate/tcga_lgg_gdc/cohort.parquet")
    unknown = cohort[cohort["exclusion_reason"] == "survival_unknown"]["subject_id"].tolist()
    assert unknown == ["TCGA-DU-6542"]
    labels = cohort["benefit"].value_counts()
    assert (len(cohort), labels[1], labels[0]) == (516, 241, 56)
    assert cohort["os_days"].isna().sum() == 3


def test_the_published_panel_keeps_all_its_features(real_project: Project):
    features = pd.read_parquet(real_project.folder / DATA / "04_feature/tcga_lgg/published_features.parquet")
    assert features.shape == (65, 1 + 724)
    assert (features["VOLUME_ET"] == 0).sum() == 20


def test_the_real_patient_passes_the_image_checks(real_project: Project):
    outcomes = pd.read_parquet(
        real_project.folder / DATA / "02_intermediate/tcga_lgg/case_outcomes_ingestion.parquet"
    )
    assert outcomes[["subject_id", "status"]].to_numpy().tolist() == [["TCGA-FG-6692", "processed"]]


def test_the_real_patient_has_726_features_and_a_spread_over_five_algorithms(real_project: Project):
    folder = real_project.folder / DATA / "04_feature/tcga_lgg"
    features = pd.read_parquet(folder / "radiomic_features.parquet")
    assert features.shape == (1, 1 + 726)
    assert features.notna().all(axis=None)
    stability = pd.read_parquet(folder / "feature_stability.parquet").set_index("feature")
    assert set(stability["reason"]) == {"too_few_subjects"}, "one patient has no ICC"
    assert set(stability["cv_note"]) == {"one patient, not an ICC"}
    assert 0.05 < stability.loc["mask__wt__shape_VoxelVolume", "cv"] < 0.3
    assert len(pd.read_parquet(folder / "variant_features.parquet")) == 5


def test_age_and_grade_carry_the_signal_and_the_panel_does_not(real_project: Project):
    facts = json.loads((real_project.folder / DATA / "08_reporting/tcga_lgg/metrics.json").read_text())
    arms = facts["populations"]["all"]["arms"]
    assert arms["clinical"]["auc"]["value"] > 0.75
    assert arms["radiomics"]["auc"]["value"] < 0.70
    assert facts["populations"]["treated"]["n"] == 30


@pytest.mark.parametrize("population", ["treated", "all"])
def test_the_permutation_control_holds_with_200_permutations(real_project: Project, population):
    folder = real_project.folder / DATA
    features = pd.read_parquet(folder / "04_feature/tcga_lgg/published_features.parquet")
    evaluation = evaluate_population(
        pd.read_parquet(folder / "02_intermediate/tcga_lgg/cohort.parquet"),
        pd.read_parquet(folder / "05_model_input/tcga_lgg/folds.parquet"),
        {"radiomics": features, "region_presence": region_presence(features)},
        arms=["clinical", "radiomics"],
        population=population,
        settings=ModellingSettings(),
        seed=20261124,
        compute=ComputeSettings(),
    )
    for arm in ("clinical", "radiomics"):
        control = evaluation.arms[arm].control
        assert control.n == 200
        assert control.passed, f"{arm}: mean {control.mean:.3f}, bound {control.bound:.3f}"


def test_the_strict_gate_refuses_the_radiomics_model_and_says_why(real_project: Project):
    conf = real_project.folder / "conf"
    strict = yaml.safe_load((conf / "prod" / "registry" / "parameters.yml").read_text())["registry"]["gate"]
    shutil.copytree(conf / "test", conf / "strict")
    parameters = yaml.safe_load((conf / "test" / "parameters.yml").read_text())
    parameters["registry"]["gate"] = strict
    (conf / "strict" / "parameters.yml").write_text(yaml.safe_dump(parameters))
    said = real_project.gliomics("registry", "promote", "--cohort", "tcga_lgg", "--env", "strict", expect=1)
    rows = {cells[1].strip(): cells for line in said.splitlines() if len(cells := line.split("│")) == 6}
    assert rows["protocol"][4].strip() == "passes"
    assert (rows["minority"][3].strip(), rows["minority"][4].strip()) == ("7", "not testable")
    for criterion in ("auc_low", "clinical_baseline", "data_version"):
        assert rows[criterion][4].strip() == "fails"
    assert "the champion of gliomics-tcga_lgg stays none" in said
