"""The two commands of the README, on the demo cohort, in the test environment."""

import hashlib
import json
import re
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from gliomics.pipeline_registry import STAGES
from integration.conftest import Project, copy_project

pytestmark = pytest.mark.slow
DATA = "data/test"


def metrics(project: Project, cohort: str = "demo") -> dict:
    return json.loads((project.folder / DATA / "08_reporting" / cohort / "metrics.json").read_text())


def explanation_figures(project: Project) -> set[str]:
    """Figures of SHAP, variance and Grad-CAM, and heatmaps; which there are follows from what models use."""
    folder = project.folder / DATA / "08_reporting/demo"
    kinds = ("figures/shap_*.svg", "figures/variance_*.svg", "figures/enrichment-*.svg", "heatmap*/**/*.*")
    return {file.relative_to(folder).as_posix() for kind in kinds for file in folder.glob(kind)}


def test_every_promised_file_is_there(demo_project: Project):
    written = {
        file.relative_to(demo_project.folder / DATA).as_posix()
        for file in (demo_project.folder / DATA).rglob("*")
        if file.is_file() and not file.parent.parent.name.endswith("_store")
    }
    explained = explanation_figures(demo_project)
    some = ("shap_clinical_feature.svg", "shap_radiomics_beeswarm.svg", "variance_effects.svg")
    assert {f"figures/{name}" for name in some} <= explained
    assert written - {f"08_reporting/demo/{name}" for name in explained} == {
        "02_intermediate/demo/case_outcomes_crops.parquet",
        "02_intermediate/demo/case_outcomes_ingestion.parquet",
        "02_intermediate/demo/clinical_records.parquet",
        "02_intermediate/demo/cohort.parquet",
        "02_intermediate/demo/crop_index.parquet",
        "02_intermediate/demo/patch_centres.parquet",
        "02_intermediate/demo/scan_manifest.parquet",
        "04_feature/demo/boundary_changes.parquet",
        "04_feature/demo/case_outcomes_feature_engineering.parquet",
        "04_feature/demo/case_outcomes_embedding.parquet",
        "04_feature/demo/embeddings.parquet",
        "04_feature/demo/feature_stability.parquet",
        "04_feature/demo/final_embeddings.parquet",
        "04_feature/demo/grey_levels.parquet",
        "04_feature/demo/patch_variance.parquet",
        "04_feature/demo/perturbed_features.parquet",
        "04_feature/demo/published_features.parquet",
        "04_feature/demo/radiomic_features.parquet",
        "04_feature/demo/radiomic_missing_values.parquet",
        "04_feature/demo/region_presence.parquet",
        "04_feature/demo/variant_features.parquet",
        "05_model_input/demo/augmented_features.parquet",
        "05_model_input/demo/folds.parquet",
        *(
            f"06_models/demo/final_models/{arm}/{file}"
            for arm in ("clinical", "radiomics", "deep", "fusion", "fusion_clinical")
            for file in ("card.json", "model.skops", "profile.json", "refits.skops")
        ),
        "06_models/demo/fold_networks.json",
        "06_models/demo/scan_recipe.json",
        "07_model_output/demo/censored_scores.parquet",
        "07_model_output/demo/cv_predictions.parquet",
        "07_model_output/demo/cv_predictions_sensitivity.parquet",
        "08_reporting/demo/case_outcomes.parquet",
        "08_reporting/demo/checklist.csv",
        "08_reporting/demo/complementarity.json",
        "08_reporting/demo/component_spectra.csv",
        "08_reporting/demo/cross_correlations.csv",
        "08_reporting/demo/feature_variance.csv",
        "08_reporting/demo/grad_cam_enrichment.parquet",
        "08_reporting/demo/grad_cam_enrichment_summary.csv",
        "08_reporting/demo/grad_cam_facts.json",
        "08_reporting/demo/grad_cam_maps.parquet",
        "08_reporting/demo/patch_variation.parquet",
        "08_reporting/demo/shap_facts.json",
        "08_reporting/demo/shap_fits.parquet",
        "08_reporting/demo/shap_summary.csv",
        "08_reporting/demo/shap_values.parquet",
        "08_reporting/demo/clinical_findings.csv",
        "08_reporting/demo/cohort_flow.csv",
        "08_reporting/demo/embedding_summary.json",
        "08_reporting/demo/figures/calibration.svg",
        "08_reporting/demo/figures/cohort_flow.svg",
        "08_reporting/demo/figures/decision_curves.svg",
        "08_reporting/demo/figures/forest.svg",
        "08_reporting/demo/figures/kaplan_meier.svg",
        "08_reporting/demo/figures/leakage_audit_radiomics.svg",
        "08_reporting/demo/figures/permutation_control.svg",
        "08_reporting/demo/figures/precision_recall.svg",
        "08_reporting/demo/figures/roc.svg",
        "08_reporting/demo/figures/stability.svg",
        "08_reporting/demo/figures/train_test_gap.svg",
        "08_reporting/demo/lineage.json",
        "08_reporting/demo/methods.md",
        "08_reporting/demo/metrics.json",
        "08_reporting/demo/published_features_findings.csv",
        "08_reporting/demo/registered_model.json",
        "08_reporting/demo/report.html",
        "08_reporting/demo/subgroup_performance.csv",
        "08_reporting/demo/synthesis_acceptance.csv",
        "08_reporting/demo/training_curves.csv",
        "08_reporting/demo/worst_errors.csv",
    }


