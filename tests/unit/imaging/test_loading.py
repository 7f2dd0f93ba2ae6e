from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from gliomics.errors import ScanError
from gliomics.imaging import loading
from gliomics.imaging.loading import ScanFiles, read_scan
from gliomics.imaging.volume import read_volume

AFFINE = np.array([[-1.0, 0, 0, 4], [0, -1.2, 0, 5], [0, 0, 2.5, -6], [0, 0, 0, 1]])


def nifti(array: np.ndarray, slope: float | None = None, kind: type = nib.Nifti1Image) -> bytes:
    image = kind(array, AFFINE)
    if slope is not None:
        image.header.set_slope_inter(slope, 3.0)
    return image.to_bytes()


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.dtype(">i2")])
@pytest.mark.parametrize("packed", [True, False])
def test_reads_what_the_general_reader_reads(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, dtype: np.dtype, packed: bool
) -> None:
    content = nifti((rng.random((5, 6, 7)) * 100).astype(dtype))
    content = gzip.compress(content) if packed else content
    general = read_volume(content, "S")
    monkeypatch.setattr(loading, "read_volume", None)
    fast = read_scan(content, "S")
    np.testing.assert_array_equal(fast.array, general.array)
    np.testing.assert_array_equal(fast.affine, general.affine)
    assert (fast.spacing_mm, fast.orientation) == (general.spacing_mm, general.orientation)


@pytest.mark.parametrize(
    "content",
    [
        nifti(np.arange(60, dtype=np.int16).reshape(3, 4, 5), slope=0.5),
        nifti(np.arange(60, dtype=np.int16).reshape(3, 4, 5, 1)),
        nifti(np.arange(60, dtype=np.int16).reshape(3, 4, 5), kind=nib.Nifti2Image),
    ],
    ids=["scaled", "four axes", "nifti-2"],
)
def test_unusual_files_go_the_general_way(content: bytes) -> None:
    np.testing.assert_array_equal(read_scan(content, "S").array, read_volume(content, "S").array)


def test_file_of_several_gzip_members(rng: np.random.Generator) -> None:
    plain = nifti(rng.integers(0, 99, (9, 9, 9)).astype(np.int16))
    parts = gzip.compress(plain[:700]) + gzip.compress(plain[700:])
    np.testing.assert_array_equal(read_scan(parts, "S").array, read_scan(plain, "S").array)


@pytest.mark.parametrize("cut", [3, 200, 400, 900])
@pytest.mark.parametrize("packed", [True, False])
def test_broken_file_is_named(rng: np.random.Generator, cut: int, packed: bool) -> None:
    content = nifti(rng.integers(0, 99, (9, 9, 9)).astype(np.int16))
    content = gzip.compress(content) if packed else content
    with pytest.raises(ScanError, match=r"S \[t1\]: the file must be a whole NIfTI file"):
        read_scan(content[:cut], "S [t1]")


def test_flipped_byte_is_noticed(rng: np.random.Generator) -> None:
    content = bytearray(gzip.compress(nifti(rng.integers(0, 99, (9, 9, 9)).astype(np.int16))))
    content[len(content) // 2] ^= 0x10
    with pytest.raises(ScanError, match="whole NIfTI file"):
        read_scan(bytes(content), "S")


def test_scan_files_reads_on_demand_only(tmp_path: Path) -> None:
    paths = {"t1": tmp_path / "t1.nii", "t2": tmp_path / "gone.nii"}
    paths["t1"].write_bytes(nifti(np.ones((3, 3, 3), dtype=np.int16)))
    scans = ScanFiles(paths, "S")
    assert "t2" in scans
    assert list(scans) == ["t1", "t2"]
    assert len(scans) == 2
    assert scans["t1"].array.sum() == 27
