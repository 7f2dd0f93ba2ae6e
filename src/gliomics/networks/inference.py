"""From crops to vectors, on a CPU or a GPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch

from gliomics.networks.execution import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray


def encode_on_cpu(
    encode: Callable[[torch.Tensor], torch.Tensor], crops: NDArray[np.float16]
) -> NDArray[np.float32]:
    """Make the vectors of one case's crops in one batch, on one thread, in float32.

    Batches never hold two cases, so that a vector does not depend on who else is in the cohort.

    Parameters
    ----------
    encode : callable
        A network in evaluation mode: (n, channels, x, y, z) to (n, dimensions).
    crops : ndarray, shape (n, channels, x, y, z)
        Of one case.

    Returns
    -------
    ndarray of float32, shape (n, dimensions)
        Vectors.
    """
    with one_thread(), torch.inference_mode():
        batch = torch.from_numpy(crops.astype(np.float32)).contiguous(memory_format=torch.channels_last_3d)
        return encode(batch).numpy()


def encode_on_device(
    encode: Callable[[torch.Tensor], torch.Tensor],
    cases: Iterable[NDArray[np.float16]],
    device: torch.device,
    *,
    batch: int,
    autocast: bool,
) -> Iterator[NDArray[np.float32]]:
    """Make the vectors of many cases, batched over cases and crops, loading ahead of computing.

    A thread reads and joins the next crops into pinned memory while the device computes; copies do not
    block. Under autocast convolutions run in bfloat16.

    Parameters
    ----------
    encode : callable
        The network, on the device and in evaluation mode.
    cases : iterable of ndarray, shape (n, channels, x, y, z)
        Read by the thread, one after the other; n may differ.
    device : torch.device
        Where to compute.
    batch : int
        Crops at once.
    autocast : bool
        Whether to compute in bfloat16.

    Yields
    ------
    ndarray of float32, shape (n, dimensions)
        One a case, in order.
    """
    context = torch.autocast(device.type, torch.bfloat16) if autocast else nullcontext()
    groups = _groups(cases, batch, pin=device.type == "cuda")
    with ThreadPoolExecutor(max_workers=1) as loader:
        upcoming = loader.submit(next, groups, None)
        while (group := upcoming.result()) is not None:
            upcoming = loader.submit(next, groups, None)
            crops, sizes = group
            with torch.inference_mode(), context:
                vectors = torch.cat([encode(_moved(part, device)) for part in torch.split(crops, batch)])
                yield from np.split(vectors.float().cpu().numpy(), np.cumsum(sizes)[:-1])


def _groups(
    cases: Iterable[NDArray[np.float16]], batch: int, *, pin: bool
) -> Iterator[tuple[torch.Tensor, list[int]]]:
    """Join whole cases to about one batch."""
    waiting: list[NDArray[np.float16]] = []
    for crops in cases:
        waiting.append(crops)
        if sum(map(len, waiting)) >= batch:
            yield _joined(waiting, pin=pin)
            waiting = []
    if waiting:
        yield _joined(waiting, pin=pin)


def _joined(waiting: list[NDArray[np.float16]], *, pin: bool) -> tuple[torch.Tensor, list[int]]:
    crops = torch.from_numpy(np.concatenate(waiting))
    return crops.pin_memory() if pin else crops, [len(case) for case in waiting]


def _moved(crops: torch.Tensor, device: torch.device) -> torch.Tensor:
    moved = crops.to(device, non_blocking=True)
    return moved.float().contiguous(memory_format=torch.channels_last_3d)
