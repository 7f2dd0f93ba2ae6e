"""An answer to an item of a checklist."""

from __future__ import annotations

from typing import Literal, NamedTuple

Word = Literal["yes", "no", "open", "n/a"]


class Answer(NamedTuple):
    """An answer with its evidence.

    Attributes
    ----------
    word : {"yes", "no", "open", "n/a"}
        ``yes`` only with evidence from this run; ``open``: a person must answer; ``n/a``: the run
        knows that the item does not apply.
    evidence : str
        What the run did, lacks, or leaves to the author.
    """

    word: Word
    evidence: str


def yes(evidence: str) -> Answer:
    """Answer yes, with the evidence."""
    return Answer("yes", evidence)


def no(reason: str) -> Answer:
    """Answer no, with what is missing."""
    return Answer("no", reason)


def for_the_author(hint: str = "") -> Answer:
    """Leave the item open, with what the run can tell."""
    return Answer("open", hint)
