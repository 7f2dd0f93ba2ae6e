"""The command ``gliomics``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from kedro.utils import find_kedro_project

from gliomics import __version__
from gliomics.cli.check import check
from gliomics.cli.data import data, import_
from gliomics.cli.demo import demo
from gliomics.cli.dvc import dvc
from gliomics.cli.evaluate import evaluate
from gliomics.cli.explain import explain
from gliomics.cli.lineage import lineage
from gliomics.cli.monitor import monitor
from gliomics.cli.predict import predict
from gliomics.cli.registry import registry
from gliomics.cli.serve import serve
from gliomics.errors import GliomicsError
from gliomics.versioning.rollback import finish_interrupted


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gliomics")
def cli() -> None:
    """24-month survival after glioma surgery from MRI and clinical records, with proof.

    Pipelines run with `kedro run`; these commands stand around them.
    """
    folder = find_kedro_project(Path.cwd())
    if folder is not None:
        finish_interrupted(Path(folder))


cli.add_command(check)
cli.add_command(data)
cli.add_command(demo)
cli.add_command(dvc)
cli.add_command(evaluate)
cli.add_command(explain)
cli.add_command(monitor)
cli.add_command(predict)
cli.add_command(registry)
cli.add_command(serve)
cli.add_command(import_)
cli.add_command(lineage)


def main() -> None:
    """Run the command line; a known error is one message, not a trace."""
    try:
        cli(standalone_mode=False)
    except GliomicsError as error:
        click.secho(str(error), fg="red", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted; nothing half-written is left.", err=True)
        sys.exit(130)
