"""The page: every section that has its inputs, in one file that opens from disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gliomics.reporting.sections import (
    arms,
    attention,
    audit,
    checklists,
    controls,
    discrimination,
    equity,
    failures,
    lineage,
    methods,
    patients,
    shap,
    stability,
    survival,
    usefulness,
    variance,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gliomics.reporting.run_results import RunResults
    from gliomics.reporting.section import Section

SECTIONS: tuple[Callable[[RunResults], Section | None], ...] = (
    verdict.build,
    patients.build,
    arms.build,
    discrimination.build,
    usefulness.build,
    survival.build,
    controls.build,
    audit.build,
    shap.build,
    variance.build,
    attention.build,
    failures.build,
    equity.build,
    stability.build,
    lineage.build,
    methods.build,
    checklists.build,
)
"""The report in order. A new section is a module with ``build`` and an entry here."""
NOT_SKULL_STRIPPED = (
    "Scans are NOT skull-stripped: where this page says brain, it means voxels that are not 0, skull and "
    "scalp among them"
)


@dataclass(frozen=True)
class Report:
    """A rendered report.

    Attributes
    ----------
    html : str
        The page; equal for equal results.
    figures : dict of str to bytes
        Every figure of it as a file, ``<name>.svg``.
    """

    html: str
    figures: dict[str, bytes]


def write_report(run: RunResults) -> Report:
    """Build every section that has its inputs and render the page.

    Parameters
    ----------
    run : RunResults
        What the run left.

    Returns
    -------
    Report
        The page needs no network and no other file. Text of the data is escaped.
    """
    sections = [section for build in SECTIONS if (section := build(run)) is not None]
    html = render(run.metrics["title"], run.facts["outcome"], banners(run), sections)
    figures = {
        f"{figure.name}.svg": figure.svg.encode() for section in sections for figure in section.figures()
    }
    return Report(html, figures)


def render(title: str, subtitle: str, in_sight: list[str], sections: list[Section]) -> str:
    """Render sections as one page that needs no network and no other file; text of the data is escaped."""
    environment = Environment(
        loader=PackageLoader("gliomics.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["drawing"] = Markup
    return environment.get_template("report.html").render(
        title=title,
        subtitle=subtitle,
        banners=in_sight,
        sections=sections,
    )


def banners(run: RunResults) -> list[str]:
    """Name what must stay in sight: a synthetic cohort, untrained weights, cautions of the cohort's file."""
    found = []
    if run.metrics["synthetic"]:
        found.append("SYNTHETIC cohort: these figures say nothing about patients")
    if run.untrained:
        found.append(f"UNTRAINED weights: {', '.join(run.untrained)}")
    cohort = run.settings.get("cohort_settings") or {}
    found += [NOT_SKULL_STRIPPED] if not cohort.get("skull_stripped", True) else []
    return [*found, *cohort.get("cautions", ())]
