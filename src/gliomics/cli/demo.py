"""``gliomics demo``: write the demonstration cohort."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from gliomics.cli.project import project_folder
from gliomics.compute import ComputeSettings
from gliomics.demo.settings import DemoSettings
from gliomics.demo.writer import write_demo_cohort
from gliomics.errors import SettingsError
from gliomics.progress import progress

DEFAULTS = DemoSettings()


@click.command()
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder; default data/01_raw/demo."
)
@click.option("--patients", default=DEFAULTS.patients, show_default=True, type=click.IntRange(20, 1200))
@click.option("--seed", default=DEFAULTS.seed, show_default=True, type=click.IntRange(0))
@click.option("--force", is_flag=True, help="Write again even if the same cohort is there.")
def demo(output: Path | None, patients: int, seed: int, *, force: bool) -> None:
    """Write a SYNTHETIC cohort: MRI, segmentations, clinical records, a published-like panel.

    In the file forms of BraTS-TCGA-LGG and the GDC, and with what real cohorts bring along: censored and
    untreated patients, tumours without enhancement, a missing modality, an empty segmentation, a grid that
    does not match.
    """
    folder = output if output is not None else project_folder() / "data" / "01_raw" / "demo"
    try:
        with progress("patient") as show:
            summary = write_demo_cohort(
                folder,
                DemoSettings(patients=patients, seed=seed),
                ComputeSettings(),
                partial(show, "drawing the demo cohort"),
                force=force,
            )
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
