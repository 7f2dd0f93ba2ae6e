"""What every reader of clinical records hands over: the texts of each field, as the file has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol, get_args

from gliomics.errors import ClinicalDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FieldGroup = Literal["survival", "treatment", "demographics", "grade", "molecular"]
FIELD_GROUPS: tuple[FieldGroup, ...] = get_args(FieldGroup)
MOLECULAR_FIELDS: Final = ("idh", "codel_1p19q", "mgmt", "extent_of_resection", "kps")
"""Optional columns of the cohort, in their order."""


@dataclass(frozen=True)
class SourceRow:
    """One row or case of a clinical file.

    Attributes
    ----------
    subject_id : str
        The patient's id as the file spells it; empty when there is none.
    texts : mapping of str to tuple of str
        For each field all texts that the row holds for it. Fields: ``vital_status``, ``days_to_death``,
        ``days_to_follow_up``, ``age_days``, ``age_years``, ``sex``, ``grade``, ``chemotherapy``,
        ``radiotherapy`` and `MOLECULAR_FIELDS`. A field that the file lacks is absent.
    several_diagnoses : bool
        Whether one of several diagnoses had to be chosen.
    """

    subject_id: str
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    several_diagnoses: bool = False


@dataclass(frozen=True)
class Wanted:
    """What is asked of a clinical file.

    Attributes
    ----------
    groups : frozenset of str
        Groups of fields that will be taken from it; what they need must be there.
    diseases : tuple of str or None
        Diseases whose rows are kept, for a file that says them; None keeps all.
    """

    groups: frozenset[FieldGroup]
    diseases: tuple[str, ...] | None = None


class ReadFile(Protocol):
    """How a file of one format is read."""

    def __call__(self, path: Path, where: str, wanted: Wanted) -> list[SourceRow]:
        """Read its rows.

        Parameters
        ----------
        path : Path
            The file, which exists.
        where : str
            Name of the source, for errors.
        wanted : Wanted
            What will be taken from it.

        Returns
        -------
        list of SourceRow
            One element a row or case.

        Raises
        ------
        ClinicalDataError
            If it is not such a file, or lacks what is wanted.
        """


@dataclass(frozen=True)
class ClinicalReader:
    """One format of clinical files.

    Attributes
    ----------
    read : callable
        Reads a file of it.
    holds : frozenset of str
        Groups of fields that such a file can hold.
    says_disease : bool
        Whether its rows can be chosen by disease.
    """

    read: ReadFile
    holds: frozenset[FieldGroup]
    says_disease: bool = False


def unusable_source(where: str, expected: str, found: Iterable[str] | str, fix: str) -> ClinicalDataError:
    """Build the error of a file that does not hold what it must.

    Parameters
    ----------
    where : str
        The source's name and its path inside the raw folder.
    expected : str
        What must hold, as a clause.
    found : str or iterable of str
        What the file has: a description, or its columns (at most 40 are named).
    fix : str
        What to do, as a sentence.

    Returns
    -------
    ClinicalDataError
        To be raised by the caller.
    """
    if not isinstance(found, str):
        names = list(found)
        rest = f" and {len(names) - 40} more" if len(names) > 40 else ""
        found = f"the columns {', '.join(names[:40])}{rest}" if names else "no columns"
    return ClinicalDataError(where=where, expected=expected, got=found, fix=fix)
