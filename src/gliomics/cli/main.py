"""The command ``gliomics``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Final

import click
from kedro.utils import find_kedro_project

from gliomics import __version__
from gliomics.errors import GliomicsError

COMMANDS: Final = {
    "check": "check",
    "data": "data",
    "demo": "demo",
    "dvc": "dvc",
    "evaluate": "evaluate",
    "explain": "explain",
    "import": "data:import_",
    "kubeflow": "kubeflow",
    "lineage": "lineage",
    "monitor": "monitor",
    "predict": "predict",
    "registry": "registry",
    "serve": "serve",
    "servers": "servers",
}
"""Module of ``gliomics.cli``, and its command where that has another name."""


class LazyGroup(click.Group):
    """Commands that are imported when they are called: most need a part of the libraries only."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command and give the command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(f"gliomics.cli.{module}"), name or module)  # noqa: TID251
        if not isinstance(command, click.Command):
            raise TypeError(f"gliomics.cli.{module}.{name or module} is no command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gliomics")
def cli() -> None:
    """Survival after glioma surgery (24 months unless set) from MRI and clinical records, with proof.

    Pipelines run with `kedro run`; these commands stand around them.
    """
    from gliomics.versioning.rollback import finish_interrupted

    folder = find_kedro_project(Path.cwd())
    if folder is not None:
        finish_interrupted(Path(folder))


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
