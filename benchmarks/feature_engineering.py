"""Time and memory of the feature stage, as users run it, at growing numbers of real-size cases.

Every copy has bytes of its own (the time in the gzip header), so that none is found in the store::

    python benchmarks/feature_engineering.py
    python benchmarks/feature_engineering.py --cases 10 100 --perturbations 0
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import sys
import tempfile
from pathlib import Path

from measuring import measured, prepare_case

from gliomics.radiomics.settings import RadiomicsSettings

PROJECT = Path(__file__).resolve().parents[1]
NAMES = ("t1", "t1ce", "t2", "flair", "seg")


def main() -> None:
    """Parse the command line, run every size once and once more."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--perturbations", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source = prepare_case(Path(name) / "source", RadiomicsSettings())
        for cases in arguments.cases:
            run_size(Path(name) / str(cases), source, cases, arguments.perturbations)


def run_size(folder: Path, source: Path, cases: int, perturbations: int) -> None:
    """Run ingestion's image checks, then the stage twice; print what each cost."""
    project = copy_project(folder / "project")
    for number in range(cases):
        copy_case(source, folder / "raw" / "images", number)
    where = f"cohort=tcga_lgg,raw_dir={folder / 'raw'}"
    kedro = [sys.executable, "-m", "kedro", "run", "--params"]
    checks = measured([*kedro, where, "--nodes", "inspect_case_scans"], project)
    print(f"{cases:>5} cases  image checks      {checks.seconds:7.1f} s, peak {checks.peak_mib:5.0f} MiB")
    stage = [
        *kedro,
        f"{where},feature_engineering.stability.perturbations={perturbations}",
        "--pipelines",
        "feature_engineering",
    ]
    for label in ("all computed", "all found again"):
        cost = measured(stage, project)
        print(
            f"{cases:>5} cases  {label:<17} {cost.seconds:7.1f} s, peak {cost.peak_mib:5.0f} MiB "
            f"(added up over processes {cost.resident_mib:.0f} MiB)",
            flush=True,
        )
    shutil.rmtree(folder)


def copy_project(folder: Path) -> Path:
    """Copy what a run needs, so that no result of the user's own is touched."""
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / "mlruns").mkdir()
    return folder


def copy_case(source: Path, images: Path, number: int) -> None:
    """Copy a case in BraTS naming; the gzip header's time makes its bytes its own."""
    subject = f"COPY-{number:04d}"
    (images / subject).mkdir(parents=True)
    for name in NAMES:
        content = bytearray((source / f"{name}.nii.gz").read_bytes())
        if content[:2] != b"\x1f\x8b":
            content = bytearray(gzip.compress(bytes(content), compresslevel=1))
        content[4:8] = (number + 1).to_bytes(4, "little")
        (images / subject / f"{subject}_{name}.nii.gz").write_bytes(bytes(content))


if __name__ == "__main__":
    main()
