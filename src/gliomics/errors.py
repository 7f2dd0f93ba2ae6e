"""The errors of gliomics: each says where, what must hold, what was found and how to fix it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Entry = TypeVar("Entry")


class GliomicsError(Exception):
    """Base of every error that gliomics raises on purpose.

    Parameters
    ----------
    where : str
        The place: a subject and modality, a file, a setting.
    expected : str
        What must hold there, as a clause ("mask shape must equal (240, 240, 155)").
    got : object
        What was found instead.
    fix : str
        What the reader can do about it, as a sentence.
    """

    def __init__(self, *, where: str, expected: str, got: object, fix: str) -> None:
        self.where = where
        self.expected = expected
        self.got = got
        self.fix = fix
        super().__init__(f"{where}: {expected}, got {got}. {fix}")

    def __reduce__(self) -> tuple[Callable[..., GliomicsError], tuple[Any, ...]]:
        """Survive the way back from a worker process (keyword-only constructors do not by default)."""
        return _rebuild, (type(self), self.__dict__.copy())


def _rebuild(kind: type[GliomicsError], facts: dict[str, Any]) -> GliomicsError:
    error = kind.__new__(kind)
    error.__dict__.update(facts)
    error.args = (f"{facts['where']}: {facts['expected']}, got {facts['got']}. {facts['fix']}",)
    return error


class SettingsError(GliomicsError):
    """A setting is unknown, missing or out of bounds."""


class ClinicalDataError(GliomicsError):
    """A clinical source cannot be read or does not hold what it must."""


class FeatureTableError(GliomicsError):
    """A table of features cannot be read or does not hold what it must."""


class ScanError(GliomicsError):
    """A case's scans cannot be used; the case is quarantined.

    Parameters
    ----------
    code : str
        Stable name of the reason, such as ``empty_segmentation``.
    """

    def __init__(self, *, code: str, where: str, expected: str, got: object, fix: str) -> None:
        self.code = code
        super().__init__(where=where, expected=expected, got=got, fix=fix)


class WorkerLostError(GliomicsError):
    """A piece of work that cannot be left out killed every worker process that tried it."""


class ClusterError(GliomicsError):
    """The Dask cluster cannot be reached, was lost, or its workers are not fit for this run."""


class TooManyFailuresError(GliomicsError):
    """More cases failed than ``max_failed_fraction`` allows."""


class ValidationDesignError(GliomicsError):
    """The requested validation cannot be done on this many patients."""


class WeightsError(GliomicsError):
    """A network's weights cannot be had or do not fit it."""


class LeakageError(GliomicsError):
    """A fitted part saw a patient whom it is about to be tested on."""


class AttributionError(GliomicsError):
    """An explanation does not belong to the model that it is said to explain."""


class RegistrationError(GliomicsError):
    """A model cannot be registered."""


class ServingError(GliomicsError):
    """What a served model was asked for cannot be answered."""


class RegistryError(GliomicsError):
    """The registry cannot do what was asked."""


class LedgerError(GliomicsError):
    """The registry's ledger is not what was written, or another process holds it."""


class ResultsError(GliomicsError):
    """Results of a run cannot be read."""


class StageRunError(GliomicsError):
    """A stage cannot be run as a component of a pipeline."""


class DataVersionError(GliomicsError):
    """A data version cannot be made, found, read or gone back to."""


class DeploymentError(GliomicsError):
    """What an environment needs round it (a variable, a server, a shared folder) is missing or refuses."""


def unknown_name(name: str, valid: Iterable[str], *, where: str, what: str) -> SettingsError:
    """Build the error for a name that is not in a registry, with the nearest valid one.

    Parameters
    ----------
    name : str
        What was asked for.
    valid : iterable of str
        The names that exist.
    where : str
        The setting or option that holds the name.
    what : str
        The kind of thing that is named ("cohort", "arm").

    Returns
    -------
    SettingsError
        To be raised by the caller.
    """
    names = sorted(valid)
    close = get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return SettingsError(
        where=where,
        expected=f"{what} must be one of {', '.join(names) or '(none defined)'}",
        got=repr(name),
        fix=f"{hint}Choose one of the names above.",
    )


def look_up(registry: Mapping[str, Entry], name: str, *, where: str, what: str) -> Entry:
    """Give an entry of a registry: the one way to look a name up.

    Parameters
    ----------
    registry : mapping of str
        A literal dictionary of what there is.
    name, where, what : str
        As for `unknown_name`.

    Returns
    -------
    Entry
        What the name stands for.

    Raises
    ------
    SettingsError
        If there is none of this name; lists the valid ones.
    """
    if name not in registry:
        raise unknown_name(name, registry, where=where, what=what)
    return registry[name]
