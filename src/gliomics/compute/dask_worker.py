"""What runs on a worker of a Dask cluster: the check that it fits the run, and one item after another."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gliomics.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(__file__).resolve().parents[1]
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FIX = (
    "Start the scheduler and every worker from this project's folder on a shared file system, in the same "
    "environment, as docs/scale.md shows."
)


@cache
def describe_code() -> dict[str, Any]:
    """Say what results follow from: Python, our source, the libraries that gliomics asks for."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return {
        "Python": platform.python_version(),
        "the source of gliomics": digest.hexdigest()[:12],
        **{name: _version(name) for name in _libraries()},
    }


def differences(wanted: dict[str, Any]) -> list[str]:
    """Compare this process with another's `describe_code`.

    Returns
    -------
    list of str
        Each difference as a clause; empty when results would be the same.
    """
    mine = describe_code()
    return [
        f"{what} is {mine.get(what)}, not {there}"
        for what, there in wanted.items()
        if mine.get(what) != there
    ]


def unfitness(wanted: dict[str, Any], folder: str, token: str | None = None) -> list[str]:
    """Say why this worker must not work for a run.

    Parameters
    ----------
    wanted : dict
        The run's `describe_code`.
    folder : str
        The run's folder: relative paths must mean the same here.
    token : str, optional
        Name of a file that the run has just put there, which proves that the folder is shared.

    Returns
    -------
    list of str
        Clauses; empty when it is fit.
    """
    here = Path.cwd()
    if str(here) != folder:
        where = [f"it runs in the folder {here}, not in {folder}"]
    elif token is not None and not (here / token).is_file():
        where = [f"its folder {here} is not the run's: a file that the run put there is not seen"]
    else:
        where = []
    loud = [name for name in ONE_THREAD if os.environ.get(name) != "1"]
    threads = [f"{', '.join(loud)} must be 1 (Dask's nanny sets that)"] if loud else []
    return [*where, *threads, *differences(wanted)]


class Work:
    """A function and whom it works for; sent once, held by every worker."""

    def __init__(self, function: Callable[[Any], Any], wanted: dict[str, Any], folder: str) -> None:
        self.function = function
        self._home = wanted, folder
        self._reasons: list[str] | None = None

    def do(self, item: Any) -> Any:
        """Work on an item, if this worker is fit: it may have come after the run had looked at all.

        Raises
        ------
        ClusterError
            If it is not.
        """
        if self._reasons is None:
            self._reasons = unfitness(*self._home)
        if self._reasons:
            raise unfit({f"{platform.node()} (process {os.getpid()})": self._reasons})
        return self.function(item)


def unpack(content: bytes) -> Any:
    """Rebuild what the run has packed."""
    from distributed.protocol.serialize import deserialize_bytes

    return deserialize_bytes(content)


def do_packed(content: bytes, work: Work) -> Any:
    """Work on one packed item."""
    return work.do(unpack(content))


def unfit(reasons: dict[str, list[str]]) -> ClusterError:
    """Make the error that names the workers that are not fit, and why."""
    first = [f"{worker}: {'; '.join(why)}" for worker, why in list(reasons.items())[:3]]
    more = [f"and {len(reasons) - len(first)} more"] if len(reasons) > len(first) else []
    return ClusterError(
        where="workers of the Dask cluster",
        expected="each must run the run's own code in the run's own folder",
        got=" | ".join([*first, *more]),
        fix=FIX,
    )


def _libraries() -> list[str]:
    try:
        wanted = requires("gliomics") or []
    except PackageNotFoundError:
        return []
    return sorted({re.split(r"[^\w.-]", line)[0] for line in wanted if "extra ==" not in line})


def _version(name: str) -> str | None:
    """Give a library's version; its local part ("+cpu") names the build, not the code."""
    try:
        return version(name).split("+")[0]
    except PackageNotFoundError:
        return None
