"""Which batch a patient's scan comes from: the tissue source site, or a column of the cohort."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.errors import SettingsError

if TYPE_CHECKING:
    from gliomics.learning.settings import HarmonisationSettings

BATCH_COLUMN = "harmonisation_batch"
"""Name of the column that carries the batch from the cohort to the model and its served form."""

SITE = "site"
_BARCODE = re.compile(r"^TCGA-([A-Z0-9]{2})-[A-Z0-9]{4}$")


def tissue_source_site(subject_id: str) -> str | None:
    """Read the site from a TCGA barcode; other ids tell none.

    Examples
    --------
    >>> tissue_source_site("TCGA-DU-5855")
    'DU'
    >>> tissue_source_site("SITE1_007") is None
    True
    """
    barcode = _BARCODE.match(subject_id)
    return barcode[1] if barcode else None


def batch_block(cohort: pd.DataFrame, settings: HarmonisationSettings) -> dict[str, pd.DataFrame]:
    """Make the block that tells every patient's batch.

    Parameters
    ----------
    cohort : DataFrame
        ``subject_id`` and, where the batch is no site, the column that holds it.
    settings : HarmonisationSettings
        What the batch is.

    Returns
    -------
    dict of str to DataFrame
        ``batch``: ``subject_id`` and `BATCH_COLUMN` (text, missing when unknown). Empty when nothing is
        harmonised.

    Raises
    ------
    SettingsError
        If the cohort has no such column.
    """
    if settings.method == "none":
        return {}
    if settings.batch == SITE:
        names = [tissue_source_site(str(subject)) for subject in cohort["subject_id"]]
    elif settings.batch in cohort.columns:
        names = [None if pd.isna(value) else str(value) for value in cohort[settings.batch]]
    else:
        raise SettingsError(
            where="modelling.harmonisation.batch",
            expected=f"it must be {SITE} or a column of the cohort",
            got=repr(settings.batch),
            fix=f"The cohort's columns are {', '.join(map(str, cohort.columns))}.",
        )
    block = pd.DataFrame({"subject_id": cohort["subject_id"].to_numpy(), BATCH_COLUMN: names}, dtype="object")
    return {"batch": block}
