"""One test a check: a good case with one fault; the good one beside it survives."""

import gzip
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from gliomics.compute import ComputeSettings
from gliomics.imaging.manifest import inspect_case, inspect_scans
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


def rotated() -> np.ndarray:
    affine = LPS.copy()
    affine[:2, :2] @= [[np.cos(0.05), -np.sin(0.05)], [np.sin(0.05), np.cos(0.05)]]
    return affine


def rgb() -> np.ndarray:
    return np.zeros(SHAPE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])


def patch_header(path: Path, position: int, layout: str, *values: float) -> None:
    plain = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into(layout, plain, position, *values)
    path.write_bytes(gzip.compress(bytes(plain)))


def link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("not-fetched")


def date_files(folder: Path, *dates: str) -> None:
    """Give every file a date: each of the dates in turn, or all of them if ``dates`` starts with an 'and'."""
    for number, file in enumerate(sorted(folder.iterdir())):
        kind = file.name.split("_", 1)[1].replace("t1ce", "t1Gd").replace("seg", "GlistrBoost")
        for date in dates[1:] if dates[0] == "and" else [dates[number % len(dates)]]:
            shutil.copy(file, folder / f"CASE-1_{date}_{kind}")
        file.unlink()


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
    "link to nothing": (
        "unreadable_file",
        lambda f: link_to_nothing(f / "CASE-1_t1.nii.gz"),
        r"CASE-1 \[t1\]: it must open for reading, got No such file",
    ),
    "header of a giant": (
        "unreadable_file",
        lambda f: patch_header(f / "CASE-1_t1.nii.gz", 42, "<hhh", 32000, 32000, 32000),
        r"header promises 65536000000352 bytes, there are 3712\)",
    ),
    "colour image": (
        "unreadable_file",
        lambda f: save(rgb(), f / "CASE-1_t1.nii.gz"),
        r"\[t1\]: every voxel must be one real number",
    ),
    "colour mask": (
        "unreadable_file",
        lambda f: save(rgb(), f / "CASE-1_seg.nii.gz"),
        r"\[mask\]: every voxel",
    ),
    "complex image": (
        "unreadable_file",
        lambda f: save(brain().astype(np.complex64), f / "CASE-1_t2.nii.gz"),
        "voxels of type complex64",
    ),
    "affine of NaN": (
        "unreadable_file",
        lambda f: patch_header(f / "CASE-1_t1.nii.gz", 280, "<f", np.nan),
        "header must say where the voxels lie",
    ),
    "flat affine": (
        "unreadable_file",
        lambda f: patch_header(f / "CASE-1_t1.nii.gz", 280, "<f", 0.0),
        "header must say where the voxels lie",
    ),
    "spacing of NaN": (
        "unreadable_file",
        lambda f: patch_header(f / "CASE-1_t1.nii.gz", 80, "<f", np.nan),
        r"spacing \(nan, 1.0, 1.0\) mm",
    ),
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
    "turned by three degrees": (
        "grid_mismatch",
        lambda f: save(brain(), f / "CASE-1_t1.nii.gz", rotated()),
        r"\[t1\]: axes must point as in flair, got 2.9 degrees away",
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
    "all files another's": (
        "subject_id_mismatch",
        lambda f: [file.rename(f / file.name.replace("CASE-1", "CASE-9")) for file in list(f.iterdir())],
        "CASE-9_seg.nii.gz, which names CASE-9",
    ),
    "every file twice": (
        "ambiguous_files",
        lambda f: date_files(f, "and", "2001.01.01", "2002.02.02"),
        r"\[flair\]: there must be one file, got CASE-1_2001.01.01_flair.nii.gz, CASE-1_2002",
    ),
    "modalities of several dates": (
        "ambiguous_files",
        lambda f: date_files(f, "2001.01.01", "2002.02.02"),
        r"one date, got 2001.01.01 \(flair, t1, t2\), 2002.02.02 \(mask, t1ce\)",
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


def test_the_first_reason_does_not_depend_on_the_order_of_the_files(tmp_path: Path):
    folder = write_case(tmp_path / "images")
    save(np.stack([brain(), brain()], axis=-1), folder / "CASE-1_flair.nii.gz")
    truncate(folder / "CASE-1_t2.nii.gz")
    codes = [error.code for error in inspect_case(folder, tmp_path, ImageSettings()).errors]
    assert codes == ["unreadable_file", "not_three_dimensional"]


@pytest.mark.parametrize("fault", ["all files another's", "every file twice"])
def test_a_scan_that_lies_there_is_not_called_missing(fault: str, tmp_path: Path):
    folder = write_case(tmp_path / "images")
    FAULTS[fault][1](folder)
    errors = inspect_case(folder, tmp_path, ImageSettings()).errors
    assert {error.code for error in errors} == {FAULTS[fault][0]}
    assert len(errors) == 5