def test_the_metrics_file_says_what_a_reader_needs(demo_project: Project):
    facts = metrics(demo_project)
    assert (facts["synthetic"], facts["primary_population"]) == (True, "treated")
    for population in ("treated", "all"):
        arms = facts["populations"][population]["arms"]
        for arm in ("clinical", "radiomics"):
            figures = arms[arm]
            for name in ("auc", "balanced_accuracy", "brier"):
                assert 0 <= figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"] <= 1
            assert figures["permutation_control"]["n"] == 20
        assert arms["clinical_molecular"]["status"] == "skipped"
        assert "idh" in arms["clinical_molecular"]["reason"]


def test_predictions_are_out_of_fold_of_real_patients_on_the_one_table_of_folds(demo_project: Project):
    folder = demo_project.folder / DATA
    predictions = pd.read_parquet(folder / "07_model_output/demo/cv_predictions.parquet")
    folds = pd.read_parquet(folder / "05_model_input/demo/folds.parquet")
    cohort = pd.read_parquet(folder / "02_intermediate/demo/cohort.parquet").set_index("subject_id")
    audited = predictions["protocol"] == "augment_before_split"
    assert set(predictions.loc[audited, "dataset"]) == {"dataset2"}
    predictions = predictions[~audited]
    assert set(predictions["row_kind"]) == {"real"}
    assert set(predictions["protocol"]) == {"leakage_free"}
    joined = predictions.merge(folds, on=["subject_id", "repeat"], suffixes=("", "_of_table"))
    assert len(joined) == len(predictions)
    assert (joined["fold"] == joined["fold_of_table"]).all()
    people = cohort.loc[predictions["subject_id"]]
    assert (people["chemotherapy"] == True).all()  # noqa: E712
    assert people["exclusion_reason"].isna().all()
    assert (people["benefit"].to_numpy() == predictions["y_true"].to_numpy()).all()
    observed = predictions[predictions["permutation"] == 0]
    assert not observed.duplicated(["arm", "dataset", "repeat", "subject_id"]).any()
    censored = cohort[cohort["exclusion_reason"].isna() & cohort["benefit"].isna()].index
    assert set(censored) <= set(folds["subject_id"]), "the folds cover the censored"
    assert not set(censored) & set(predictions["subject_id"])


