"""What becomes of an item that kills every worker process that touches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from gliomics.errors import ScanError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")

LOST_CASE: Final = "killed_worker"
"""Code of a case that was given up, in every table of outcomes."""
FIX = (
    "A damaged file that a library crashes on, or too little memory, leaves no other trace: "
    "look at the system's log."
)


def lost_case(subject_id: str, reason: str) -> ScanError:
    """Make the error by which a case that was given up is quarantined.

    Parameters
    ----------
    subject_id : str
        The case.
    reason : str
        What `gliomics.compute.map_cases` says of it.

    Returns
    -------
    ScanError
        ``killed_worker``; not raised.
    """
    return ScanError(
        code=LOST_CASE,
        where=subject_id,
        expected="no worker process may die while it works on the case",
        got=reason,
        fix=f"{FIX} Mend the case, or leave it out.",
    )


def death_count(killed: int) -> str:
    """Say how an item was given up."""
    return f"{killed} dead worker{'' if killed == 1 else 's'} while it ran alone"


def is_needed(name: Callable[[Item], str]) -> Callable[[Item, str], NoReturn]:
    """Make the ``on_lost`` of work that is worth nothing unless all of it is done, such as folds.

    Parameters
    ----------
    name : callable
        Says of an item which it is.

    Returns
    -------
    callable
        Raises `gliomics.errors.WorkerLostError`, which names the item.
    """

    def refuse(item: Item, reason: str) -> NoReturn:
        raise WorkerLostError(
            where=name(item),
            got=reason,
            expected="no worker process may die while it works on this, for all of it is needed",
            fix=f"{FIX} Then run again: what was finished is kept.",
        )

    return refuse
