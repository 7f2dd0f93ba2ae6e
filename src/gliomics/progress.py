"""Progress with remaining time, on a terminal only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show how far a long piece of work is; silent where standard error is no terminal.

    Parameters
    ----------
    unit : str
        What is counted, such as ``case``.

    Yields
    ------
    callable
        To be called with (what is being done, how many are done, how many there are). A new description
        starts a new bar.
    """
    bars: dict[str, tqdm[None]] = {}

    def show(doing: str, done: int, total: int) -> None:
        if doing not in bars:
            close()
            bars[doing] = tqdm(desc=doing, total=total, unit=unit, leave=False, disable=None)
        bars[doing].update(done - bars[doing].n)

    def close() -> None:
        for bar in bars.values():
            bar.close()

    try:
        yield show
    finally:
        close()
