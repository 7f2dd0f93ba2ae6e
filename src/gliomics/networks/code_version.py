"""What code vectors follow from."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path

import gliomics
from gliomics.lineage.fingerprints import fingerprint_json, fingerprint_source

PACKAGES = ("networks", "imaging")
LIBRARIES = ("torch", "monai", "numpy", "scipy")


@cache
def code_version() -> str:
    """Hash the source of the packages, and the versions of the libraries, that a vector follows from.

    Returns
    -------
    str
        sha256 as 64 hexadecimal digits. A local part of a version ("+cpu") does not count: it names the
        build, not the code.
    """
    source = Path(gliomics.__file__).parent
    facts = {
        **{name: fingerprint_source(source / name) for name in PACKAGES},
        **{name: version(name).split("+")[0] for name in LIBRARIES},
    }
    return fingerprint_json(facts)
