"""The modes of validation: who is scored by which models (PROTOCOL 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from gliomics.errors import SettingsError, unknown_name

Mode = Literal["repeated_cv", "leave_one_site_out", "external"]
REPEATED_CV: Final = "repeated_cv"
LEAVE_ONE_SITE_OUT: Final = "leave_one_site_out"
EXTERNAL: Final = "external"
SPELLINGS: Final = (REPEATED_CV, LEAVE_ONE_SITE_OUT, "external:<cohort>")


@dataclass(frozen=True)
class Validation:
    """A mode of validation.

    Attributes
    ----------
    mode : {"repeated_cv", "leave_one_site_out", "external"}
        Repeated folds of all eligible patients; one fold a site; or a frozen model of another cohort, with
        nothing fitted.
    champion_of : str or None
        Of ``external``: the cohort whose champion scores the patients.
    """

    mode: Mode
    champion_of: str | None = None

    @property
    def text(self) -> str:
        """As the parameter ``validation`` spells it."""
        return self.mode if self.champion_of is None else f"{self.mode}:{self.champion_of}"


REPEATED: Final = Validation(REPEATED_CV)
"""What an evaluation is unless it is told otherwise."""


def parse_validation(text: str) -> Validation:
    """Read the parameter ``validation``.

    Parameters
    ----------
    text : str
        One of `SPELLINGS`.

    Returns
    -------
    Validation
        The mode.

    Raises
    ------
    SettingsError
        If it is none of them; lists the valid ones.

    Examples
    --------
    >>> parse_validation("external:tcga_lgg").champion_of
    'tcga_lgg'
    """
    if text == REPEATED_CV:
        return Validation("repeated_cv")
    if text == LEAVE_ONE_SITE_OUT:
        return Validation("leave_one_site_out")
    mode, _, cohort = text.partition(":")
    if mode == EXTERNAL and cohort.strip():
        return Validation("external", cohort.strip())
    if mode == EXTERNAL:
        raise SettingsError(
            where="--params validation",
            expected="external must name the cohort whose champion is applied",
            got=repr(text),
            fix="Write external:<cohort>, such as external:tcga_lgg.",
        )
    raise unknown_name(text, SPELLINGS, where="--params validation", what="validation")
