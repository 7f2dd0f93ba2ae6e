"""A paragraph of the methods."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MethodsParagraph:
    """A heading and plain text below it."""

    title: str
    text: str
