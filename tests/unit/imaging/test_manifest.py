"""One test a check: a good case with one fault; the good ones beside it survive."""

import gzip
import hashlib
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gliomics.compute import ComputeSettings
from gliomics.errors import ScanError, TooManyFailuresError
from gliomics.imaging.manifest import enforce_failure_limit, inspect_case, inspect_scans, no_scans
from gliomics.imaging.scan_checks import CHECKS
from gliomics.imaging.settings import ImageSettings
from phantoms import LPS, SHAPE, brain, save, tumour, write_case

ONE = ComputeSettings(workers=1)


def shifted() -> np.ndarray:
    affine = LPS.copy()
    affine[0, 3] = 5.0
    return affine


def with_label(value: float, dtype: type) -> np.ndarray:
    mask = tumour().astype(dtype)
    mask[5, 5, 5] = value
    return mask


def with_nan() -> np.ndarray:
    image = brain().astype(np.float32)
    image[3, 3, 3] = np.nan
    return image


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


FAULTS = {
    "no modality": ("missing_modality", lambda f: (f / "CASE-1_flair.nii.gz").unlink(), r"\[flair\]"),
    "no mask": ("missing_segmentation", lambda f: (f / "CASE-1_seg.nii.gz").unlink(), "_seg.nii.gz"),
    "empty folder": ("no_scans", lambda f: [file.unlink() for file in f.iterdir()], "an empty folder"),
    "only unknown names": (
        "no_scans",
        lambda f: [file.rename(f / f"{i}.nii.gz") for i, file in enumerate(sorted(f.iterdir()))],
        "0.nii.gz",
    ),
    "truncated gzip": ("unreadable_file", lambda f: truncate(f / "CASE-1_t2.nii.gz"), r"\[t2\]"),
    "not gzip at all": (
        "unreadable_file",
        lambda f: (f / "CASE-1_t2.nii.gz").write_bytes(b"<html>not found</html>"),
        "22 bytes that cannot be read",
    ),
    "empty file": ("unreadable_file", lambda f: (f / "CASE-1_t1.nii.gz").write_bytes(b""), "0 bytes"),
    "four dimensions": (
        "not_three_dimensional",
        lambda f: save(np.stack([brain(), brain()], axis=-1), f / "CASE-1_t1.nii.gz"),
        r"\(12, 14, 10, 2\)",
    ),
    "NaN voxel": ("not_finite", lambda f: save(with_nan(), f / "CASE-1_t1ce.nii.gz"), "1 voxels NaN"),
    "blank image": (
        "empty_image",
        lambda f: save(np.zeros(SHAPE, np.int16), f / "CASE-1_t1.nii.gz"),
        "the value 0 everywhere",
    ),
    "cropped modality": (
        "grid_mismatch",
        lambda f: save(brain()[:, :, 1:], f / "CASE-1_t2.nii.gz"),
        r"\[t2\]: shape must be \(12, 14, 10\) as in flair, got \(12, 14, 9\)",
    ),
    "transposed mask": (
        "grid_mismatch",
        lambda f: save(tumour().transpose(1, 0, 2), f / "CASE-1_seg.nii.gz"),
        "Axes look transposed",
    ),
    "other spacing": (
        "grid_mismatch",
        lambda f: save(brain(), f / "CASE-1_t1.nii.gz", np.diag([-2.0, -1, 1, 1])),
        r"spacing must be \(1, 1, 1\) mm",
    ),
    "other origin": (
        "grid_mismatch",
        lambda f: save(brain(), f / "CASE-1_t1.nii.gz", shifted()),
        "origin must be",
    ),
    "other orientation": (
        "grid_mismatch",
        lambda f: save(brain(), f / "CASE-1_flair.nii.gz", np.eye(4)),
        "orientation must be LPS",
    ),
    "foreign label": (
        "label_not_allowed",
        lambda f: save(with_label(7, np.uint8), f / "CASE-1_seg.nii.gz"),
        "labels must be among 0, 1, 2, 4, got 7",
    ),
    "interpolated mask": (
        "label_not_integer",
        lambda f: save(with_label(1.5, np.float32), f / "CASE-1_seg.nii.gz"),
        "1.5 among them",
    ),
    "empty mask": (
        "empty_segmentation",
        lambda f: save(np.zeros(SHAPE, np.uint8), f / "CASE-1_seg.nii.gz"),
        "label 0 everywhere",
    ),
    "mask of ones": (
        "segmentation_fills_volume",
        lambda f: save(np.ones(SHAPE, np.uint8), f / "CASE-1_seg.nii.gz"),
        "every one of the 1680 is 1",
    ),
    "inverted mask": (
        "segmentation_fills_volume",
        lambda f: save(np.where(tumour() > 0, 0, 1).astype(np.uint8), f / "CASE-1_seg.nii.gz"),
        "cover at most 60% of the brain",
    ),
    "another's file": (
        "subject_id_mismatch",
        lambda f: (f / "CASE-1_t1.nii.gz").rename(f / "CASE-2_t1.nii.gz"),
        "which names CASE-2",
    ),
    "two dates": (
        "ambiguous_files",
        lambda f: [
            shutil.copy(f / "CASE-1_t1.nii.gz", f / f"CASE-1_{date}_t2.nii.gz")
            for date in ("2001.01.01", "2002.02.02")
        ],
        "CASE-1_2001.01.01_t2.nii.gz, CASE-1_2002.02.02_t2.nii.gz",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_the_other_case_survives(fault: str, tmp_path: Path):
    code, break_it, message = FAULTS[fault]
    write_case(tmp_path / "images", "CASE-2")
    break_it(write_case(tmp_path / "images"))
    found = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE)
    outcomes = found.outcomes.set_index("subject_id")
    assert outcomes.loc["CASE-1", ["status", "code"]].tolist() == ["failed", code]
    assert re.search(message, outcomes.loc["CASE-1", "reason"])
    assert outcomes.loc["CASE-2", "status"] == "processed"
    assert outcomes.loc["CASE-2", ["code", "reason"]].isna().all()


def test_every_check_has_a_fault_that_fires_it():
    assert {code for code, _, _ in FAULTS.values()} == set(CHECKS)


def test_a_good_case_gives_a_row_a_file(tmp_path: Path):
    folder = write_case(tmp_path / "images")
    found = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE)
    assert found.outcomes["status"].tolist() == ["processed"]
    assert found.manifest["modality"].tolist() == ["flair", "mask", "t1", "t1ce", "t2"]
    row = found.manifest.set_index("modality").loc["t1"]
    content = (folder / "CASE-1_t1.nii.gz").read_bytes()
    assert row["path"] == "images/CASE-1/CASE-1_t1.nii.gz"
    assert row["sha256"] == hashlib.sha256(content).hexdigest()
    assert (row["n_bytes"], row["dtype"], row["orientation"]) == (len(content), "int16", "LPS")
    assert (row["shape"], row["spacing_mm"]) == (list(SHAPE), [1.0, 1.0, 1.0])


