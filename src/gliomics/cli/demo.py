"""``gliomics demo``: write the synthetic cohorts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
from pydantic import ValidationError

from gliomics.cli.project import project_folder
from gliomics.compute import ComputeSettings
from gliomics.demo.rehearsal import RehearsalSettings
from gliomics.demo.settings import DemoSettings
from gliomics.demo.writer import DemoSummary, write_demo_cohort, write_rehearsal_cohort
from gliomics.errors import SettingsError
from gliomics.progress import progress

DEFAULTS, REHEARSAL = DemoSettings(), RehearsalSettings()


@click.command()
@click.option(
    "--cohort",
    type=click.Choice(["demo", "rehearsal"]),
    default="demo",
    show_default=True,
    help="rehearsal: a panel with a planted signal, no scans, to practise promotions with.",
)
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder; default data/01_raw/COHORT."
)
@click.option(
    "--patients",
    type=click.IntRange(20, 1200),
    help=f"Default {DEFAULTS.patients}; rehearsal {REHEARSAL.patients}, at least 100.",
)
@click.option("--seed", default=DEFAULTS.seed, show_default=True, type=click.IntRange(0))
@click.option("--force", is_flag=True, help="Write again even if the same cohort is there.")
def demo(cohort: str, output: Path | None, patients: int | None, seed: int, *, force: bool) -> None:
    """Write a SYNTHETIC cohort: MRI, segmentations, clinical records, a published-like panel.

    In the file forms of BraTS-TCGA-LGG and the GDC, and with what real cohorts bring along: censored and
    untreated patients, tumours without enhancement, a missing modality, an empty segmentation, a grid that
    does not match. The rehearsal cohort has records and a panel only.
    """
    folder = output if output is not None else project_folder() / "data" / "01_raw" / cohort
    try:
        if cohort == "rehearsal":
            summary = write_rehearsal_cohort(folder, _rehearsal(patients, seed), force=force)
        else:
            summary = _write_demo(folder, patients or DEFAULTS.patients, seed, force=force)
    except FileExistsError as error:
        raise SettingsError(
            where="--output",
            expected="the folder must be empty, new or an earlier demo cohort",
            got=f"{folder.name}, which holds other files",
            fix="Name another folder; gliomics does not delete what it did not write.",
        ) from error
    state = "is already there" if summary.already_there else "written"
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    click.echo(
        f"SYNTHETIC cohort of {summary.patients} patients {state}: {shown} ({summary.n_bytes / 1e6:.0f} MB)"
    )


def _write_demo(folder: Path, patients: int, seed: int, *, force: bool) -> DemoSummary:
    with progress("patient") as show:
        return write_demo_cohort(
            folder,
            DemoSettings(patients=patients, seed=seed),
            ComputeSettings(),
            partial(show, "drawing the demo cohort"),
            force=force,
        )


def _rehearsal(patients: int | None, seed: int) -> RehearsalSettings:
    try:
        return RehearsalSettings(patients=REHEARSAL.patients if patients is None else patients, seed=seed)
    except ValidationError as error:
        raise SettingsError(
            where="--patients",
            expected="the rehearsal cohort must have 100 to 1200 patients",
            got=patients,
            fix="Leave the option out for 200.",
        ) from error
