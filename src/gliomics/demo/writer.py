"""Writing the demonstration cohort: all of it or nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gliomics.compute import is_needed, map_cases
from gliomics.demo.panel import panel_csv, panel_row
from gliomics.demo.patients import make_patients
from gliomics.demo.records import gdc_cases
from gliomics.demo.rehearsal import rehearsal_panel, rehearsal_patients
from gliomics.demo.scans import make_scans, write_scans
from gliomics.demo.settings import GENERATOR_VERSION, DemoSettings
from gliomics.lineage.durable_files import replaced

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gliomics.compute import ComputeSettings
    from gliomics.demo.panel import Row
    from gliomics.demo.patients import SyntheticPatient
    from gliomics.demo.rehearsal import RehearsalSettings

STAMP: Final = "SYNTHETIC.json"


@dataclass(frozen=True)
class DemoSummary:
    """What lies on the disk after writing.

    Attributes
    ----------
    patients : int
        How many there are.
    n_bytes : int
        Size of all files.
    already_there : bool
        Whether the same cohort had been written before, so that nothing was done.
    """

    patients: int
    n_bytes: int
    already_there: bool


def write_demo_cohort(
    folder: Path,
    settings: DemoSettings,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    force: bool = False,
) -> DemoSummary:
    """Write a synthetic cohort in the forms of BraTS-TCGA-LGG and of the GDC.

    Parameters
    ----------
    folder : Path
        The cohort's raw folder. It is replaced as a whole, at the end, and only if it is a demo cohort.
    settings : DemoSettings
        Number of patients and seed; they decide every byte.
    compute : ComputeSettings
        How patients are spread over workers.
    on_progress : callable, optional
        Called with the number of patients done and of all patients.
    force : bool
        Write again even if the same cohort is there.

    Returns
    -------
    DemoSummary
        What is there now.

    Raises
    ------
    FileExistsError
        If the folder holds something that is not a demo cohort.
    """
    stamp = {"synthetic": True, "generator_version": GENERATOR_VERSION, **settings.model_dump()}
    fill = partial(_write_all, settings=settings, compute=compute, on_progress=on_progress)
    return _write_whole(folder, stamp, settings.patients, fill, force=force)


def write_rehearsal_cohort(folder: Path, settings: RehearsalSettings, *, force: bool = False) -> DemoSummary:
    """Write the rehearsal cohort: clinical records and a panel with a planted signal, no scans.

    Parameters
    ----------
    folder : Path
        The cohort's raw folder; see `write_demo_cohort`.
    settings : RehearsalSettings
        Number of patients and seed; they decide every byte.
    force : bool
        Write again even if the same cohort is there.

    Returns
    -------
    DemoSummary
        What is there now.

    Raises
    ------
    FileExistsError
        If the folder holds something that is not a synthetic cohort.
    """
    stamp = {
        "synthetic": True,
        "cohort": "rehearsal",
        "generator_version": GENERATOR_VERSION,
        **settings.model_dump(),
    }
    return _write_whole(
        folder, stamp, settings.patients, partial(_write_panel, settings=settings), force=force
    )


def _write_whole(
    folder: Path, stamp: dict[str, Any], n: int, fill: Callable[[Path], None], *, force: bool
) -> DemoSummary:
    """Write a cohort beside its folder, then put it there as a whole."""
    if folder.exists():
        if not (folder / STAMP).is_file():
            if any(folder.iterdir()):
                raise FileExistsError(folder.name)
        elif not force and json.loads((folder / STAMP).read_text(encoding="utf-8")) == stamp:
            return DemoSummary(n, _size(folder), already_there=True)
    with replaced(folder) as fresh:
        fill(fresh)
        (fresh / STAMP).write_text(_json(stamp), encoding="utf-8")
    return DemoSummary(n, _size(folder), already_there=False)


def _write_all(
    folder: Path,
    settings: DemoSettings,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    patients = make_patients(settings)
    images = folder / "images"
    images.mkdir(parents=True)
    rows = []
    numbered = list(enumerate(patients, start=1))
    write = partial(_write_patient, images=images, seed=settings.seed)
    for done, row in enumerate(map_cases(write, numbered, compute, on_lost=is_needed(_name)), start=1):
        rows.append(row)
        if on_progress is not None:
            on_progress(done, len(patients))
    whole = [row for row, patient in zip(rows, patients, strict=True) if patient.fault == "none"]
    _write_tables(folder, patients, whole)


def _write_panel(folder: Path, settings: RehearsalSettings) -> None:
    folder.mkdir()
    patients = rehearsal_patients(settings)
    whole = [patient for patient in patients if patient.fault == "none"]
    _write_tables(folder, patients, rehearsal_panel(whole, settings.seed))


def _write_tables(folder: Path, patients: list[SyntheticPatient], rows: list[Row]) -> None:
    (folder / "radiomic_features.csv").write_text(panel_csv(rows), encoding="utf-8")
    (folder / "clinical").mkdir()
    (folder / "clinical" / "gdc_cases.json").write_text(_json(gdc_cases(patients)), encoding="utf-8")


def _name(numbered: tuple[int, SyntheticPatient]) -> str:
    return f"synthetic patient {numbered[1].subject_id}"


def _write_patient(numbered: tuple[int, SyntheticPatient], images: Path, seed: int) -> dict[str, str]:
    """Draw and write one patient, from a generator of the patient's own; return the row of the panel."""
    number, patient = numbered
    scans = make_scans(patient, np.random.default_rng([seed, number]))
    write_scans(patient, scans, images / patient.subject_id)
    return panel_row(patient.subject_id, patient.scan_date, scans)


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, indent=1, sort_keys=True) + "\n"


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