def test_several_faults_of_a_case_are_all_told_the_weightiest_first(tmp_path: Path):
    folder = write_case(tmp_path / "images")
    save(np.ones((3, 3, 3), np.uint8), folder / "CASE-1_seg.nii.gz")
    (folder / "CASE-1_t1.nii.gz").unlink()
    outcome = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE).outcomes.iloc[0]
    assert outcome["code"] == "missing_modality"
    for words in ("[t1]: the image must be there", "no voxel is 0", "shape must be (12, 14, 10)"):
        assert words in outcome["reason"]


def test_the_manual_mask_is_taken_before_the_automatic_one(tmp_path: Path):
    folder = write_case(tmp_path / "images", "TCGA-CS-4941")
    mask = folder / "TCGA-CS-4941_seg.nii.gz"
    mask.rename(folder / "TCGA-CS-4941_1996.09.09_GlistrBoost_ManuallyCorrected.nii.gz")
    save(np.zeros(SHAPE, np.uint8), folder / "TCGA-CS-4941_1996.09.09_GlistrBoost.nii.gz")
    found = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE)
    assert found.outcomes["status"].tolist() == ["processed"]
    assert found.manifest.set_index("modality").loc["mask", "variant"] == "manual"


def test_small_negative_intensities_are_no_fault(tmp_path: Path):
    folder = write_case(tmp_path / "images")
    image = brain()
    image[0, 0, :5] = -3
    save(image, folder / "CASE-1_t1.nii.gz")
    outcomes = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE).outcomes
    assert outcomes["status"].tolist() == ["processed"]


