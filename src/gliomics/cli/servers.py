"""``gliomics servers``: the servers of a production environment, on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gliomics.cli.project import project_folder
from gliomics.cli.tables import make_console, make_table

if TYPE_CHECKING:
    from gliomics.operations.local_servers.local import LocalServers

PORT = click.IntRange(0, 65535)
folder_option = click.option(
    "--folder",
    envvar="GLIOMICS_SERVERS_FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where they keep all that they have; default .gliomics/prod of the project.",
)


@click.group()
def servers() -> None:
    """PostgreSQL, MLflow with accounts, an SFTP remote for data, Dask: on loopback, without systemd."""


@servers.command()
@folder_option
@click.option("--mlflow-port", type=PORT, default=0, help="Default: as before, 5000 if free, or any.")
@click.option("--postgres-port", type=PORT, default=0, help="Likewise, 5433.")
@click.option("--sftp-port", type=PORT, default=0, help="Likewise, 2222.")
@click.option("--dask-port", type=PORT, default=0, help="Likewise, 8786.")
@click.option("--dask-workers", type=click.IntRange(0, 1024), default=0, help="Dask workers; 0: no Dask.")
def up(folder: Path | None, *, dask_workers: int, **ports: int) -> None:
    """Start the servers that do not run yet, all or none.

    Passwords are made once. The file env in their folder says how to use them: `. .gliomics/prod/env`.
    """
    wanted = {name.removesuffix("_port"): port for name, port in ports.items()}
    local = _local(folder, wanted, dask_workers)
    local.up(click.echo)
    click.echo(f"load {_shown(local.place.env_file)} into the shell: . {_shown(local.place.env_file)}")


@servers.command()
@folder_option
@click.option("--remove", is_flag=True, help="Delete database, artifacts, data versions and passwords too.")
def down(folder: Path | None, *, remove: bool) -> None:
    """Stop the servers; what they keep stays, unless --remove."""
    _local(folder, {}).down(click.echo, remove=remove)


@servers.command()
@folder_option
def status(folder: Path | None) -> None:
    """Show which servers run and answer. Exit code 1 when one does not."""
    found = _local(folder, {}).status()
    table = make_table("Servers of this machine", "server", "state", "process", "address", "log")
    for one in found:
        state = "[green]well[/]" if one.healthy else "[bold red]does not answer[/]" if one.pid else "stopped"
        table.add_row(one.name, state, str(one.pid or ""), one.address, _shown(one.log))
    make_console().print(table)
    if not found or not all(one.healthy for one in found):
        sys.exit(1)


def _local(folder: Path | None, ports: dict[str, int], workers: int = 0) -> LocalServers:
    from gliomics.operations.local_servers.local import LocalServers
    from gliomics.operations.local_servers.place import Place

    chosen = folder.resolve() if folder is not None else project_folder() / ".gliomics" / "prod"
    return LocalServers(Place(chosen), ports, workers)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
