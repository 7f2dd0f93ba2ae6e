"""Sites: where a patient's tissue comes from, and folds that leave one site out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gliomics.cohort.populations import eligible
from gliomics.cohort.subject_ids import normalise_subject_id
from gliomics.errors import ClinicalDataError, ValidationDesignError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gliomics.cohort.settings import SiteTableSettings

_TISSUE_SOURCE_SITE = re.compile(r"^TCGA-([A-Z0-9]{2})-[A-Z0-9]{4}$")
FIX = (
    "Name a table of sites under cohorts.<name>.sites (path, id_column, site_column), or choose "
    "validation=repeated_cv."
)


def read_sites(raw_folder: Path, settings: SiteTableSettings) -> dict[str, str]:
    """Read the site of each patient from a table.

    Parameters
    ----------
    raw_folder : Path
        The cohort's raw folder.
    settings : SiteTableSettings
        The file, and its columns for patient and site.

    Returns
    -------
    dict of str to str
        Normalised id to site; patients without one are left out.

    Raises
    ------
    ClinicalDataError
        If the file or a column is absent, or a patient has two sites.
    """
    where, path = f"sites ({settings.path})", raw_folder / settings.path
    wanted = [settings.id_column, settings.site_column]
    if not path.is_file():
        raise ClinicalDataError(where=where, expected="the file must exist", got="no such file", fix=FIX)
    table = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", dtype=str)
    absent = [name for name in wanted if name not in table.columns]
    if absent:
        raise ClinicalDataError(
            where=where,
            expected=f"it must have the columns {', '.join(wanted)}",
            got=f"no {', '.join(absent)} among {', '.join(map(str, table.columns[:20]))}",
            fix="Name its columns under cohorts.<name>.sites.",
        )
    known = table[wanted].dropna()
    known = known.assign(
        **{
            settings.id_column: known[settings.id_column].map(normalise_subject_id),
            settings.site_column: known[settings.site_column].str.strip(),
        }
    ).drop_duplicates()
    twice = known.loc[known[settings.id_column].duplicated(), settings.id_column]
    if not twice.empty:
        raise ClinicalDataError(
            where=where,
            expected="each patient must have one site",
            got=f"several for {', '.join(sorted(twice.unique())[:5])}",
            fix="Keep the site where the patient was treated first.",
        )
    return dict(zip(known[settings.id_column], known[settings.site_column], strict=True))


def sites_of(subjects: pd.Series, known: Mapping[str, str] | None) -> pd.Series:
    """Give every patient's site.

    Parameters
    ----------
    subjects : Series of str
        Normalised ids.
    known : mapping of str to str or None
        From `read_sites`; None takes the tissue source site of TCGA barcodes (TCGA-XX-NNNN: XX).

    Returns
    -------
    Series of str
        On the index of `subjects`.

    Raises
    ------
    ValidationDesignError
        If the site of a patient is unknown; says where sites can be named.

    Examples
    --------
    >>> sites_of(pd.Series(["TCGA-DU-5855", "TCGA-HT-7686"]), None).tolist()
    ['DU', 'HT']
    """
    if known is None:
        found = subjects.astype(str).str.extract(_TISSUE_SOURCE_SITE, expand=False)
    else:
        found = subjects.map(dict(known))
    unknown = subjects[found.isna()]
    if not unknown.empty:
        source = "as the tissue source site of a TCGA barcode" if known is None else "in the table of sites"
        raise ValidationDesignError(
            where="validation leave_one_site_out",
            expected=f"the site of every eligible patient must be known {source}",
            got=f"{len(unknown)} patients without one, such as {unknown.iloc[0]}",
            fix=FIX,
        )
    return found


def leave_one_site_out(cohort: pd.DataFrame, known: Mapping[str, str] | None) -> pd.DataFrame:
    """Make one repeat with one fold a site, censored included.

    A site is one fold however small. There may be more sites than patients of the smaller class: the rule
    that folds are at most as many is about dealing both classes into every fold, which sites do not promise.
    What is needed instead is checked where arms are evaluated: both classes in every training set, and a site
    with both. Networks are trained per fold, so many sites mean many networks.

    Parameters
    ----------
    cohort : DataFrame
        As for `gliomics.cohort.splits.make_folds`.
    known : mapping of str to str or None
        See `sites_of`.

    Returns
    -------
    DataFrame
        ``subject_id``, ``repeat`` (0), ``fold`` (number of the site in sorted order) and ``site``, sorted by
        subject.

    Raises
    ------
    ValidationDesignError
        If a site is unknown or there is only one.
    """
    patients = eligible(cohort).sort_values("subject_id", ignore_index=True)
    site = sites_of(patients["subject_id"], known)
    names, fold = np.unique(site.to_numpy(dtype=str), return_inverse=True)
    if len(names) < 2:
        raise ValidationDesignError(
            where="validation leave_one_site_out",
            expected="there must be at least two sites",
            got=f"{len(names)} ({', '.join(names)})",
            fix="Choose validation=repeated_cv.",
        )
    return pd.DataFrame(
        {
            "subject_id": patients["subject_id"].to_numpy(dtype=object),
            "repeat": np.int64(0),
            "fold": fold.astype(np.int64),
            "site": names[fold],
        }
    )


def one_fold(cohort: pd.DataFrame) -> pd.DataFrame:
    """Put all eligible patients into one fold: a frozen model scores them and nothing is fitted.

    Parameters
    ----------
    cohort : DataFrame
        As for `gliomics.cohort.splits.make_folds`.

    Returns
    -------
    DataFrame
        ``subject_id``, ``repeat`` and ``fold``, both 0, sorted by subject.
    """
    subjects = eligible(cohort)["subject_id"].sort_values().to_numpy(dtype=object)
    return pd.DataFrame({"subject_id": subjects, "repeat": np.int64(0), "fold": np.int64(0)})
