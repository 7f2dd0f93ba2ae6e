"""The command ``gliomics``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click
from kedro.utils import find_kedro_project

from gliomics import __version__
from gliomics.errors import GliomicsError

COMMANDS = {
    "check": "gliomics.cli.check.check",
    "data": "gliomics.cli.data.data",
    "demo": "gliomics.cli.demo.demo",
    "dvc": "gliomics.cli.dvc.dvc",
    "evaluate": "gliomics.cli.evaluate.evaluate",
    "explain": "gliomics.cli.explain.explain",
    "import": "gliomics.cli.data.import_",
    "kubeflow": "gliomics.cli.kubeflow.kubeflow",
    "lineage": "gliomics.cli.lineage.lineage",
    "predict": "gliomics.cli.predict.predict",
    "registry": "gliomics.cli.registry.registry",
}
"""Where each command is, module and name."""


class LateCommands(click.Group):
    """A group whose commands are imported when they are called or listed.

    Kedro reads this group at every ``kedro run``; importing every command would cost each of them 3 s.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].rsplit(".", 1)
        found = getattr(import_module(module), name)
        return found if isinstance(found, click.Command) else None


@click.group(cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gliomics")
def cli() -> None:
    """24-month survival after glioma surgery from MRI and clinical records, with proof.

    Pipelines run with `kedro run`; these commands stand around them.
    """
    from gliomics.versioning.rollback import finish_interrupted  # noqa: PLC0415

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
