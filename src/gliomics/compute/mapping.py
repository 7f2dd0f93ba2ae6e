"""Applying a function to every case, in order, on whatever engine the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gliomics.compute.dask_engine import map_on_cluster
from gliomics.compute.local_engine import map_on_this_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gliomics.compute.settings import ComputeSettings

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_cases(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    settings: ComputeSettings,
    *,
    on_lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """Apply a function to every item and yield the results in the order of the items.

    Results depend neither on the number of workers nor on the engine: each item is worked on alone, with one
    BLAS thread, and order is kept. What the function raises for an item is raised here and ends the work.

    A worker process that dies costs what it was working on, which is tried again. An item that was there
    when workers died is tried alone; when `ComputeSettings.lost_after` workers die on it again, it is given
    up and the others go on. With the local engine and one worker there is no other process: then a crash is
    the run's own.

    Parameters
    ----------
    function : callable
        Must be importable (a module-level function or a ``functools.partial`` of one). What a partial holds
        is sent once a worker at most, and must not be changed by the function.
    items : sequence
        One element a call; small, for each travels.
    settings : ComputeSettings
        Engine and number of workers.
    on_lost : callable
        Called, in this process, with an item that was given up and the reason; gives the result that stands
        for it (`gliomics.compute.lost_case`) or raises (`gliomics.compute.is_needed`).

    Yields
    ------
    object
        ``function(item)``, in order, as soon as it and all before it are done.

    Raises
    ------
    ClusterError
        If the scheduler cannot be reached or is lost, has no worker, or a worker is not fit.
    """
    engine = map_on_cluster if settings.engine == "dask" else map_on_this_machine
    yield from engine(function, items, settings, on_lost)
