"""Working on items on a Dask cluster: some at a time, in order, and fair to items beside one that kills."""

from __future__ import annotations

import logging
import secrets
import time
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gliomics.compute.dask_cluster import LOOK_EVERY_S, load_distributed, open_cluster
from gliomics.compute.dask_worker import Work, describe_code, do_packed, unpack
from gliomics.compute.lost_items import death_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gliomics.compute.dask_cluster import Cluster
    from gliomics.compute.settings import ComputeSettings

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

TASKS_A_WORKER = 4
"""At least so many are handed to the scheduler, whatever `ComputeSettings.in_flight` says."""
REFILL_BELOW = 0.5
"""Share of these that may be done before more are handed over, all at once: each time costs a message."""
MOST_BYTES = 256 * 2**20
"""Of packed items, above which a worker has no more of them waiting than `TASKS_A_WORKER`."""
AGAIN = frozenset({"lost", "pending"})
"""States of an item whose result went with its worker: the scheduler has it done again."""
POLL_S = 0.1
LARGE_IS_FINE = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}
"""Dask would warn of more than 10 MB in a message: what all items share, once, or many items."""


def map_on_cluster(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    settings: ComputeSettings,
    on_lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """Do what `gliomics.compute.map_cases` says, on a Dask cluster."""
    if not items:
        return
    done: dict[int, Result] = {}
    following = 0
    for index, result in _outcomes(open_cluster(settings), function, items, on_lost):
        done[index] = result
        while following in done:
            yield done.pop(following)
            following += 1


def _outcomes(
    cluster: Cluster,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    on_lost: Callable[[Item, str], Result],
) -> Iterator[tuple[int, Result]]:
    """Give (index, result) as they come; who was there when workers died comes last, each alone.

    The scheduler counts a dead worker against all items that it had given it, so one that kills takes others
    with it; alone, only what is to blame dies again.
    """
    suspects = []
    for index, result, killed in _Flight(cluster, function, items).run(range(len(items)), alone=False):
        if killed:
            suspects.append(index)
        else:
            yield index, result
    if suspects:
        logger.warning("workers died on %d items or beside them; these are now tried alone", len(suspects))
    for suspect in suspects:
        for index, result, killed in _Flight(cluster, function, items).run([suspect], alone=True):
            yield index, on_lost(items[index], death_count(killed)) if killed else result


class _Flight:
    """Some items on their way through the scheduler.

    A task's key ends with the index of its item; what all share is a task of its own, which the scheduler
    can have done again when the workers that hold it die (scattered data would be gone).
    """

    def __init__(self, cluster: Cluster, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        self._cluster, self._client, self._items = cluster, cluster.client, items
        self._distributed = load_distributed()
        from dask import config
        from distributed.protocol import serialize_bytes

        self._settings = partial(config.set, LARGE_IS_FINE)
        self._pack: Callable[[Any], bytes] = serialize_bytes
        inner = function.func if isinstance(function, partial) else function
        self._name = f"{inner.__name__.strip('_')}-{secrets.token_hex(8)}"
        self._flying = self._distributed.as_completed(loop=self._client.loop)
        self._sizes: dict[int, int] = {}
        self._bytes = 0
        self._work = self._submit(Work(function, describe_code(), str(Path.cwd())))

    def run(self, indices: Iterable[int], *, alone: bool) -> Iterator[tuple[int, Any, int]]:
        """Give (index, result, 0), or (index, None, n) if the scheduler gave it up when n workers had died.

        Raises
        ------
        Exception
            What the function raised for an item.
        ClusterError
            If the scheduler is lost, or has no worker.
        """
        waiting = iter(indices)
        try:
            while True:
                most = 1 if alone else self._most()
                if self._flying.count() <= REFILL_BELOW * most:
                    self._send(waiting, most - self._flying.count())
                if self._flying.is_empty():
                    return
                yield from self._land(self._next_batch())
        finally:
            self._flying.clear()  # the last references: the scheduler forgets what was not done

    def _most(self) -> int:
        return max(self._cluster.settings.in_flight, TASKS_A_WORKER * self._cluster.workers)

    def _submit(self, work: Work) -> Any:
        with self._settings():
            return self._client.submit(unpack, self._pack(work), key=f"{self._name}-work", pure=False)

    def _send(self, waiting: Iterator[int], room: int) -> None:
        """Hand over some more items, all at once; of large ones no more than keep every worker busy."""
        packed: dict[int, bytes] = {}
        while len(packed) < room and not self._is_full() and (index := next(waiting, None)) is not None:
            packed[index] = self._pack(self._items[index])
            self._sizes[index] = len(packed[index])
            self._bytes += len(packed[index])
        if packed:
            keys = [(self._name, index) for index in packed]
            with self._settings():
                futures = self._client.map(
                    do_packed, list(packed.values()), work=self._work, key=keys, pure=False
                )
            self._flying.update(futures)

    def _is_full(self) -> bool:
        return self._bytes > MOST_BYTES and len(self._sizes) >= TASKS_A_WORKER * self._cluster.workers

    def _is_down(self, future: Any) -> int:
        """Take an item off what is under way; give its index."""
        index = int(future.key[1])
        self._bytes -= self._sizes.pop(index)
        return index

    def _next_batch(self) -> list[Any]:
        """Wait for what is done, with an eye on the scheduler; nothing after some seconds."""
        until = time.monotonic() + LOOK_EVERY_S
        while not self._flying.has_ready() and time.monotonic() < until:
            with self._flying.thread_condition:
                self._flying.thread_condition.wait(timeout=POLL_S)
        self._cluster.look()
        return list(self._flying.next_batch(block=False))

    def _land(self, batch: list[Any]) -> Iterator[tuple[int, Any, int]]:
        finished, again = [], []
        for future in batch:
            if future.status == "finished":
                finished.append(future)
            elif future.status in AGAIN:
                again.append(future)
            elif future.status == "error":
                error = future.exception()
                if not isinstance(error, self._distributed.KilledWorker):
                    raise error
                yield self._is_down(future), None, error.allowed_failures + 1
            else:
                raise self._cluster.lost(future.status)
        self._flying.update(again)
        yield from self._fetch(finished)

    def _fetch(self, finished: list[Any]) -> Iterator[tuple[int, Any, int]]:
        """Fetch results; those whose worker died in between are waited for again."""
        gather = partial(self._client.gather, finished, asynchronous=True)
        try:
            results = self._client.sync(gather, callback_timeout=self._cluster.settings.wait_s)
        except CancelledError as error:
            raise self._cluster.lost(type(error).__name__) from error
        except (OSError, self._distributed.KilledWorker):
            self._cluster.look(at_once=True)
            self._flying.update(finished)
            return
        for future, result in zip(finished, results, strict=True):
            yield self._is_down(future), result, 0
