"""The formats of clinical files: a new one is a module beside this one, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gliomics.cohort.readers.extra_table import EXTRA_TABLE
from gliomics.cohort.readers.gdc_json import GDC_JSON
from gliomics.cohort.readers.gdc_table import GDC_TABLE
from gliomics.cohort.readers.tcga_cdr import TCGA_CDR
from gliomics.errors import look_up

if TYPE_CHECKING:
    from gliomics.cohort.readers.source_rows import ClinicalReader

READERS: Final[dict[str, ClinicalReader]] = {
    "gdc_json": GDC_JSON,
    "gdc_table": GDC_TABLE,
    "tcga_cdr": TCGA_CDR,
    "extra_table": EXTRA_TABLE,
}


def get_reader(name: str) -> ClinicalReader:
    """Look a format up.

    Raises
    ------
    SettingsError
        If there is none of this name; lists the valid ones.
    """
    return look_up(READERS, name, where="a clinical source", what="format")
