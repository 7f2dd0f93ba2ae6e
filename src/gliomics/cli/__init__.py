"""The commands: they parse, call and print; nothing is decided or computed here.

Kedro looks for a click group called ``cli`` here and offers its commands as ``kedro <command>`` too.
"""

from gliomics.cli.main import cli

__all__ = ["cli"]
