"""What a predictor is: its block, family, region and modality, and which predictors say the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from gliomics.cohort.presence import region_of
from gliomics.errors import FeatureTableError
from gliomics.evaluation.arms import CLINICAL_COLUMNS, MOLECULAR_COLUMNS
from gliomics.evaluation.blocks import VECTOR_PREFIX
from gliomics.radiomics.feature_names import MASK, parse_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

CLINICAL, RADIOMICS, DEEP = "clinical", "radiomics", "deep"
NO_PART: Final = "(none)"
"""Region or modality of a predictor that has none, or whose name does not tell."""
ALL_DIMENSIONS: Final = " (all dimensions)"
LEVELS: Final = ("feature", "cluster", "family", "region", "modality", "block")
_PUBLISHED_FAMILIES: Final = {
    "INTENSITY": "firstorder",
    "HISTO": "firstorder",
    "VOLUME": "shape",
    "DIAMETERS": "shape",
    "SPATIAL": "location",
    "TEXTURE": "texture",
    "ECCENTRICITY": "shape",
    "SOLIDITY": "shape",
    "DIST": "location",
    "TGM": "growth model",
}


@dataclass(frozen=True)
class FeatureGroup:
    """Where a predictor belongs.

    Attributes
    ----------
    block : str
        ``clinical``, ``radiomics`` or ``deep``.
    family : str
        Class of the feature (``firstorder``, ``glcm``, ``shape``, ...), ``presence``, the network, or
        ``clinical``.
    region : str
        ``et``, ``tc``, ``wt``, ..., or `NO_PART`.
    modality : str
        ``t1``, ``t1ce``, ``t2``, ``flair``, ``mask``, or `NO_PART`.
    """

    block: str
    family: str
    region: str = NO_PART
    modality: str = NO_PART


def group_of(column: str) -> FeatureGroup:
    """Say where a predictor belongs, from its name.

    Parameters
    ----------
    column : str
        A name in `gliomics.evaluation.arms.ArmTable.columns`.

    Returns
    -------
    FeatureGroup
        Names of published panels are read as far as they go; what they do not tell is `NO_PART`.

    Examples
    --------
    >>> group_of("t1ce__et__glcm_Contrast")
    FeatureGroup(block='radiomics', family='glcm', region='et', modality='t1ce')
    >>> group_of("emb_medicalnet_007").family
    'medicalnet'
    """
    if column.endswith(ALL_DIMENSIONS):
        return FeatureGroup(DEEP, column.removesuffix(ALL_DIMENSIONS))
    if column in CLINICAL_COLUMNS + MOLECULAR_COLUMNS:
        return FeatureGroup(CLINICAL, CLINICAL)
    if column.startswith(VECTOR_PREFIX):
        return FeatureGroup(DEEP, column.removeprefix(VECTOR_PREFIX).rpartition("_")[0])
    region = region_of(column)
    if region is not None:
        return FeatureGroup(RADIOMICS, "presence", region, MASK)
    try:
        name = parse_column(column)
    except FeatureTableError:
        return _published(column)
    return FeatureGroup(RADIOMICS, name.feature_class, name.region, name.modality)


def _published(column: str) -> FeatureGroup:
    """Read a name of BraTS-TCGA-LGG's panel, such as ``TEXTURE_GLCM_ET_T1Gd_Contrast``."""
    words = column.split("_")
    family = _PUBLISHED_FAMILIES.get(words[0], "other")
    if family == "texture" and len(words) > 1:
        family = {"GLOBAL": "firstorder"}.get(words[1], words[1].lower())
    modalities = {"T1": "t1", "T1Gd": "t1ce", "T2": "t2", "FLAIR": "flair"}
    region = next((w.lower() for w in words if re.fullmatch(r"ET|NET|ED|TC|WT", w)), NO_PART)
    return FeatureGroup(
        RADIOMICS, family, region, next((modalities[w] for w in words if w in modalities), NO_PART)
    )


def fold_networks(columns: Iterable[str]) -> tuple[str, ...]:
    """Name the networks behind columns that fold networks give, sorted."""
    return tuple(sorted({group_of(column).family for column in columns}))


def shared_name(column: str, networks: Iterable[str]) -> str:
    """Name under which a predictor is counted over several fits.

    A dimension of a network that was trained inside a fold is another quantity in every fold, so that all
    dimensions of such a network are counted together.

    Parameters
    ----------
    column : str
        The predictor.
    networks : iterable of str
        Those that were trained inside the folds (`fold_networks`).

    Returns
    -------
    str
        The column, or ``<network> (all dimensions)``.

    Examples
    --------
    >>> shared_name("emb_cnn3d_patches_012", ["cnn3d_patches"])
    'cnn3d_patches (all dimensions)'
    """
    group = group_of(column)
    return f"{group.family}{ALL_DIMENSIONS}" if group.block == DEEP and group.family in networks else column


def correlation_clusters(table: pd.DataFrame, min_correlation: float) -> dict[str, str]:
    """Gather features that say much the same, for description: no model ever sees the clusters.

    Complete linkage on 1 - |Spearman|, on the patients who have both values' column means in the gaps, so
    that within a cluster every pair exceeds the limit.

    Parameters
    ----------
    table : DataFrame
        One row a patient, one column a feature, in order of importance.
    min_correlation : float
        Smallest |Spearman correlation| of two members.

    Returns
    -------
    dict of str to str
        Feature to its cluster, which is called after its first feature and the number of others.
    """
    if table.shape[1] < 2:
        return {str(c): str(c) for c in table.columns}
    ranks = table.fillna(table.median()).fillna(0.0).rank().to_numpy(dtype=np.float64)
    correlation = _correlations(ranks)
    distance = 1.0 - np.abs(correlation)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    number = fcluster(tree, t=1.0 - min_correlation, criterion="distance")
    return _called_after_first([str(c) for c in table.columns], number)


def _correlations(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate columns; one that does not vary correlates with nothing."""
    centred = X - X.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    return np.asarray(np.clip(unit.T @ unit, -1.0, 1.0))


def _called_after_first(columns: Sequence[str], number: NDArray[np.int_]) -> dict[str, str]:
    members: dict[int, list[str]] = {}
    for column, cluster in zip(columns, number, strict=True):
        members.setdefault(int(cluster), []).append(column)
    names = {
        cluster: inside[0] + (f" (+{len(inside) - 1})" if len(inside) > 1 else "")
        for cluster, inside in members.items()
    }
    return {column: names[int(cluster)] for column, cluster in zip(columns, number, strict=True)}
