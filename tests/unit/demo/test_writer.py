"""The demo cohort on disk, from one generated folder of the smallest size."""

import hashlib
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from gliomics.cli.demo import demo
from gliomics.cohort.clinical import read_clinical_records
from gliomics.cohort.cohort_table import build_cohort
from gliomics.cohort.populations import labelled, population
from gliomics.cohort.published_panel import read_published_panel
from gliomics.cohort.settings import ClinicalSettings, CohortSettings, PublishedFeaturesSettings
from gliomics.compute import ComputeSettings
from gliomics.demo import writer
from gliomics.demo.patients import FAULTS, make_patients
from gliomics.demo.settings import GRID, DemoSettings
from gliomics.demo.writer import write_demo_cohort
from gliomics.errors import SettingsError
from gliomics.imaging.manifest import inspect_scans
from gliomics.imaging.settings import ImageSettings

SETTINGS = DemoSettings(patients=20, seed=3)
TWO = ComputeSettings(workers=2)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw") / "demo"
    summary = write_demo_cohort(folder, SETTINGS, TWO)
    assert (summary.patients, summary.already_there) == (20, False)
    return folder


@pytest.fixture(scope="module")
def inspection(cohort: Path):
    return inspect_scans(cohort / "images", cohort, ImageSettings(), TWO)


@pytest.fixture(scope="module")
def panel(cohort: Path):
    settings = PublishedFeaturesSettings(path="radiomic_features.csv", drop_columns=("Date",))
    return read_published_panel(cohort / "radiomic_features.csv", settings)


