"""Time and memory of the radiomics panel: pyradiomics' own batch command line against ours.

Both sides measure the same cases with the same settings (pyradiomics' whole-image normalisation), two
processes each, on the same machine, one after the other::

    python benchmarks/radiomics.py
    python benchmarks/radiomics.py --panel extended --cases 1 --our-cases 6
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import psutil
import yaml

from gliomics.compute import ComputeSettings, map_cases
from gliomics.imaging.loading import ScanFiles, read_scan
from gliomics.radiomics.extraction import extract_case
from gliomics.radiomics.feature_names import FEATURES, MASK, FeatureName, panel_columns
from gliomics.radiomics.settings import RadiomicsSettings

PANELS = {
    "726": RadiomicsSettings(normalisation="whole_image"),
    "extended": RadiomicsSettings(
        normalisation="whole_image", feature_classes=tuple(FEATURES), log_sigmas_mm=(1, 3, 5), wavelet=True
    ),
}
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


def main() -> None:
    """Parse the command line and run the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--panel", choices=sorted(PANELS), default="726")
    parser.add_argument("--cases", type=int, default=4, help="copies that pyradiomics measures")
    parser.add_argument(
        "--our-cases", type=int, default=40, help="copies that ours measures, start-up included"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes on each side")
    parser.add_argument("--work-on", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work_on:
        measure_ours(arguments.work_on, arguments.panel, arguments.workers)
        return
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    """Prepare the cases, run both sides, print seconds, memory and differences."""
    settings = PANELS[arguments.panel]
    source = prepare_case(folder / "source")
    for number in range(max(arguments.cases, arguments.our_cases)):
        shutil.copytree(source, folder / "cases" / f"{number:03d}")
    command = [sys.executable, __file__, "--panel", arguments.panel, "--workers", str(arguments.workers)]
    ours_input = folder / "ours"
    ours_input.mkdir()
    for number in range(arguments.our_cases):
        (ours_input / f"{number:03d}").symlink_to(folder / "cases" / f"{number:03d}")
    warm_up = folder / "warm_up"
    warm_up.mkdir()
    (warm_up / "000").symlink_to(source)
    measured([*command, "--work-on", str(warm_up)])
    ours = measured([*command, "--work-on", str(ours_input)])
    theirs = measured(pyradiomics_command(folder, settings, arguments))
    worst, outside, compared = largest_difference(folder, settings)
    ours_each, theirs_each = ours.seconds / arguments.our_cases, theirs.seconds / arguments.cases
    print(f"panel {arguments.panel}: {compared} values compared, {arguments.workers} processes each")
    print(f"pyradiomics {theirs_each:8.2f} s a case ({arguments.cases} cases), {memory(theirs)}")
    print(f"gliomics    {ours_each:8.2f} s a case ({arguments.our_cases} cases), {memory(ours)}")
    print(f"largest relative difference {worst:.1e}; outside |a-b| <= 1e-6 |b| + 1e-9: {outside}")
    print(
        f"README: {arguments.panel} panel, {theirs_each:.2f} s a case with pyradiomics' command line, "
        f"{ours_each:.2f} s with gliomics: {theirs_each / ours_each:.0f} times faster, "
        f"{ours.peak_mib:.0f} against {theirs.peak_mib:.0f} MiB ({os.cpu_count()} cores)"
    )


def memory(cost: Cost) -> str:
    """Say what memory a command took."""
    return f"peak memory {cost.peak_mib:.0f} MiB (added up over processes {cost.resident_mib:.0f} MiB)"


def prepare_case(folder: Path) -> Path:
    """Put a case's scans into a folder: the real patient where there is one, else a generated case."""
    folder.mkdir()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    real = Path(os.environ.get("GLIOMICS_REAL_DATA", default)) / "tcga_lgg" / "images" / SUBJECT
    names = [*PANELS["726"].modalities, "seg"]
    if real.is_dir():
        for name in names:
            shutil.copyfile(real / f"{SUBJECT}_{name}.nii.gz", folder / f"{name}.nii.gz")
    else:
        for name, array in zip(names, generated_scans(), strict=True):
            nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1.0, 1.0, 1.0])), folder / f"{name}.nii.gz")
    labels = nib.load(folder / "seg.nii.gz")
    for region, inside in PANELS["726"].regions.items():
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


