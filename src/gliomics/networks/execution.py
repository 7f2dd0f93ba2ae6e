"""One way of running torch, so that a result does not depend on where it is computed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gliomics.networks.settings import InferenceSettings


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one thread with deterministic algorithms; what was set before is set again afterwards."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=deterministic)
        torch.set_num_threads(threads)


def choose_device(settings: InferenceSettings) -> torch.device:
    """Resolve ``auto`` to a GPU where there is one."""
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(settings.device)
