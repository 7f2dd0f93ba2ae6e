"""How kernels are compiled: once a machine, kept on disk, the same result every time."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": False, "parallel": False, "nogil": True}
KERNELS = Path(__file__).parent


def compiled(function: Function) -> Function:
    """Compile a kernel with numba on its first call.

    The machine code is kept beside the source, or in the user's cache folder where the source is
    read-only (numba's own rule; ``NUMBA_CACHE_DIR`` chooses another place). Where neither can be
    written, nothing is kept and each process compiles anew. No threads and no reordering of
    floating-point operations: the same input gives the same bytes.

    Parameters
    ----------
    function : callable
        A module-level function in the subset of Python that numba compiles.

    Returns
    -------
    callable
        With the same signature.
    """
    try:
        kernel = njit(cache=True, **OPTIONS)(function)
        _renew_with_every_kernel(kernel)
    except (RuntimeError, AttributeError):  # no folder to keep machine code in, or an unknown kind of cache
        kernel = njit(**OPTIONS)(function)
    return cast("Function", kernel)


def _renew_with_every_kernel(kernel: Any) -> None:
    """Make kept machine code obsolete when any kernel's source changes.

    numba looks only at the file of the function itself, but a kernel holds the kernels and tables of other
    files within it.
    """
    if not hasattr(kernel._cache._cache_file, "_source_stamp"):
        raise AttributeError("_source_stamp")
    kernel._cache._cache_file._source_stamp = kernel_stamp(KERNELS)


@cache
def kernel_stamp(folder: Path) -> str:
    """Give a digest of every kernel's source.

    Parameters
    ----------
    folder : Path
        The package of kernels.

    Returns
    -------
    str
        The same as long as no file changes.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
