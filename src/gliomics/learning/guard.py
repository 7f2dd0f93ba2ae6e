"""Nothing that is fitted may see a patient whom it is tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.errors import LeakageError

if TYPE_CHECKING:
    from collections.abc import Iterable


class LeakageGuard:
    """Knows the held-out patients of a fold and stops any fit that is given one of them.

    Parameters
    ----------
    held_out : iterable of str
        Patients whose rows must not be fitted on.

    References
    ----------
    PROTOCOL 4, "Guard".
    """

    def __init__(self, held_out: Iterable[str]) -> None:
        self._held_out = frozenset(held_out)

    def check(self, part: str, ids: Iterable[str]) -> None:
        """Let the fit of a part pass, or stop it.

        Parameters
        ----------
        part : str
            What is about to be fitted ("preprocessing", "threshold").
        ids : iterable of str
            The patients whose rows it is about to see.

        Raises
        ------
        LeakageError
            If one of them is held out; names the part and the first such patient.
        """
        seen = self._held_out.intersection(ids)
        if seen:
            raise LeakageError(
                where=f"fit of {part}",
                expected="no held-out patient may be among the rows that it is fitted on",
                got=f"{min(seen)}" + (f" and {len(seen) - 1} more" if len(seen) > 1 else ""),
                fix="Fit this part on the training rows of the fold only.",
            )

    def also(self, held_out: Iterable[str]) -> LeakageGuard:
        """Build the guard of an inner split: its validation patients are held out as well.

        Parameters
        ----------
        held_out : iterable of str
            Validation patients of the inner split.

        Returns
        -------
        LeakageGuard
            Guards both; this one is unchanged.
        """
        return LeakageGuard(self._held_out.union(held_out))
