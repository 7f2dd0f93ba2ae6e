"""The one seam through which work on many cases fans out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


class ComputeSettings(BaseModel):
    """How work on many cases is spread: the engine and its number of workers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["local"] = "local"
    workers: int = Field(default=0, ge=0, description="0 means one worker a core")

    @property
    def worker_count(self) -> int:
        """Number of worker processes, at least one."""
        return self.workers or len(os.sched_getaffinity(0))


def fresh_workers() -> None:
    """Let go of the worker processes that earlier work has left waiting.

    To be called before work whose workers load large libraries: a worker that grows far beyond its size after
    its first item is taken for a leaking one and replaced in the middle of the work.
    """
    get_reusable_executor().shutdown(wait=True)


def map_cases(
    function: Callable[[Item], Result], items: Sequence[Item], settings: ComputeSettings
) -> Iterator[Result]:
    """Apply a function to every item and yield the results in the order of the items.

    Results do not depend on the number of workers: each item is worked on alone, with one BLAS
    thread, and order is kept.

    Parameters
    ----------
    function : callable
        Must be importable (a module-level function or a ``functools.partial`` of one).
    items : sequence
        One element a call.
    settings : ComputeSettings
        Engine and number of workers.

    Yields
    ------
    object
        ``function(item)``, in order, as soon as it and all before it are done.
    """
    workers = min(settings.worker_count, max(len(items), 1))
    with parallel_config(
        backend="loky" if workers > 1 else "sequential", inner_max_num_threads=1 if workers > 1 else None
    ):
        yield from Parallel(n_jobs=workers, return_as="generator")(delayed(function)(item) for item in items)