def test_the_broken_cases_cost_only_themselves(demo_project: Project):
    outcomes = pd.read_parquet(
        demo_project.folder / DATA / "02_intermediate/demo/case_outcomes_ingestion.parquet"
    )
    assert outcomes["status"].value_counts().to_dict() == {"processed": 21, "failed": 3}


def test_the_candidate_is_registered_without_any_pickle(demo_project: Project):
    facts = json.loads((demo_project.folder / DATA / "08_reporting/demo/registered_model.json").read_text())
    assert (facts["name"], facts["alias"], facts["version"]) == ("gliomics-demo", "candidate", "1")
    assert (facts["arm"], set(facts["models"])) == ("fusion", {"gliomics-demo", "gliomics-demo-fusion"})
    files = [file for file in (demo_project.folder / "mlruns").rglob("*") if file.is_file()]
    assert any(file.suffix == ".skops" for file in files)
    assert not [file for file in files if file.suffix in {".pkl", ".pickle", ".joblib"}]


SCORE = f"""
import json, os, mlflow, pandas as pd
from pathlib import Path
from gliomics.evaluation.blocks import final_block
from gliomics.model_package.model_files import load_final_model
mlflow.set_tracking_uri('sqlite:///mlruns/test.db')
os.environ['GLIOMICS_CASE_ROOT'] = 'data/01_raw/demo/images'
read = lambda name: pd.read_parquet(Path('{DATA}/04_feature/demo') / (name + '.parquet'))
frozen = final_block(read('embeddings'), read('final_embeddings')).frozen
table = read('radiomic_features').merge(read('region_presence')).set_index('subject_id').join(frozen)
subject = table.index[0]
served = mlflow.pyfunc.load_model('models:/gliomics-demo@candidate')
answers = served.predict(pd.concat([table.head(2), pd.DataFrame([{{'case_dir': subject}}])]))
fitted = load_final_model(Path('{DATA}/06_models/demo/final_models/fusion'))
print(json.dumps([subject, answers['probability'].tolist(), answers['contributions'].tolist(),
                  fitted.pipeline.predict_proba(table.head(2))[:, 1].tolist()]))
"""


def test_a_row_a_case_folder_the_final_model_and_the_command_give_one_score(
    demo_project: Project, tmp_path: Path
):
    subject, scores, moved, direct = json.loads(demo_project.python(SCORE).splitlines()[-1])
    assert abs(scores[0] - direct[0]) <= 1e-9
    assert abs(scores[1] - direct[1]) <= 1e-9
    assert abs(scores[2] - scores[0]) <= 1e-9, "from the scans as from the features"
    assert moved[2][0]["feature"] == moved[0][0]["feature"]
    images = demo_project.folder / "data/01_raw/demo/images"
    outcomes = pd.read_parquet(
        demo_project.folder / DATA / "02_intermediate/demo/case_outcomes_ingestion.parquet"
    )
    broken = outcomes.loc[outcomes["status"] == "failed"].iloc[0]
    for case in (subject, broken["subject_id"]):
        (tmp_path / "new").mkdir(exist_ok=True)
        (tmp_path / "new" / case).symlink_to(images / case)
    said = demo_project.gliomics(
        "predict",
        str(tmp_path / "new"),
        "--model",
        "candidate",
        "--env",
        "test",
        "--json",
        str(tmp_path / "new.json"),
        expect=1,
    )
    assert "quarantined" in said
    found = {case["subject_id"]: case for case in json.loads((tmp_path / "new.json").read_text())["cases"]}
    assert abs(found[subject]["probability"] - scores[0]) <= 1e-9
    assert found[subject]["low"] <= found[subject]["high"]
    quarantined = found[broken["subject_id"]]
    assert (quarantined["status"], quarantined["code"]) == ("failed", broken["code"])
    assert quarantined["reason"] == broken["reason"], "the checks of ingestion, word for word"


