"""A run or command that is refused before it starts."""

from __future__ import annotations

import logging
from typing import Any

import click

logger = logging.getLogger(__name__)


class Refusal(click.ClickException):
    """A run or command that cannot start; one message, no trace."""

    def show(self, file: Any = None) -> None:
        """Say why: as a line of the log where logs are structured, else as click does."""
        if (
            logging.getLogger().handlers
            and logging.root.handlers[0].formatter.__class__.__name__ == "JsonFormatter"
        ):
            logger.error("%s", self.message)
        else:
            super().show(file)