def measure_ours(folder: Path, panel: str, workers: int) -> None:
    """Extract every case of a folder with the native engine and write the first case's values."""
    cases = sorted(folder.iterdir())
    rows = map_cases(partial(extract, panel=panel), cases, ComputeSettings(workers=workers))
    first = next(iter(rows))
    for _ in rows:
        pass
    (folder / "values.json").write_text(json.dumps(first), encoding="utf-8")


def extract(case: Path, panel: str) -> dict[str, float]:
    """Extract one case from its files."""
    settings = PANELS[panel]
    paths = {modality: case / f"{modality}.nii.gz" for modality in settings.modalities}
    mask = read_scan((case / "seg.nii.gz").read_bytes(), case.name)
    return extract_case(case.name, ScanFiles(paths, case.name), mask, settings).values


def pyradiomics_command(
    folder: Path, settings: RadiomicsSettings, arguments: argparse.Namespace
) -> list[str]:
    """Write the batch and parameter files of pyradiomics' command line, and give the command."""
    with (folder / "batch.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Case", "Modality", "Region", "Image", "Mask"])
        for case in sorted((folder / "cases").iterdir())[: arguments.cases]:
            for modality in settings.modalities:
                for region in settings.regions:
                    paths = (case / f"{modality}.nii.gz", case / f"mask_{region}.nii.gz")
                    writer.writerow([case.name, modality, region, *paths])
    images: dict[str, object] = {"Original": {}}
    if settings.log_sigmas_mm:
        images["LoG"] = {"sigma": list(settings.log_sigmas_mm)}
    if settings.wavelet:
        images["Wavelet"] = {}
    parameters = {
        "imageType": images,
        "featureClass": {name: list(FEATURES[name]) for name in settings.feature_classes},
        "setting": {
            "normalize": True,
            "normalizeScale": int(settings.normalisation_scale),
            "binWidth": settings.bin_width,
            "voxelArrayShift": int(settings.voxel_array_shift),
            "additionalInfo": True,
        },
    }
    (folder / "parameters.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    script = Path(sys.executable).with_name("pyradiomics")
    files = ["--param", str(folder / "parameters.yaml"), "--out", str(folder / "pyradiomics.csv")]
    options = ["--format", "csv", "--jobs", str(arguments.workers), "--verbosity", "1"]
    return [str(script), str(folder / "batch.csv"), *files, *options]


def measured(command: list[str]) -> Cost:
    """Run a command and sample the memory of it and its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
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


def largest_difference(folder: Path, settings: RadiomicsSettings) -> tuple[float, int, int]:
    """Compare the first case: largest relative difference, values outside the tolerance, values compared."""
    ours = json.loads((folder / "ours" / "values.json").read_text(encoding="utf-8"))
    theirs: dict[str, float] = {}
    with (folder / "pyradiomics.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Case"] == "000":
                theirs.update(named(row))
    if set(ours) != set(theirs) or set(ours) != set(panel_columns(settings)):
        raise SystemExit(f"columns differ: {sorted(set(ours) ^ set(theirs))[:5]}")
    gaps = {column: abs(ours[column] - value) for column, value in theirs.items()}
    outside = sum(not gap <= 1e-6 * abs(theirs[column]) + 1e-9 for column, gap in gaps.items())
    worst = max(gap / abs(theirs[column]) for column, gap in gaps.items() if abs(theirs[column]) > 1e-9)
    return worst, outside, len(theirs)


def named(row: dict[str, str]) -> dict[str, float]:
    """Rename the feature columns of a row of pyradiomics' output as ours."""
    found = {}
    for key, value in row.items():
        parts = key.split("_")
        if len(parts) == 3 and parts[1] in FEATURES:
            modality = MASK if parts[1] == "shape" else row["Modality"]
            found[FeatureName(modality, row["Region"], parts[1], parts[2], parts[0]).column] = float(value)
    return found


if __name__ == "__main__":
    main()