def test_plain_nifti_and_a_trailing_axis_of_one_are_read(tmp_path: Path):
    folder = write_case(tmp_path / "images")
    packed = folder / "CASE-1_t1.nii.gz"
    (folder / "CASE-1_t1.nii").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    save(brain()[..., None], folder / "CASE-1_t2.nii.gz")
    case = inspect_case(folder, tmp_path, ImageSettings())
    assert case.errors == []


def test_labels_can_be_allowed_and_modalities_made_optional(tmp_path: Path):
    folder = write_case(tmp_path / "images")
    save(with_label(3, np.uint8), folder / "CASE-1_seg.nii.gz")
    (folder / "CASE-1_t2.nii.gz").unlink()
    settings = ImageSettings(allowed_labels=(0, 1, 2, 3, 4), required_modalities=("t1", "flair"))
    assert inspect_case(folder, tmp_path, settings).errors == []


def test_the_number_of_workers_changes_nothing(tmp_path: Path):
    for number in range(5):
        write_case(tmp_path / "images", f"CASE-{number}")
    (tmp_path / "images" / "CASE-3" / "CASE-3_seg.nii.gz").unlink()
    steps: list[tuple[int, int]] = []
    one = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE, lambda *s: steps.append(s))
    two = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ComputeSettings(workers=2))
    pd.testing.assert_frame_equal(one.manifest, two.manifest)
    pd.testing.assert_frame_equal(one.outcomes, two.outcomes)
    assert steps == [(done, 5) for done in range(1, 6)]


def test_no_images_folder_is_said_with_its_fix(tmp_path: Path):
    with pytest.raises(ScanError, match="images folder none: the folder must exist"):
        inspect_scans(tmp_path / "none", tmp_path, ImageSettings(), ONE)


def test_too_many_failures_stop_with_the_table():
    outcomes = pd.DataFrame(
        {
            "subject_id": ["A", "B", "C", "D"],
            "status": ["failed", "processed", "processed", "failed"],
            "code": ["empty_image", None, None, "grid_mismatch"],
        }
    )
    enforce_failure_limit(outcomes, 0.5)
    with pytest.raises(
        TooManyFailuresError, match=r"at most 25% .* got 2 of 4:\n  A  empty_image\n  D  grid"
    ):
        enforce_failure_limit(outcomes, 0.25)
    enforce_failure_limit(no_scans().outcomes, 0.0)


@pytest.mark.real_data
def test_the_real_patient_passes(real_data: Path):
    raw = real_data / "tcga_lgg"
    found = inspect_scans(raw / "images", raw, ImageSettings(), ONE)
    assert found.outcomes["status"].tolist() == ["processed"]
    assert len(found.manifest) == 5
    assert found.manifest["shape"].tolist() == [[240, 240, 155]] * 5
    assert found.manifest["spacing_mm"].tolist() == [[1.0, 1.0, 1.0]] * 5
    assert set(found.manifest["orientation"]) == {"LPS"}


@pytest.mark.real_data
def test_the_really_broken_mask_is_quarantined_by_name(real_data: Path, tmp_path: Path):
    source = real_data / "tcga_lgg" / "images" / "TCGA-FG-6692"
    folder = tmp_path / "images" / "TCGA-FG-6692"
    folder.mkdir(parents=True)
    for file in source.iterdir():
        if "seg" not in file.name:
            (folder / file.name).symlink_to(file)
    bad = real_data / "bad_input" / "segmentation_every_voxel_is_1.nii.gz"
    (folder / "TCGA-FG-6692_seg.nii.gz").symlink_to(bad)
    outcome = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE).outcomes.iloc[0]
    assert outcome["code"] == "segmentation_fills_volume"
    assert "every one of the 8928000 is 1" in outcome["reason"]
