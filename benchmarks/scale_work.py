"""What the cases of `scale` are, and the work on one; workers of both engines import this."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import psutil

from gliomics.imaging.case_scans import CaseScans
from gliomics.imaging.manifest import CaseInspection, inspect_case
from gliomics.imaging.settings import ImageSettings
from gliomics.lineage.case_store import CaseStore
from gliomics.networks.sampling.crops import sample_case
from gliomics.networks.settings import SamplingSettings
from gliomics.radiomics.case_work import measure_case
from gliomics.radiomics.settings import RadiomicsSettings

SEED = 20261125
LIGHT = (24, 24, 24)
MODALITIES = ("t1", "t1ce", "t2", "flair")


def process_number() -> int:
    """Give the process's own number."""
    return psutil.Process().pid


def do_nothing(case: Any) -> Any:
    """Give back what was sent."""
    return case


def check(folder: Path, raw_dir: Path) -> CaseInspection:
    """Do what ingestion does with a case."""
    return inspect_case(folder, raw_dir, ImageSettings())


def measure_and_cut(case: CaseScans, store: Path) -> dict[str, bytes]:
    """Do what feature engineering and the first step of embedding do with a case."""
    cut = sample_case(case, CaseStore(store / "crops"), SamplingSettings(), SEED)
    result = measure_case(case, CaseStore(store / "features"), RadiomicsSettings())
    if cut.error or result.error or result.record is None:
        raise SystemExit(str(cut.error or result.error))
    return {name: array.tobytes() for name, array in result.record.arrays.items()}


def measurer(store: Path) -> Any:
    """Give `measure_and_cut` with a store."""
    return partial(measure_and_cut, store=store)


def write_light_case(images: Path, number: int) -> None:
    """Write a case of small volumes, with bytes of its own."""
    rng = np.random.default_rng(number)
    subject = f"LIGHT-{number:05d}"
    (images / subject).mkdir(parents=True)
    inside = np.zeros(LIGHT, dtype=bool)
    inside[2:-2, 2:-2, 2:-2] = True
    labels = np.zeros(LIGHT, dtype=np.uint8)
    labels[8:14, 8:14, 8:14] = 2
    labels[9:13, 9:13, 9:13] = 1
    labels[10:12, 10:12, 10:12] = 4
    images_of = {name: (inside * rng.integers(50, 900, LIGHT)).astype(np.int16) for name in MODALITIES}
    for name, array in {**images_of, "seg": labels}.items():
        image = nib.Nifti1Image(array, np.diag([-1.0, -1.0, 1.0, 1.0]))
        nib.save(image, images / subject / f"{subject}_{name}.nii.gz")
