"""Content fingerprints: equal content, equal sha256, on every machine."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def fingerprint_json(facts: Mapping[str, object]) -> str:
    """Hash facts that JSON can hold, whatever the order of their keys.

    Parameters
    ----------
    facts : mapping
        Finite numbers, strings, booleans, lists and mappings.

    Returns
    -------
    str
        sha256 as 64 hexadecimal digits.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint_table(table: pd.DataFrame) -> str:
    """Hash a table's column names, index and values.

    Parameters
    ----------
    table : DataFrame
        Any table; the order of rows and columns counts.

    Returns
    -------
    str
        sha256 as 64 hexadecimal digits.
    """
    digest = hashlib.sha256("\x1f".join(map(str, table.columns)).encode())
    digest.update(np.ascontiguousarray(pd.util.hash_pandas_object(table, index=True).to_numpy()).tobytes())
    return digest.hexdigest()


def fingerprint_source(package: Path) -> str:
    """Hash the Python source below a folder, names and contents.

    Parameters
    ----------
    package : Path
        Folder of a package; files that are not ``*.py`` do not count.

    Returns
    -------
    str
        sha256 as 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def fingerprint_code(packages: Iterable[Path], distributions: Iterable[str]) -> str:
    """Hash the code that a result follows from: our source and the versions of libraries.

    Parameters
    ----------
    packages : iterable of Path
        Folders of our own packages.
    distributions : iterable of str
        Installed libraries that can change a value, by the name that pip knows.

    Returns
    -------
    str
        sha256 as 64 hexadecimal digits; never the git commit, so that a change elsewhere costs nothing.
    """
    return fingerprint_json(
        {
            "source": {package.name: fingerprint_source(package) for package in packages},
            "versions": {name: version(name) for name in distributions},
        }
    )