def test_the_mlflow_run_holds_parameters_metrics_predictions_and_no_machine_path(
    demo_project: Project,
):
    with sqlite3.connect(demo_project.folder / "mlruns" / "test.db") as store:
        parameters = dict(store.execute("select key, value from params"))
        names = {row[0] for row in store.execute("select key from metrics")}
        tags = dict(store.execute("select key, value from tags"))
        of_version = dict(store.execute("select key, value from model_version_tags"))
        inputs = {row[0] for row in store.execute("select name from datasets")}
    assert parameters["modelling.permutation_control.n"] == "20"
    assert parameters["cohort_settings.label.cutoff_days"] == "730.5"
    assert "treated.radiomics.auc.value" in names
    assert tags["gliomics.cohort"] == "demo"
    assert tags["gliomics.synthetic"] == "true"
    assert not [key for key, value in tags.items() if re.search(r"(^|[\s'=,])/", str(value))]
    hashes = ("raw_hash", "features_hash", "settings_hash", "code_hash", "environment_hash")
    assert all(re.fullmatch("[0-9a-f]{64}", tags[f"gliomics.{name}"]) for name in hashes)
    assert (tags["gliomics.weights_hash"], tags["gliomics.git_dirty"]) == ("untrained", "unknown")
    lineage = {key: value for key, value in tags.items() if key.startswith("gliomics.")}
    assert lineage.items() <= of_version.items(), "the version says what its run follows from"
    assert {"raw_folder", "cohort", "folds", "radiomic_features", "embeddings"} <= inputs
    artifacts = {file.name for file in (demo_project.folder / "mlruns").rglob("*.parquet")}
    assert {"cv_predictions.parquet", "cv_predictions_sensitivity.parquet"} <= artifacts
    pages = {page.read_bytes() for page in (demo_project.folder / "mlruns").rglob("artifacts/report.html")}
    assert pages == {(demo_project.folder / DATA / "08_reporting/demo/report.html").read_bytes()}


def test_every_stage_leaves_a_marker_of_what_it_read_and_wrote(demo_project: Project):
    markers = {
        file.stem: json.loads(file.read_text())
        for file in (demo_project.folder / ".gliomics/runs/demo").iterdir()
    }
    assert set(markers) == set(STAGES)
    assert set(markers["ingestion"]["inputs"]) == {"data/01_raw/demo"}
    for place, digest in markers["modelling"]["inputs"].items():
        assert hashlib.sha256((demo_project.folder / place).read_bytes()).hexdigest() == digest


def test_the_chain_of_the_candidate_leads_to_its_patients(demo_project: Project):
    said = demo_project.gliomics("lineage", "gliomics-demo@candidate", "--env", "test")
    assert "every link was found" in said
    patients = next(line for line in said.splitlines() if line.startswith("patients"))
    assert "14 labelled, treated: TCGA-" in patients
    assert len(patients.split(",")) == 15


def test_kubeflow_on_dask_with_one_worker_gives_the_bytes_of_a_plain_run_and_registers_once(
    demo_project: Project, tmp_path_factory: pytest.TempPathFactory
):
    """Every stage a component of its own, another engine, another number of workers: the same bytes."""
    again = copy_project(tmp_path_factory.mktemp("again"), demo_project.folder)
    shutil.copytree(demo_project.folder / "data", again.folder / "data")
    shutil.rmtree(again.folder / DATA)
    again.gliomics("kubeflow", "run", "--env", "test", "--params", "compute.engine=dask,compute.workers=1")
    compared, same = 0, {".parquet", ".csv", ".json", ".html", ".md", ".svg"}
    for file in sorted((demo_project.folder / DATA).rglob("*")):
        if file.suffix in same and file.name != "registered_model.json":
            twin = again.folder / file.relative_to(demo_project.folder)
            assert twin.read_bytes() == file.read_bytes(), file.name
            compared += 1
    explained = [name for name in explanation_figures(demo_project) if Path(name).suffix in same]
    assert compared == 76 + len(explained)
    again.kedro_run("--env", "test", "--pipelines", "registration")
    registered = again.folder / DATA / "08_reporting/demo/registered_model.json"
    assert json.loads(registered.read_text())["version"] == "1"