def hashes(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def mask(cohort: Path, subject: str) -> np.ndarray:
    files = sorted((cohort / "images" / subject).glob("*Glistr*.nii.gz"))
    return np.asarray(nib.load(files[-1]).dataobj)


def test_another_seed_draws_other_patients():
    one, other = (make_patients(DemoSettings(seed=seed)) for seed in (1, 2))
    assert [p.survival_days for p in one] != [p.survival_days for p in other]


def test_files_are_named_and_laid_out_as_brats_tcga_lgg(cohort: Path):
    folders = sorted((cohort / "images").iterdir())
    assert len(folders) == 20
    for folder in folders:
        assert folder.name.startswith("TCGA-") and "-SY" in folder.name
        for file in folder.iterdir():
            assert file.name.startswith(f"{folder.name}_")
            image = nib.load(file)
            assert b"SYNTHETIC" in bytes(image.header["descrip"])
            assert nib.aff2axcodes(image.affine) == ("L", "P", "S")
            assert image.header.get_zooms() == (2.0, 2.0, 2.0)
    with_manual = [f for f in folders if any("ManuallyCorrected" in file.name for file in f.iterdir())]
    assert 0 < len(with_manual) < 20


def test_images_are_int16_and_exactly_zero_outside_one_brain(cohort: Path, inspection):
    whole = inspection.outcomes.query("status == 'processed'")["subject_id"].iloc[0]
    brains = []
    for kind in ("t1", "t1Gd", "t2", "flair"):
        image = nib.load(next((cohort / "images" / whole).glob(f"*_{kind}.nii.gz")))
        voxels = np.asarray(image.dataobj)
        assert (voxels.dtype, voxels.shape) == (np.int16, GRID)
        brains.append(voxels != 0)
    assert all((brain == brains[0]).all() for brain in brains)
    assert 1.0e6 < brains[0].sum() * 8 < 1.7e6, "a brain has 1.0 to 1.7 litres"
    assert set(np.unique(mask(cohort, whole))) <= {0, 1, 2, 4}
    assert brains[0][mask(cohort, whole) > 0].all(), "the tumour lies in the brain"


def test_the_broken_cases_are_quarantined_for_what_was_broken(inspection):
    failed = inspection.outcomes.query("status == 'failed'")
    meant = {p.subject_id: p.fault for p in make_patients(SETTINGS) if p.fault != "none"}
    assert sorted(meant.values()) == sorted(FAULTS)
    assert dict(zip(failed["subject_id"], failed["code"], strict=True)) == meant


def test_some_tumours_do_not_enhance_and_the_panel_leaves_them_blank(cohort: Path, panel):
    absent = panel.features.set_index("subject_id")["VOLUME_ET"] == 0
    assert 0 < absent.sum() < len(absent) / 2
    of_et = [c for c in panel.features.columns if "_ET_" in c and not c.startswith("VOLUME")]
    assert panel.features.set_index("subject_id").loc[absent, of_et].isna().all(axis=None)
    assert panel.features.set_index("subject_id").loc[~absent, of_et].notna().all(axis=None)
    for subject in absent.index[absent]:
        assert 4 not in mask(cohort, subject)


def test_the_panel_holds_what_the_voxels_hold(cohort: Path, panel):
    row = panel.features[panel.features["VOLUME_ET"] > 0].iloc[0]
    labels = mask(cohort, row["subject_id"])
    if any("Manually" in f.name for f in (cohort / "images" / row["subject_id"]).iterdir()):
        assert row["VOLUME_ED"] == 8 * (labels == 2).sum()
        assert row["VOLUME_TC"] == 8 * np.isin(labels, (1, 4)).sum()
    bins = [c for c in panel.features.columns if c.startswith("HISTO_ED_FLAIR_")]
    assert row[bins].sum() == pytest.approx(100, abs=0.01)


def test_heterogeneity_and_extent_can_be_seen_in_the_images(panel):
    people = {p.subject_id: p for p in make_patients(SETTINGS)}
    features = panel.features.set_index("subject_id")
    heterogeneity = [people[s].heterogeneity for s in features.index]
    extent = [people[s].extent for s in features.index]
    variance = features["TEXTURE_GLOBAL_NET_T2_Variance"]
    assert np.corrcoef(extent, np.log(features["VOLUME_WT"]))[0, 1] > 0.7
    assert np.corrcoef(heterogeneity, np.log(variance))[0, 1] > 0.5


def test_clinical_records_come_in_both_schemas_and_are_read_as_they_were_drawn(cohort: Path):
    hits = json.loads((cohort / "clinical" / "gdc_cases.json").read_text())["data"]["hits"]
    assert any("days_to_last_follow_up" in hit["diagnoses"][0] for hit in hits)
    assert any(len(hit["diagnoses"]) > 1 and "follow_ups" in hit for hit in hits)
    settings = ClinicalSettings.model_validate(
        {
            "sources": {"gdc": {"format": "gdc_json", "path": "clinical/gdc_cases.json"}},
            **dict.fromkeys(("survival", "treatment", "demographics", "grade"), ("gdc",)),
        }
    )
    table = read_clinical_records(cohort, settings).table.set_index("subject_id")
    for patient in make_patients(SETTINGS):
        row = table.loc[patient.subject_id]
        assert row["os_days"] == min(patient.survival_days, patient.follow_up_days)
        assert bool(row["death_observed"]) == patient.dead
        assert row["grade"] == patient.grade, "the grade of the primary diagnosis, not of the recurrence"
        assert row["sex"] == patient.sex
        assert row["age_years"] == pytest.approx(patient.age_years, abs=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_ten_labelled_patients_of_each_class_are_usable_whatever_the_seed(seed: int):
    people = [p for p in make_patients(DemoSettings(seed=seed)) if p.fault == "none"]
    rows = pd.DataFrame(
        {
            "subject_id": [p.subject_id for p in people],
            "chemotherapy": [{"yes": True, "no": False}.get(p.chemotherapy) for p in people],
            "benefit": [_label(p) for p in people],
        }
    )
    counts = rows["benefit"].value_counts()
    treated = rows[rows["chemotherapy"] == True]["benefit"].value_counts()  # noqa: E712
    assert counts.loc[[0.0, 1.0]].min() >= 10
    assert treated.loc[[0.0, 1.0]].min() >= 8
    assert (rows["chemotherapy"] == False).sum() >= 5  # noqa: E712
    assert rows["chemotherapy"].isna().sum() == 1


def _label(patient) -> float:
    if min(patient.survival_days, patient.follow_up_days) >= 730.5:
        return 1.0
    return 0.0 if patient.dead else float("nan")


def test_the_whole_of_ingestion_agrees_on_who_is_usable(cohort: Path, inspection, panel):
    from omegaconf import OmegaConf

    project = Path(__file__).resolve().parents[3]
    described = OmegaConf.load(project / "conf" / "base" / "cohorts" / "demo.yml")
    settings = CohortSettings.model_validate(OmegaConf.to_container(described)["cohorts"]["demo"])
    table = build_cohort(
        read_clinical_records(cohort, settings.clinical).table,
        scan_outcomes=inspection.outcomes,
        panel_subjects=set(panel.features["subject_id"]),
        settings=settings,
    ).cohort
    assert (table["exclusion_reason"] == "scans_quarantined").sum() == 3
    usable = set(table[table["exclusion_reason"].isna()]["subject_id"])
    assert usable == set(panel.features["subject_id"])
    assert len(labelled(population(table, "treated"))) >= 8


def test_a_second_call_does_nothing_and_force_writes_the_same_bytes_on_one_worker_as_on_two(cohort: Path):
    before = {file: file.stat().st_mtime_ns for file in cohort.rglob("*") if file.is_file()}
    assert write_demo_cohort(cohort, SETTINGS, TWO).already_there
    assert {file: file.stat().st_mtime_ns for file in cohort.rglob("*") if file.is_file()} == before
    content = hashes(cohort)
    assert not write_demo_cohort(cohort, SETTINGS, ComputeSettings(workers=1), force=True).already_there
    assert all(file.stat().st_mtime_ns > before[file] for file in before)
    assert hashes(cohort) == content


def test_the_automatic_segmentation_resembles_the_manual_one_and_differs(cohort: Path):
    pairs = 0
    for folder in (cohort / "images").iterdir():
        automatic, *manual = sorted(folder.glob("*Glistr*.nii.gz"), key=lambda file: len(file.name))
        one = np.asarray(nib.load(automatic).dataobj) > 0
        for file in manual:
            other = np.asarray(nib.load(file).dataobj) > 0
            if other.any():
                assert 0.8 < 2 * (one & other).sum() / (one.sum() + other.sum()) < 1
                pairs += 1
    assert pairs > 10


def test_the_command_ends_with_one_line_that_says_synthetic(cohort: Path):
    called = CliRunner().invoke(demo, ["--output", str(cohort), "--patients", "20", "--seed", "3"])
    assert called.exit_code == 0
    megabytes = round(sum(file.stat().st_size for file in cohort.rglob("*") if file.is_file()) / 1e6)
    assert called.output.startswith("SYNTHETIC cohort of 20 patients is already there")
    assert called.output.endswith(f"({megabytes} MB)\n")
    assert called.output.count("\n") == 1


def test_the_command_refuses_a_folder_with_other_files_by_name(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    called = CliRunner().invoke(demo, ["--output", str(tmp_path)])
    assert isinstance(called.exception, SettingsError)
    assert "Name another folder" in str(called.exception)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_an_interrupted_write_leaves_nothing(tmp_path: Path):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo_cohort(tmp_path / "demo", SETTINGS, ComputeSettings(workers=1), interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError):
        write_demo_cohort(tmp_path, SETTINGS, TWO)
    assert (tmp_path / "mine.txt").read_text() == "precious"
    assert writer.STAMP not in {file.name for file in tmp_path.iterdir()}
