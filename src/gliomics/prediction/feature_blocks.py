"""The feature tables of a cohort, gathered into the blocks that arms are assembled from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cohort.published_panel import region_presence as published_presence

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.prediction.arms import Block
    from gliomics.prediction.blocks import EmbeddingBlock


def feature_blocks(
    published: bool,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    deep: EmbeddingBlock | None,
) -> dict[str, Block]:
    """Choose where the radiomics arm's features come from; an empty table is no block.

    Parameters
    ----------
    published : bool
        Whether the cohort learns from its published panel and not from features that were extracted here.
    radiomic_features, region_presence : DataFrame
        Extracted features, and which regions each tumour has.
    published_features : DataFrame
        The published panel.
    deep : EmbeddingBlock or None
        Vectors of networks.

    Returns
    -------
    dict of str to Block
        ``radiomics``, ``region_presence`` and ``embeddings``, as far as the cohort has them.
    """
    blocks: dict[str, Block] = {}
    radiomics = published_features if published else radiomic_features
    if not radiomics.empty:
        blocks["radiomics"] = radiomics
        blocks["region_presence"] = published_presence(published_features) if published else region_presence
    if deep is not None:
        blocks["embeddings"] = deep
    return blocks
