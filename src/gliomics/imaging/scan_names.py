"""What a scan's file name says: whose it is and what it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gliomics.cohort.subject_ids import normalise_subject_id

MASK: Final = "mask"
_END = r"\.nii(?:\.gz)?$"

# (convention, pattern with the groups subject, date?, kind; kind -> (modality, variant))
_BRATS_KINDS: Final = {
    "t1": ("t1", "original"),
    "t1ce": ("t1ce", "original"),
    "t1gd": ("t1ce", "original"),
    "t2": ("t2", "original"),
    "flair": ("flair", "original"),
    "seg": (MASK, "unspecified"),
    "t1n": ("t1", "original"),
    "t1c": ("t1ce", "original"),
    "t2w": ("t2", "original"),
    "t2f": ("flair", "original"),
    "glistrboost": (MASK, "automatic"),
    "glistrboost_manuallycorrected": (MASK, "manual"),
}
CONVENTIONS: Final = (
    (
        "BraTS-TCGA-LGG",
        re.compile(
            r"^(?P<subject>.+?)_(?P<date>\d{4}\.\d{2}\.\d{2})_"
            r"(?P<kind>flair|t1|t1Gd|t2|GlistrBoost|GlistrBoost_ManuallyCorrected)" + _END,
            re.IGNORECASE,
        ),
    ),
    (
        "BraTS 2023",
        re.compile(r"^(?P<subject>.+)-(?P<kind>t1n|t1c|t2w|t2f|seg)" + _END, re.IGNORECASE),
    ),
    (
        "BraTS",
        re.compile(r"^(?P<subject>.+)_(?P<kind>t1|t1ce|t1gd|t2|flair|seg)" + _END, re.IGNORECASE),
    ),
)
# Of several masks of one case the first of these is taken.
VARIANT_PREFERENCE: Final = ("manual", "unspecified", "automatic", "original")


@dataclass(frozen=True)
class ScanName:
    """A parsed file name.

    Attributes
    ----------
    subject_id : str
        Normalised, as the file spells it.
    modality : str
        ``t1``, ``t1ce``, ``t2``, ``flair`` or ``mask``.
    variant : str
        ``original`` for images; ``manual``, ``automatic`` or ``unspecified`` for masks.
    date : str
        ``YYYY.MM.DD`` or empty; dates of TCIA are shifted.
    """

    subject_id: str
    modality: str
    variant: str
    date: str = ""


def parse_scan_name(file_name: str) -> ScanName | None:
    """Read subject, modality and variant from a file name.

    Parameters
    ----------
    file_name : str
        Name without folder.

    Returns
    -------
    ScanName or None
        None if the name follows none of `CONVENTIONS`.

    Examples
    --------
    >>> parse_scan_name("TCGA-CS-4941_1996.09.09_t1Gd.nii.gz")
    ScanName(subject_id='TCGA-CS-4941', modality='t1ce', variant='original', date='1996.09.09')
    >>> parse_scan_name("BraTS-GLI-00002-000-t2f.nii.gz").modality
    'flair'
    >>> parse_scan_name("notes.txt") is None
    True
    """
    for _, pattern in CONVENTIONS:
        match = pattern.match(file_name)
        if match:
            modality, variant = _BRATS_KINDS[match["kind"].lower()]
            date = match.groupdict().get("date") or ""
            return ScanName(normalise_subject_id(match["subject"]), modality, variant, date)
    return None