def test_another_seed_gives_other_folds(demo_project: Project, tmp_path: Path):
    again = copy_project(tmp_path, demo_project.folder)
    shutil.copytree(demo_project.folder / "data", again.folder / "data")
    folds = again.folder / DATA / "05_model_input/demo/folds.parquet"
    before = folds.read_bytes()
    again.kedro_run("--env", "test", "--pipelines", "ingestion", "--params", "seed=7")
    assert folds.read_bytes() != before


def test_a_misspelt_setting_stops_the_run_before_any_node(demo_project: Project, tmp_path: Path):
    again = copy_project(tmp_path, demo_project.folder)
    (again.folder / "conf" / "test" / "parameters.yml").write_text("ingestion:\n  folds:\n    repeets: 3\n")
    said = again.kedro_run("--env", "test", expect=1)
    assert "repeets" in said
    assert "read_clinical_sources:" not in said
    assert not (again.folder / "data").exists()


def test_an_unknown_cohort_names_the_valid_ones(demo_project: Project):
    said = demo_project.kedro_run("--env", "test", "--params", "cohort=dmeo", expect=1)
    assert (
        "cohort must be one of demo, rehearsal, tcga_lgg, tcga_lgg_gdc, tcga_lgg_slices, "
        "got 'dmeo'. Did you mean 'demo'?" in said
    )


def test_a_cohort_without_data_names_the_way_out(demo_project: Project):
    said = demo_project.kedro_run("--env", "test", "--params", "cohort=tcga_lgg", expect=1)
    assert "--params raw_dir=<folder>" in said


def test_too_few_patients_for_the_folds_is_refused_by_name(demo_project: Project):
    said = demo_project.kedro_run(
        "--env", "test", "--pipelines", "ingestion", "--params", "ingestion.folds.n_splits=16", expect=1
    )
    assert "16" in said
    assert "n_splits" in said
    demo_project.kedro_run("--env", "test", "--pipelines", "ingestion")


def test_check_lists_what_is_wrong_and_writes_nothing(demo_project: Project):
    before = {file: file.stat().st_mtime_ns for file in demo_project.folder.rglob("*")}
    said = demo_project.gliomics("check", "--env", "test")
    for words in ("missing_modality", "empty_segmentation", "grid_mismatch", "21 of 24 cases are usable"):
        assert words in said
    assert "0 errors" in said
    after = {file: file.stat().st_mtime_ns for file in demo_project.folder.rglob("*")}
    changed = {file for file in after if after[file] != before.get(file) and "__pycache__" not in file.parts}
    assert not {file for file in changed if file.is_file()}


def test_check_fails_on_a_broken_source(demo_project: Project, tmp_path: Path):
    raw = tmp_path / "raw"
    shutil.copytree(demo_project.folder / "data/01_raw/demo", raw)
    (raw / "clinical" / "gdc_cases.json").write_text("{")
    said = demo_project.gliomics("check", "--raw-dir", str(raw), expect=1)
    assert "error" in said
    assert "21 of 24 cases are usable" in said, "one broken source does not hide the next"


def test_explain_writes_a_patients_page_and_names_close_subjects(demo_project: Project, tmp_path: Path):
    fits = pd.read_parquet(demo_project.folder / DATA / "08_reporting/demo/shap_fits.parquet")
    subject = fits["subject_id"].iloc[0]
    page = tmp_path / "page.html"
    demo_project.gliomics("explain", subject, "--env", "test", "--arm", "clinical", "--output", str(page))
    assert "SYNTHETIC" in page.read_text() and "figure-waterfall_clinical" in page.read_text()
    printed = demo_project.gliomics("explain", subject[:-1], "--env", "test", expect=1)
    assert f"must be one of the 24 subjects of cohort demo, got '{subject[:-1]}'. Did you mean" in printed
