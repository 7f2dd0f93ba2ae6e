"""What a report follows from: settings, versions and hashes of contents; no time, no path, no run id."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

import gliomics
from gliomics.lineage.fingerprints import fingerprint_json, fingerprint_source, fingerprint_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

DISTRIBUTIONS = (
    "lifelines",
    "matplotlib",
    "monai",
    "numpy",
    "pandas",
    "pyradiomics",
    "scikit-learn",
    "scipy",
    "shap",
    "SimpleITK",
    "torch",
)
"""Libraries that can change a figure of the report."""
SCAN_COLUMNS = ("subject_id", "modality", "sha256")
PACKAGE = Path(gliomics.__file__).parent


def describe_run(
    settings: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], *, cohort_name: str, seed: int
) -> dict[str, Any]:
    """Record what a run follows from.

    Parameters
    ----------
    settings : mapping of str to settings model or plain value
        By stage and thing, as in the parameters.
    tables : mapping of str to DataFrame
        Results whose contents are hashed, by the name of their dataset; a ``scan_manifest`` counts with the
        hashes of its files only.
    cohort_name : str
        Name of the cohort.
    seed : int
        The run's seed.

    Returns
    -------
    dict
        JSON-ready: ``cohort``, ``seed``, ``settings``, ``settings_hash``, ``contents`` (rows and sha256 of
        each table), ``code`` (our version, the hash of our source), ``versions`` of Python and libraries.
    """
    plain = {name: _plain(value) for name, value in settings.items()}
    return {
        "cohort": cohort_name,
        "seed": seed,
        "settings": plain,
        "settings_hash": fingerprint_json(plain),
        "contents": {
            name: {"rows": len(table), "sha256": fingerprint_table(_counted(name, table))}
            for name, table in tables.items()
        },
        "code": {"gliomics": gliomics.__version__, "source": fingerprint_source(PACKAGE)},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in DISTRIBUTIONS}},
    }


def _counted(name: str, table: pd.DataFrame) -> pd.DataFrame:
    if name != "scan_manifest":
        return table
    return table[[column for column in SCAN_COLUMNS if column in table.columns]]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name  # where a file lies is this machine's affair
    return value
