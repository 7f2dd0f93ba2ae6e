"""Data, code and settings behind the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gliomics.reporting.section import Folded, Items, Section, Table

if TYPE_CHECKING:
    from gliomics.reporting.run_results import RunResults


def build(run: RunResults) -> Section | None:
    """Build the section; None when the run has no record of it."""
    record = run.lineage
    if record is None:
        return None
    code = record["code"]
    facts = (
        ("Cohort", record["cohort"]),
        ("Seed", str(record["seed"])),
        ("Code", f"gliomics {code['gliomics']}, source {code['source'][:16]}"),
        ("Settings", record["settings_hash"][:16]),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in record["versions"].items())),
    )
    contents = Table(
        "Contents that the figures follow from: sha256 of the values, first 16 digits; the whole is in "
        "lineage.json.",
        ("Data", "Rows", "sha256"),
        tuple((name, str(one["rows"]), one["sha256"][:16]) for name, one in record["contents"].items()),
    )
    settings = Table(
        "Settings as they were used.",
        ("Setting", "Value"),
        tuple((name, json.dumps(value, ensure_ascii=False)) for name, value in _flat(record["settings"])),
        text_columns=(1,),
    )
    return Section("lineage", "Lineage", (Items(facts), contents, Folded("All settings", (settings,))))


def _flat(settings: object, prefix: str = "") -> list[tuple[str, object]]:
    if isinstance(settings, dict) and settings:
        return [
            pair
            for name, value in sorted(settings.items())
            for pair in _flat(value, f"{prefix}.{name}" if prefix else str(name))
        ]
    return [(prefix, settings)]
