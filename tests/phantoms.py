"""Small volumes with known contents, and a case folder made of them."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (12, 14, 10)
MODALITIES = ("t1", "t1ce", "t2", "flair")
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def brain(shape: tuple[int, int, int] = SHAPE, *, value: int = 100) -> np.ndarray:
    """An int16 image: a gradient inside a block, 0 around it."""
    image = np.zeros(shape, dtype=np.int16)
    image[1:-1, 1:-1, 1:-1] = value + np.arange(shape[2] - 2, dtype=np.int16)
    return image


def tumour(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """A uint8 mask: 2 x 2 x 2 of label 4 in 4 x 4 x 4 of label 1 in 6 x 6 x 6 of label 2."""
    mask = np.zeros(shape, dtype=np.uint8)
    mask[3:9, 3:9, 2:8] = 2
    mask[4:8, 4:8, 3:7] = 1
    mask[5:7, 5:7, 4:6] = 4
    return mask


def save(array: np.ndarray, path: Path, affine: np.ndarray = LPS) -> None:
    """Write a NIfTI file."""
    nib.save(nib.Nifti1Image(array, affine), path)


def write_case(images_dir: Path, subject_id: str = "CASE-1") -> Path:
    """Write a good case in BraTS naming and return its folder."""
    folder = images_dir / subject_id
    folder.mkdir(parents=True)
    for number, modality in enumerate(MODALITIES):
        save(brain(value=100 * (number + 1)), folder / f"{subject_id}_{modality}.nii.gz")
    save(tumour(), folder / f"{subject_id}_seg.nii.gz")
    return folder
