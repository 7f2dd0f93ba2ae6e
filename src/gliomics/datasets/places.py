"""How a dataset names its place to people."""

from __future__ import annotations

from pathlib import Path


def shown_place(path: Path) -> str:
    """Name a place relative to the project, which is the working folder of every command.

    Kedro makes every path of the catalog absolute; a page that kedro-viz builds, and a message, must not
    tell where on whose machine the project lies.

    Parameters
    ----------
    path : Path
        As the catalog gave it.

    Returns
    -------
    str
        Relative where it lies in the project, else its name alone.
    """
    if not path.is_absolute():
        return path.as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name
