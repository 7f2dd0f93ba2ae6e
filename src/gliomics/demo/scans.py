"""One patient's files: images and masks, broken where the patient is meant to be."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import nibabel as nib
import numpy as np

from gliomics.demo.anatomy import make_brain
from gliomics.demo.contrast import CONTRAST, render
from gliomics.demo.settings import BOX, GRID, SPACING_MM
from gliomics.demo.tumour import make_tumour

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from gliomics.demo.patients import SyntheticPatient

FILE_NAMES: Final = {"t1": "t1", "t1ce": "t1Gd", "t2": "t2", "flair": "flair"}
AUTOMATIC: Final = "GlistrBoost"
MANUAL: Final = "GlistrBoost_ManuallyCorrected"
DESCRIPTION: Final = b"SYNTHETIC gliomics demo, no patient"
# LPS, as the BraTS-TCGA-LGG collection: x runs to the left, y to the back.
AFFINE: Final = np.diag([-SPACING_MM, -SPACING_MM, SPACING_MM, 1.0])


@dataclass(frozen=True)
class Scans:
    """One patient's voxels, before anything is broken.

    Attributes
    ----------
    images : dict of str to ndarray of int16, shape (x, y, z)
        Modality to image.
    labels, automatic : ndarray of uint8, shape (x, y, z)
        The manually corrected and the automatic segmentation.
    """

    images: dict[str, NDArray[np.int16]]
    labels: NDArray[np.uint8]
    automatic: NDArray[np.uint8]


def make_scans(patient: SyntheticPatient, rng: np.random.Generator) -> Scans:
    """Draw a patient's brain, tumour and four images.

    Parameters
    ----------
    patient : SyntheticPatient
        Whose latent quantities shape the tumour.
    rng : Generator
        Source of chance.

    Returns
    -------
    Scans
        On the demo's grid.
    """
    brain = make_brain(rng)
    tumour = make_tumour(patient, brain, rng)
    scanner = rng.uniform(350.0, 900.0)
    images = {
        modality: _on_grid(render(modality, brain, tumour, scale=scanner * rng.uniform(0.85, 1.15), rng=rng))
        for modality in CONTRAST
    }
    return Scans(images, _on_grid(tumour.labels), _on_grid(tumour.automatic))


def _on_grid(box: NDArray[Any]) -> NDArray[Any]:
    grid = np.zeros(GRID, dtype=box.dtype)
    place = tuple(
        slice((size - inner) // 2, (size - inner) // 2 + inner) for size, inner in zip(GRID, BOX, strict=True)
    )
    grid[place] = box
    return grid


def write_scans(patient: SyntheticPatient, scans: Scans, folder: Path) -> None:
    """Write a patient's files in the naming of BraTS-TCGA-LGG, with the patient's fault if there is one.

    Parameters
    ----------
    patient : SyntheticPatient
        `fault` decides what is broken: ``missing_modality`` leaves FLAIR out, ``empty_segmentation`` blanks
        the masks, ``grid_mismatch`` crops the T2 image.
    scans : Scans
        The voxels.
    folder : Path
        The patient's folder; it is made.
    """
    folder.mkdir(parents=True)
    stem = f"{patient.subject_id}_{patient.scan_date}_"
    for modality, image in scans.images.items():
        if patient.fault == "missing_modality" and modality == "flair":
            continue
        voxels = image[:, :, 4:] if patient.fault == "grid_mismatch" and modality == "t2" else image
        _write_nifti(voxels, folder / f"{stem}{FILE_NAMES[modality]}.nii.gz")
    keep = np.uint8(patient.fault != "empty_segmentation")
    _write_nifti(scans.automatic * keep, folder / f"{stem}{AUTOMATIC}.nii.gz")
    if patient.manual_mask:
        _write_nifti(scans.labels * keep, folder / f"{stem}{MANUAL}.nii.gz")


def _write_nifti(voxels: NDArray[Any], path: Path) -> None:
    affine = AFFINE.copy()
    affine[:3, 3] = [SPACING_MM * (GRID[0] - 1), SPACING_MM * (GRID[1] - 1), 0.0]
    image = nib.Nifti1Image(voxels, affine)  # type: ignore[no-untyped-call]
    image.header["descrip"] = DESCRIPTION
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]
    # mtime 0: the same voxels are the same bytes, whenever they are written.
    path.write_bytes(gzip.compress(image.to_bytes(), compresslevel=4, mtime=0))
