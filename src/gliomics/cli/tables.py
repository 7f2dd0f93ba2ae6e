"""Tables on the terminal, wide enough to be read when they go into a file."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

WIDTH_OF_A_FILE = 160


def make_table(title: str, *headings: str) -> Table:
    """Begin a table whose cells fold instead of being cut.

    Parameters
    ----------
    title : str
        Above it.
    *headings : str
        Of its columns.

    Returns
    -------
    Table
        Without rows.
    """
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def make_console() -> Console:
    """Open the terminal; what is no terminal gets a fixed width."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_OF_A_FILE
    return console
