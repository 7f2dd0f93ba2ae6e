"""Wheels of what no index has for this Python: gliomics itself, and pyradiomics as it is installed here.

They are packed from the installed files, byte for byte the same each time, so that registering takes no build
and no network.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import gliomics

if TYPE_CHECKING:
    from collections.abc import Mapping

PURE = "py3-none-any"
EPOCH = (1980, 1, 1, 0, 0, 0)
LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def pack_gliomics(folder: Path) -> Path:
    """Pack gliomics as it runs now, with the metadata that it was installed with.

    Parameters
    ----------
    folder : Path
        Gets the wheel.

    Returns
    -------
    Path
        The wheel.
    """
    source = Path(gliomics.__file__).parent
    files = {
        f"gliomics/{file.relative_to(source).as_posix()}": file.read_bytes()
        for file in sorted(source.rglob("*.py"))
    }
    metadata = (distribution("gliomics").read_text("METADATA") or "").encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: gliomics\nRoot-Is-Purelib: true\nTag: {PURE}\n".encode()
    name = f"gliomics-{gliomics.__version__}"
    meta = {f"{name}.dist-info/METADATA": metadata, f"{name}.dist-info/WHEEL": wheel}
    return _pack(folder / f"{name}-{PURE}.whl", files | meta, f"{name}.dist-info")


def pack_installed(name: str, folder: Path) -> Path:
    """Pack a distribution from its installed files, compiled ones included.

    Parameters
    ----------
    name : str
        As pip knows it; installed the ordinary way, not as editable.
    folder : Path
        Gets the wheel.

    Returns
    -------
    Path
        The wheel; its tag is the one that it was built for.
    """
    installed = distribution(name)
    tag = next(
        line.removeprefix("Tag: ")
        for line in (installed.read_text("WHEEL") or "").splitlines()
        if line.startswith("Tag: ")
    )
    files = _files(installed)
    info = next(path.split("/")[0] for path in files if path.split("/")[0].endswith(".dist-info"))
    return _pack(folder / f"{info.removesuffix('.dist-info')}-{tag}.whl", files, info)


def _files(installed: Distribution) -> dict[str, bytes]:
    """Gather what belongs into a wheel: no scripts, no bytecode, nothing that the installer wrote."""
    files = {}
    for file in installed.files or []:
        inside = file.parts[0] != ".." and file.suffix != ".pyc"
        if inside and not (file.parts[0].endswith(".dist-info") and file.name in LEFT_OUT):
            files[file.as_posix()] = Path(str(file.locate())).read_bytes()
    return files


def _pack(path: Path, files: Mapping[str, bytes], info: str) -> Path:
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in sorted(files.items())]
    record = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in [*sorted(files.items()), (f"{info}/RECORD", record)]:
            entry = ZipInfo(name, EPOCH)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return path


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
