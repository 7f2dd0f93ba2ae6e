"""One spelling for the id of a patient, whatever file it comes from."""

from __future__ import annotations

import re

_TCGA_BARCODE = re.compile(r"^TCGA[-_]([A-Z0-9]{2})[-_]([A-Z0-9]{4})(?:[-_].*)?$", re.DOTALL)


def normalise_subject_id(raw: str) -> str:
    """Bring the id of a patient to its one spelling.

    Surrounding blanks go, letters become upper case, and a TCGA barcode of any level (patient, sample,
    aliquot, with ``-`` or ``_``) is cut to the patient: ``TCGA-XX-NNNN``. Nothing else is changed, so a
    hospital's own ids keep their shape.

    Parameters
    ----------
    raw : str
        The id as a file spells it.

    Returns
    -------
    str
        The normalised id; the empty string when there is none. Applying it twice changes nothing.

    Examples
    --------
    >>> normalise_subject_id(" tcga-du-5855-01a ")
    'TCGA-DU-5855'
    >>> normalise_subject_id("TCGA_DU_5855")
    'TCGA-DU-5855'
    >>> normalise_subject_id("site1_007")
    'SITE1_007'
    """
    text = raw.strip().upper()
    barcode = _TCGA_BARCODE.match(text)
    return f"TCGA-{barcode[1]}-{barcode[2]}" if barcode else text
