"""What benchmarks share: a real-size case, and the time and memory of a command with all its children."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import psutil

if TYPE_CHECKING:
    from gliomics.radiomics.settings import RadiomicsSettings

SUBJECT = "TCGA-FG-6692"
SAMPLE_EVERY_S = 0.05
MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """What a command cost: seconds on the clock, and the peak memory of all its processes in MiB.

    ``peak_mib`` counts memory that processes share once (Linux's proportional set size); ``resident_mib``
    adds up what each process sees.
    """

    seconds: float
    peak_mib: float
    resident_mib: float


def prepare_case(folder: Path, settings: RadiomicsSettings) -> Path:
    """Put a case's scans into a folder: the real patient where there is one, else a generated case."""
    folder.mkdir()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    real = Path(os.environ.get("GLIOMICS_REAL_DATA", default)) / "tcga_lgg" / "images" / SUBJECT
    names = [*settings.modalities, "seg"]
    if real.is_dir():
        for name in names:
            shutil.copyfile(real / f"{SUBJECT}_{name}.nii.gz", folder / f"{name}.nii.gz")
    else:
        for name, array in zip(names, generated_scans(), strict=True):
            nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1.0, 1.0, 1.0])), folder / f"{name}.nii.gz")
    labels = nib.load(folder / "seg.nii.gz")
    for region, inside in settings.regions.items():
        mask = np.isin(np.asarray(labels.dataobj), inside).astype(np.uint8)
        nib.save(nib.Nifti1Image(mask, labels.affine), folder / f"mask_{region}.nii.gz")
    kind = f"real patient {SUBJECT}" if real.is_dir() else "generated"
    print(f"case: {kind}, {int(mask.sum())} tumour voxels")
    return folder


def generated_scans() -> list[np.ndarray]:
    """Make four images and a segmentation of 240 x 240 x 155 with a tumour of about 30,000 voxels."""
    rng = np.random.default_rng(7)
    grid = np.indices((240, 240, 155), dtype=np.float32)
    brain = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, (120, 120, 78), (70, 88, 65), strict=True)) < 1
    away = sum((g - c) ** 2 for g, c in zip(grid, (150, 100, 85), strict=True)) ** 0.5
    labels = np.select([away < 9, away < 13, away < 19.3], [1, 4, 2], 0).astype(np.uint8)
    waves = np.sin(grid[0] / 5) + np.cos(grid[1] / 7) * np.sin(grid[2] / 4)
    scans = []
    for contrast in (-60, 90, 120, 150):
        image = 300 + 60 * waves + contrast * (labels > 0) + rng.normal(0, 20, brain.shape)
        scans.append((image * brain).astype(np.int16))
    return [*scans, labels]


def measured(command: list[str], folder: Path | None = None) -> Cost:
    """Run a command and sample the memory of it and its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    parent, peaks = psutil.Process(process.pid), (0.0, 0.0)
    while process.poll() is None:
        now = tree_mib(parent)
        peaks = (max(peaks[0], now[0]), max(peaks[1], now[1]))
        time.sleep(SAMPLE_EVERY_S)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(process.stderr.read().decode() if process.stderr else f"failed: {command}")
    return Cost(seconds, *peaks)


def tree_mib(parent: psutil.Process) -> tuple[float, float]:
    """Sum proportional and resident memory over a process and its descendants."""
    proportional = resident = 0
    try:
        for process in (parent, *parent.children(recursive=True)):
            memory = process.memory_full_info()
            proportional, resident = proportional + memory.pss, resident + memory.rss
    except psutil.Error:
        return 0.0, 0.0
    return proportional / MIB, resident / MIB
