"""What a cohort's scans are is said once, in its file: every stage follows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import phantoms
from gliomics.cli.project import open_project, section
from gliomics.cohort.clinical import read_clinical_records
from gliomics.cohort.cohort_table import build_cohort
from gliomics.cohort.populations import population
from gliomics.cohort.settings import CohortSettings
from gliomics.compute import ComputeSettings
from gliomics.errors import SettingsError
from gliomics.explanation.attention.placement import place_crops
from gliomics.explanation.attention.regions import region_shares, regions_in_view
from gliomics.explanation.attention.settings import GradCamSettings, OverlaySettings
from gliomics.explanation.attention.summary import summarise_enrichment
from gliomics.imaging.case_scans import list_cases
from gliomics.imaging.manifest import inspect_scans
from gliomics.imaging.settings import ImageSettings
from gliomics.imaging.volume import Volume
from gliomics.lineage.case_store import CaseStore
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.sampling.crops import crop_keys, load_crops
from gliomics.networks.settings import SamplingSettings
from gliomics.radiomics.case_work import measure_case
from gliomics.radiomics.feature_names import panel_columns
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.radiomics.tables import gather_features
from gliomics.reporting.figures.enrichment import draw_enrichment
from gliomics.reporting.methods_of_images import image_paragraphs
from gliomics.reporting.page import NOT_SKULL_STRIPPED, banners
from report_cases import small_run

SLICES = "tcga_lgg_slices"
ONE = ComputeSettings(workers=1)
SPACING = (1.875, 1.875, 5.5)
PATCHES = {"n": 4, "size_mm": 32.0, "voxels": 16}


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    """As `kedro run --params cohort=tcga_lgg_slices` reads them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(__file__).resolve().parents[2])
        return open_project("base", {"cohort": SLICES}).parameters


@pytest.fixture(scope="module")
def images(parameters) -> ImageSettings:
    return section(parameters, "ingestion.images", ImageSettings)


@pytest.fixture(scope="module")
def radiomics(parameters) -> RadiomicsSettings:
    return section(parameters, "feature_engineering.radiomics", RadiomicsSettings)


@pytest.fixture(scope="module")
def sampling(parameters) -> SamplingSettings:
    return section(parameters, "embedding.sampling", SamplingSettings)


@pytest.fixture
def scans(tmp_path, rng):
    """Two good cases on thick slices, one without t1ce, one with a label that the cohort does not have."""
    folder = tmp_path / "images"
    for subject in ("GOOD-1", "GOOD-2", "NO-T1CE", "CORE"):
        place = folder / subject
        place.mkdir(parents=True)
        for modality in ("t1", "flair") if subject == "NO-T1CE" else ("t1", "t1ce", "flair"):
            image = rng.integers(0, 256, (48, 48, 20)).astype(np.uint8)  # noise everywhere: no skull stripped
            phantoms.save(image, place / f"{subject}_{modality}.nii.gz", np.diag([*SPACING, 1.0]))
        labels = np.zeros((48, 48, 20), dtype=np.uint8)
        labels[14:30, 12:28, 8:13] = 2
        labels[20:24, 18:22, 9:11] = 1 if subject == "CORE" else 2
        phantoms.save(labels, place / f"{subject}_seg.nii.gz", np.diag([*SPACING, 1.0]))
    return folder


def test_the_panel_has_185_columns_and_no_region_that_the_cohort_lacks(radiomics):
    assert dict(radiomics.regions) == {"wt": (2,)}
    columns = panel_columns(radiomics)
    assert len(columns) == 14 + 3 * (18 + 23 + 16) == 185
    assert {column.split("__")[0] for column in columns} == {"mask", "t1", "t1ce", "flair"}
    assert {column.split("__")[1] for column in columns} == {"wt"}


def test_every_stage_follows_the_cohort_s_file(parameters, images, radiomics, sampling):
    cohort = CohortSettings.model_validate(parameters["cohort_settings"])
    told = (images.required_modalities, radiomics.modalities, sampling.modalities)
    assert told == (cohort.modalities,) * 3 == (("t1", "t1ce", "flair"),) * 3
    assert images.allowed_labels == cohort.labels == (0, 2)
    assert sampling.patches.core_labels == cohort.core_labels == (2,)


@pytest.mark.parametrize("cohort", ["demo", "tcga_lgg"])
def test_a_cohort_that_says_nothing_has_four_modalities_and_three_regions(cohort, monkeypatch):
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    found = open_project("base", {"cohort": cohort}).parameters
    assert section(found, "ingestion.images", ImageSettings) == ImageSettings()
    assert section(found, "feature_engineering.radiomics", RadiomicsSettings) == RadiomicsSettings()
    assert section(found, "embedding.sampling", SamplingSettings).patches.core_labels == (1, 4)
    said = CohortSettings.model_validate(found["cohort_settings"])
    usual = RadiomicsSettings()
    assert (said.modalities, said.regions, said.labels) == (
        usual.modalities,
        usual.regions,
        ImageSettings().allowed_labels,
    )


