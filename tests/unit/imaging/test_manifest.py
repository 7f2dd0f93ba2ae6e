"""The manifest of good cases, the outcomes of all, and the limit of failures."""

import gzip
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gliomics.compute import ComputeSettings
from gliomics.errors import ScanError, TooManyFailuresError
from gliomics.imaging.manifest import enforce_failure_limit, inspect_case, inspect_scans, no_scans
from gliomics.imaging.settings import ImageSettings
from phantoms import SHAPE, brain, save, tumour, write_case

ONE = ComputeSettings(workers=1)


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


@pytest.mark.parametrize("other", ["tcga-cs-4941", "TCGA-CS-4941-01A"])
def test_two_folders_of_one_subject_make_one_failed_case(other: str, tmp_path: Path):
    write_case(tmp_path / "images", "TCGA-CS-4941")
    write_case(tmp_path / "images", "CASE-2")
    write_case(tmp_path / "spare", "TCGA-CS-4941").rename(tmp_path / "images" / other)
    found = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), ONE)
    assert found.outcomes["subject_id"].tolist() == ["CASE-2", "TCGA-CS-4941"]
    assert found.outcomes["code"].tolist() == [None, "ambiguous_files"]
    assert set(found.manifest["subject_id"]) == {"CASE-2"}
    assert re.search("must have one folder, got", found.outcomes.loc[1, "reason"])


def test_hidden_files_do_no_harm_and_other_files_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = write_case(tmp_path / "images")
    (folder / "._CASE-1_t1.nii.gz").write_bytes(b"what macOS leaves in an archive")
    (folder / "notes.txt").write_text("seen by a radiologist")
    (folder / "CASE-1_t1.nii").mkdir()
    with caplog.at_level("DEBUG", logger="gliomics.imaging"):
        assert inspect_case(folder, tmp_path, ImageSettings()).errors == []
    assert "CASE-1: 5 files, 2 ignored, 0 failed checks" in caplog.text


def test_a_folder_that_cannot_be_opened_is_a_failed_case(tmp_path: Path):
    case = inspect_case(tmp_path / "images" / "CASE-1", tmp_path, ImageSettings())
    assert [error.code for error in case.errors] == ["unreadable_file"]


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
    save(np.where(tumour() == 4, 3, tumour()).astype(np.uint8), folder / "CASE-1_seg.nii.gz")
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
    keys = list(zip(one.manifest["subject_id"], one.manifest["modality"], strict=True))
    assert len(keys) == 24
    assert keys == sorted(keys)


def test_no_images_folder_is_said_with_its_fix(tmp_path: Path):
    with pytest.raises(ScanError, match="images folder none: the folder must exist"):
        inspect_scans(tmp_path / "none", tmp_path, ImageSettings(), ONE)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.txt").write_text("no folder here")
    with pytest.raises(ScanError, match=r"got no case in it\. Put the scans there, .* or set it to null"):
        inspect_scans(tmp_path / "empty", tmp_path, ImageSettings(), ONE)


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
        TooManyFailuresError, match=r"may fail, got 2 of 4\. Mend .*:\n  A  empty_image\n  D  grid_mismatch$"
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
