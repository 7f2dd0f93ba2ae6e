"""Structured logs: a JSON object a line, chosen by an environment that has a logging.yml of its own."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from gliomics.operations.environment.variables import redact

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

logger = logging.getLogger(__name__)
_CONTEXT: dict[str, str] = {}
"""What every line of this process carries: environment, cohort, run."""


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Keys: ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message``, ``process``; ``env``, ``cohort`` and
    ``run_id`` once they are known; ``exception`` with the trace where there is one. Secret variables' values
    are hidden.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        facts: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()).strip(),
            "process": record.process,
            **_CONTEXT,
        }
        if record.exc_info:
            facts["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(facts, ensure_ascii=False)


def add_context(**facts: str | None) -> None:
    """Let every line from now on carry these facts; None takes one away."""
    for name, value in facts.items():
        if value is None:
            _CONTEXT.pop(name, None)
        else:
            _CONTEXT[name] = value


def has_own_logs(conf: Path) -> bool:
    """Whether an environment's folder has a logging.yml."""
    return (conf / "logging.yml").is_file()


def configure_logs(conf: Path) -> None:
    """Set up logging as an environment's logging.yml says: warnings and uncaught errors go there too.

    Parameters
    ----------
    conf : Path
        Such as ``conf/prod``. Without a logging.yml there, nothing changes.
    """
    if not has_own_logs(conf):
        return
    settings = yaml.safe_load((conf / "logging.yml").read_text(encoding="utf-8"))
    logging.config.dictConfig(settings)
    # Kedro sets up logging again in processes that a run starts; it takes formatters of named modules only.
    os.environ["KEDRO_LOGGING_CONFIG"] = str((conf / "logging.yml").resolve())
    os.environ["KEDRO_LOGGING_MODULE_ALLOWLIST"] = __name__
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        logger.error("interrupted")
        return
    logger.critical("%s", error, exc_info=(kind, error, trace))