def test_scans_go_through_ingestion_features_and_crops(scans, tmp_path, images, radiomics, sampling):
    found = inspect_scans(scans, tmp_path, images, ONE)
    codes = found.outcomes.set_index("subject_id")["code"].dropna().to_dict()
    assert codes == {"NO-T1CE": "missing_modality", "CORE": "label_not_allowed"}
    cases = {case.subject_id: case for case in list_cases(found.manifest, found.outcomes, tmp_path)}
    store = CaseStore(tmp_path / "store")
    tables = gather_features(
        [measure_case(case, store, radiomics) for case in cases.values()], found.outcomes, radiomics
    )
    assert list(tables.features.columns) == ["subject_id", *panel_columns(radiomics)]
    assert tables.features.shape == (2, 1 + 185)
    assert tables.features.notna().all(axis=None)
    assert list(tables.presence.columns) == ["subject_id", "region_present__wt"]

    small = sampling.model_copy(
        update={
            "patches": sampling.patches.model_copy(update=PATCHES),
            "bounding_box": sampling.bounding_box.model_copy(update={"voxels": 16}),
        }
    )
    crops = sample_cohort(found.manifest, found.outcomes, tmp_path, store, small, compute=ONE, seed=1)
    patches = load_crops(store, crop_keys(crops.index, "patches"))
    assert {array.shape for array in patches.values()} == {(4, 3, 16, 16, 16)}
    assert crops.centres["kind"].value_counts().to_dict() == {"core": 4, "margin": 4}


def test_labels_of_regions_must_be_labels_of_the_cohort(parameters):
    cohort = dict(parameters["cohort_settings"])
    for change, said in (
        (
            {"regions": {"wt": [2], "et": [4]}},
            r"regions\.et must hold labels .* got \[4\]; add them to labels",
        ),
        ({"core_labels": [1]}, r"core_labels must hold labels .* got \[1\]"),
    ):
        with pytest.raises(ValueError, match=said):
            CohortSettings.model_validate(cohort | change)


def test_heat_is_shared_out_without_a_core(radiomics):
    mask = Volume(2 * (phantoms.tumour() > 0).astype(np.uint8), np.eye(4), (1.0, 1.0, 1.0), "RAS")
    placement = place_crops(mask.array.shape, mask.affine, [np.eye(4)], crop_voxels=24, cells=6)
    regions = regions_in_view(mask, phantoms.brain() > 0, placement.voxels, radiomics, 2.0)
    assert list(regions) == ["wt", "margin", "healthy", "background"]
    assert (np.stack(list(regions.values())).sum(axis=0) == 1).all()
    assert int(regions["wt"].sum()) == 216
    rows = region_shares(placement, regions).rows(np.random.default_rng(0).random((1, 6, 6, 6)))
    place = {"network": "cnn3d", "sampling": "patches", "modality": "all", "control": "none", "draw": 0}
    enrichment = pd.DataFrame([{"subject_id": "P1", **place, "map_correlation": 1.0, **row} for row in rows])
    svg = draw_enrichment("e", summarise_enrichment(enrichment), "deep")
    assert "whole" in svg
    assert "enhancing" not in svg and "edema" not in svg


def test_a_map_lies_over_a_modality_that_the_cohort_has(parameters):
    shipped = section(parameters, "reporting.grad_cam", GradCamSettings).overlay
    assert shipped.background_of(("t1", "t1ce", "t2")) == "t1ce"
    assert shipped.background_of(("flair", "t1")) == "flair"
    with pytest.raises(
        SettingsError, match=r"overlay\.background: modality must be one of flair, t1, got 't2'"
    ):
        OverlaySettings(background="t2").background_of(("flair", "t1"))


def test_the_report_and_the_methods_say_what_the_scans_are(parameters, radiomics):
    run = replace(
        small_run(),
        lineage={
            "settings": {
                "cohort_settings": parameters["cohort_settings"],
                "ingestion.images": parameters["ingestion"]["images"],
                "feature_engineering.radiomics": radiomics.model_dump(mode="json"),
                "feature_engineering.stability": StabilitySettings().model_dump(mode="json"),
            }
        },
    )
    run.metrics["feature_source"] = "extracted"
    assert {NOT_SKULL_STRIPPED, *parameters["cohort_settings"]["cautions"]} <= set(banners(run))
    text = " ".join(paragraph.text for paragraph in image_paragraphs(replace(run)))
    assert "This cohort's panel has 185: region(s) wt, modalities t1, t1ce, flair." in text
    assert "not skull-stripped" in text
    assert "Voxel size is nominal" in text
    assert "three regions" not in text


@pytest.mark.real_data
def test_the_real_cohort_has_the_known_counts(real_data, parameters, images):
    raw_dir = real_data / SLICES
    if not raw_dir.is_dir():
        pytest.skip(f"no real data: GLIOMICS_REAL_DATA has no folder {SLICES}")
    settings = CohortSettings.model_validate(parameters["cohort_settings"])
    outcomes = inspect_scans(raw_dir / "images", raw_dir, images, ComputeSettings()).outcomes
    assert outcomes["status"].value_counts().to_dict() == {"processed": 100, "failed": 10}
    assert set(outcomes["code"].dropna()) == {"missing_modality"}
    lacking = outcomes["reason"].dropna()
    assert (int(lacking.str.contains(r"\[t1\]").sum()), int(lacking.str.contains(r"\[t1ce\]").sum())) == (
        6,
        10,
    )
    records = read_clinical_records(raw_dir, settings.clinical)
    table = build_cohort(records.table, scan_outcomes=outcomes, panel_subjects=set(), settings=settings)
    for name, counts in {"all": (48, 15, 37), "treated": (31, 11, 23)}.items():
        labels = population(table.cohort, name)["benefit"]
        assert (int((labels == 1).sum()), int((labels == 0).sum()), int(labels.isna().sum())) == counts
