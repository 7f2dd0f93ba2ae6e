"""Processes of this machine (joblib's loky), and what is done when one of them dies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import ProcessPoolExecutor, get_reusable_executor
from joblib.externals.loky.process_executor import BrokenProcessPool

from gliomics.compute.lost_items import death_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gliomics.compute.settings import ComputeSettings

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

FIRST_LOOK = 2
"""Items a worker that are looked at alone after a worker died: so many joblib has handed out."""
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA")}


def fresh_workers() -> None:
    """Let go of the worker processes that earlier work has left waiting.

    To be called before work whose workers load large libraries: a worker that grows far beyond its size after
    its first item is taken for a leaking one and replaced in the middle of the work. The engine ``dask`` does
    not replace workers, and nothing of its is let go.
    """
    get_reusable_executor().shutdown(wait=True)


def map_on_this_machine(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    settings: ComputeSettings,
    on_lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """Do what `gliomics.compute.map_cases` says, in processes of this machine.

    When one dies, loky ends them all and does not say whose item it was. The items that could have been there
    are then worked on one by one, until the one that kills is found; if none does, twice as many are looked
    at the next time.
    """
    workers = min(settings.worker_count, max(len(items), 1))
    done, look = 0, FIRST_LOOK * workers
    while done < len(items):
        try:
            for result in _parallel(function, items[done:], workers):
                yield result
                done += 1
        except BrokenProcessPool:
            logger.warning("a worker process died; what it could have been working on is done one by one")
            found = False
            for result, found in _one_by_one(function, items[done : done + look], settings, on_lost):
                yield result
                done += 1
                if found:
                    break
            look = FIRST_LOOK * workers if found else 2 * look


def _parallel(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    with parallel_config(
        backend="loky" if workers > 1 else "sequential", inner_max_num_threads=1 if workers > 1 else None
    ):
        yield from Parallel(n_jobs=workers, return_as="generator")(delayed(function)(item) for item in items)


def _one_by_one(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    settings: ComputeSettings,
    on_lost: Callable[[Item, str], Result],
) -> Iterator[tuple[Result, bool]]:
    """Work on items one after the other in a single process; tell of each whether it was given up."""
    process = ProcessPoolExecutor(max_workers=1, env=ONE_THREAD)
    try:
        for item in items:
            for _ in range(settings.lost_after):
                try:
                    yield process.submit(function, item).result(), False
                    break
                except BrokenProcessPool:
                    process.shutdown(wait=True)
                    process = ProcessPoolExecutor(max_workers=1, env=ONE_THREAD)
            else:
                yield on_lost(item, death_count(settings.lost_after)), True
    finally:
        process.shutdown(wait=True)
