"""The methods, as they could stand in a paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.reporting.methods_text import methods_paragraphs
from gliomics.reporting.section import Block, Heading, Paragraph, Section

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def build(run: RunResults) -> Section:
    """Build the section; it is always there."""
    blocks: list[Block] = []
    for paragraph in methods_paragraphs(run):
        blocks += [Heading(paragraph.title), Paragraph(paragraph.text)]
    return Section("methods", "Methods", tuple(blocks))
