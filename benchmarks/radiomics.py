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
import sys
import tempfile
from functools import partial
from pathlib import Path

import yaml
from measuring import Cost, measured, prepare_case

from gliomics.compute import ComputeSettings, is_needed, map_cases
from gliomics.imaging.loading import ScanFiles, read_scan
from gliomics.radiomics.extraction import extract_case
from gliomics.radiomics.feature_classes import FEATURE_CLASSES
from gliomics.radiomics.feature_names import MASK, FeatureName, panel_columns
from gliomics.radiomics.settings import RadiomicsSettings

PANELS = {
    "726": RadiomicsSettings(normalisation="whole_image"),
    "extended": RadiomicsSettings(
        normalisation="whole_image",
        feature_classes=tuple(FEATURE_CLASSES),
        log_sigmas_mm=(1, 3, 5),
        wavelet=True,
    ),
}


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
    source = prepare_case(folder / "source", PANELS["726"])
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


def measure_ours(folder: Path, panel: str, workers: int) -> None:
    """Extract every case of a folder with the native engine and write the first case's values."""
    cases = sorted(folder.iterdir())
    rows = map_cases(
        partial(extract, panel=panel), cases, ComputeSettings(workers=workers), on_lost=is_needed(str)
    )
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
        "featureClass": {name: list(FEATURE_CLASSES[name].features) for name in settings.feature_classes},
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
        if len(parts) == 3 and parts[1] in FEATURE_CLASSES:
            modality = MASK if parts[1] == "shape" else row["Modality"]
            found[FeatureName(modality, row["Region"], parts[1], parts[2], parts[0]).column] = float(value)
    return found


if __name__ == "__main__":
    main()
