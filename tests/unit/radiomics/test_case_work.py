"""One case at a time: found again by content, measured anew when anything changes, failed by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from gliomics.imaging.case_scans import CHANGED, CaseScans, list_cases, stage_outcomes
from gliomics.lineage.case_store import CaseStore
from gliomics.radiomics import case_work
from gliomics.radiomics.case_work import CaseResult, measure_case, measure_variants, perturb_case
from gliomics.radiomics.feature_names import panel_columns
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.radiomics.tables import (
    gather_features,
    gather_perturbed,
    gather_variants,
    regions_with_few_levels,
)

SHAPE = (26, 24, 22)
SETTINGS = RadiomicsSettings()
COLUMNS = panel_columns(SETTINGS)
PASSED = pd.DataFrame({"subject_id": ["A", "B"], "status": "processed", "code": None, "reason": None})


def tumour() -> np.ndarray:
    away = sum((g - 12) ** 2 for g in np.indices(SHAPE)) ** 0.5
    return np.select([away < 3, away < 5, away < 8], [1, 4, 2], 0).astype(np.uint8)


def save(array: np.ndarray, path: Path, affine: np.ndarray | None = None) -> None:
    nib.save(nib.Nifti1Image(array, np.eye(4) if affine is None else affine), path)


def write_case(folder: Path, seed: int, labels: np.ndarray | None = None) -> CaseScans:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for modality in SETTINGS.modalities:
        save(rng.integers(1, 700, SHAPE).astype(np.int16), folder / f"{modality}.nii.gz")
    save(tumour() if labels is None else labels, folder / "mask.nii.gz")
    return seen(folder)


def seen(folder: Path) -> CaseScans:
    """The case as ingestion would see it now."""
    paths = {path.name.removesuffix(".nii.gz"): path for path in sorted(folder.iterdir())}
    return CaseScans(
        folder.name, paths, {m: hashlib.sha256(path.read_bytes()).hexdigest() for m, path in paths.items()}
    )


@pytest.fixture
def store(tmp_path: Path) -> CaseStore:
    return CaseStore(tmp_path / "store")


@pytest.fixture
def case(tmp_path: Path) -> CaseScans:
    return write_case(tmp_path / "A", 1)


STABILITY = StabilitySettings(perturbations=2)
WORK: dict[str, Callable[..., CaseResult]] = {
    "measure": measure_case,
    "perturb": partial(perturb_case, stability=STABILITY, seed=3),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_second_time_nothing_is_computed_and_the_values_are_the_same(
    work: Callable[..., CaseResult], case: CaseScans, store: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = work(case, store=store, settings=SETTINGS)
    monkeypatch.setattr(case_work, "extract_case", None)  # whoever calls it now fails
    second = work(case, store=store, settings=SETTINGS)
    assert (first.computed, second.computed) == (True, False)
    assert first.record is not None
    assert second.record is not None
    assert second.record.facts == first.record.facts
    for name, array in first.record.arrays.items():
        assert second.record.arrays[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_one_changed_byte_or_setting_computes_anew(
    work: Callable[..., CaseResult], case: CaseScans, store: CaseStore
) -> None:
    assert work(case, store=store, settings=SETTINGS).computed
    assert work(case, store=store, settings=SETTINGS.model_copy(update={"bin_width": 7.0})).computed
    image = nib.load(case.paths["t2"])
    array = np.asarray(image.dataobj).copy()
    array[12, 12, 12] += 1
    save(array, case.paths["t2"])
    assert work(seen(case.paths["t2"].parent), store=store, settings=SETTINGS).computed
    assert len(list(store.keys())) == 3


def test_the_code_is_part_of_the_key(
    case: CaseScans, store: CaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_case(case, store, SETTINGS)
    monkeypatch.setattr(case_work, "_code", lambda: "another version")
    assert measure_case(case, store, SETTINGS).computed


def test_perturbations_depend_on_seed_and_amount_and_not_on_what_is_made_of_them(
    case: CaseScans, store: CaseStore
) -> None:
    def run(seed: int = 3, **changes: float) -> CaseResult:
        return perturb_case(case, store, SETTINGS, STABILITY.model_copy(update=changes), seed)

    assert run().computed
    assert not run(confidence=0.9, min_subjects=5).computed
    assert run(seed=4).computed
    assert run(growth_mm=1.0).computed


@pytest.mark.parametrize("known", [False, True], ids=["not yet measured", "measured before"])
@pytest.mark.parametrize("modality", ["t1ce", "mask"])
def test_a_file_that_changed_since_ingestion_fails_its_case(
    case: CaseScans, store: CaseStore, modality: str, known: bool
) -> None:
    if known:
        assert measure_case(case, store, SETTINGS).computed
    path = case.paths[modality]
    path.write_bytes(path.read_bytes() + b"\0")
    result = measure_case(case, store, SETTINGS)
    assert result.record is None
    assert result.error is not None
    assert result.error.code == CHANGED
    assert str(result.error).startswith(f"A [{modality}]: the file must be the one that ingestion checked")


def test_a_file_that_is_gone_and_a_mask_on_another_grid_fail_their_cases(
    tmp_path: Path, store: CaseStore
) -> None:
    gone = write_case(tmp_path / "A", 1)
    gone.paths["flair"].unlink()
    shifted = write_case(tmp_path / "B", 2)
    affine = np.eye(4)
    affine[0, 3] = 5
    save(tumour(), shifted.paths["mask"], affine)
    results = [measure_case(c, store, SETTINGS) for c in (gone, seen(tmp_path / "B"))]
    assert [result.error.code for result in results if result.error] == ["unreadable_file", "grid_mismatch"]
    assert list(store.keys()) == []
    outcomes = stage_outcomes(PASSED, {result.subject_id: result.error for result in results})
    assert outcomes["status"].tolist() == ["failed", "failed"]


def test_tables_hold_a_row_a_case_and_say_why_values_are_missing(tmp_path: Path, store: CaseStore) -> None:
    no_enhancement = np.where(tumour() == 4, 1, tumour()).astype(np.uint8)
    cases = [write_case(tmp_path / "B", 2, no_enhancement), write_case(tmp_path / "A", 1)]
    results = [measure_case(case, store, SETTINGS) for case in cases]
    ingested = pd.concat(
        [PASSED, pd.DataFrame([{"subject_id": "C", "status": "failed", "code": "x", "reason": "C: bad"}])]
    )
    tables = gather_features(results, ingested, SETTINGS)
    assert list(tables.features.columns) == ["subject_id", *COLUMNS]
    assert tables.features["subject_id"].tolist() == ["A", "B"]
    assert len(COLUMNS) == 726
    assert tables.presence["region_present__et"].tolist() == [1.0, 0.0]
    assert set(tables.missing["subject_id"]) == {"B"}
    assert set(tables.missing["reason"]) == {"region_absent"}
    numbers = tables.features[COLUMNS].to_numpy()
    assert np.isnan(numbers).sum(axis=1).tolist() == [0, len(tables.missing)]
    outcomes = tables.outcomes.set_index("subject_id")
    assert outcomes["status"].to_dict() == {"A": "processed", "B": "processed", "C": "skipped"}
    assert outcomes.loc["C", "reason"] == "C: bad"
    assert len(tables.grey_levels) == 4 * 3 + 4 * 2


def test_missing_values_stand_in_the_same_order_computed_or_found(tmp_path: Path, store: CaseStore) -> None:
    case = write_case(tmp_path / "B", 2, np.where(tumour() == 4, 1, tumour()).astype(np.uint8))
    computed, found = (
        gather_features([measure_case(case, store, SETTINGS)], PASSED.iloc[:1], SETTINGS).missing
        for _ in range(2)
    )
    assert len(computed)
    pd.testing.assert_frame_equal(computed, found)


def test_no_case_gives_empty_tables_of_the_same_form() -> None:
    tables = gather_features([], PASSED.iloc[:0], SETTINGS)
    assert list(tables.features.columns) == ["subject_id", *COLUMNS]
    assert [len(table) for table in tables] == [0] * 5
    perturbed, changes = gather_perturbed(tables.features, [], SETTINGS)
    assert len(perturbed) == len(changes) == len(gather_variants([], SETTINGS)) == 0
    assert regions_with_few_levels(tables.grey_levels) == {}


def test_regions_with_few_grey_levels_are_named() -> None:
    levels = pd.DataFrame(
        {
            "subject_id": list("ABAB"),
            "modality": "t1",
            "region": ["et", "et", "wt", "wt"],
            "levels": [2, 7, 7, 9],
        }
    )
    assert regions_with_few_levels(levels) == {"t1 et": 4.5}


def test_perturbed_features_start_with_the_cases_own(case: CaseScans, store: CaseStore) -> None:
    own = gather_features([measure_case(case, store, SETTINGS)], PASSED.iloc[:1], SETTINGS).features
    perturbed, changes = gather_perturbed(own, [perturb_case(case, store, SETTINGS, STABILITY, 3)], SETTINGS)
    assert perturbed["segmentation"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(
        perturbed.loc[0, COLUMNS].to_numpy(float), own.loc[0, COLUMNS].to_numpy(float)
    )
    volumes = perturbed["mask__wt__shape_VoxelVolume"].to_numpy()
    moved = changes[changes["region"] == "wt"]["volume_change"].to_numpy()
    np.testing.assert_allclose(volumes[1:] / volumes[0] - 1, moved)
    assert (changes["hausdorff_mm"] > 0).all()


def test_other_algorithms_segmentations_are_measured_and_a_bad_one_is_left_out(
    case: CaseScans, store: CaseStore, tmp_path: Path
) -> None:
    variants = {name: tmp_path / f"{name}.nii.gz" for name in ("grown", "same", "wrong_grid")}
    grown = tumour()
    grown[12, 12, 19:21] = 2
    save(grown, variants["grown"])
    save(tumour(), variants["same"])
    save(tumour()[:-1], variants["wrong_grid"])
    result = measure_variants(case, store, SETTINGS, variants)
    table = gather_variants([result], SETTINGS).set_index("algorithm")
    assert list(table.index) == ["grown", "same"]
    own = measure_case(case, store, SETTINGS).record
    assert own is not None
    np.testing.assert_array_equal(table.loc["same", COLUMNS].to_numpy(float), own.arrays["values"])
    assert (
        table.loc["grown", "mask__wt__shape_VoxelVolume"]
        > own.arrays["values"][COLUMNS.index("mask__wt__shape_VoxelVolume")]
    )
    assert result.record is not None
    assert "wrong_grid" in result.record.facts["failures"]
    assert "shape must be the segmentation's" in result.record.facts["failures"]["wrong_grid"]
    assert not measure_variants(case, store, SETTINGS, variants).computed
    save(tumour(), variants["grown"])
    assert measure_variants(case, store, SETTINGS, variants).computed


def test_only_cases_that_passed_ingestion_are_listed() -> None:
    manifest = pd.DataFrame(
        [
            {
                "subject_id": subject,
                "modality": kind,
                "path": f"images/{subject}/{kind}",
                "sha256": "0",
            }
            for subject in ("B", "A", "C")
            for kind in ("mask", "t1")
        ]
    )
    outcomes = PASSED.assign(status=["processed", "failed"])
    (listed,) = list_cases(manifest, outcomes, Path("raw"))
    assert listed.subject_id == "A"
    assert listed.paths == {"mask": Path("raw/images/A/mask"), "t1": Path("raw/images/A/t1")}
