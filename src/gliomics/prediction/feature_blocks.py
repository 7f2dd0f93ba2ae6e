"""The blocks of features of a cohort, gathered from its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gliomics.cohort.published_panel import region_presence as published_presence
from gliomics.prediction.blocks import embedding_block

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.cohort.settings import CohortSettings
    from gliomics.prediction.arms import Block


def feature_blocks(
    cohort_settings: CohortSettings,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    embeddings: pd.DataFrame,
) -> dict[str, Block]:
    """Choose where the radiomics arm's features come from; an empty table is no block.

    Parameters
    ----------
    cohort_settings : CohortSettings
        Whether the features are computed or published.
    radiomic_features, region_presence, published_features, embeddings : DataFrame
        As their stages write them.

    Returns
    -------
    dict of str to DataFrame or EmbeddingBlock
        ``radiomics``, ``region_presence`` and ``embeddings``, each only when there is something in it.
    """
    published = cohort_settings.feature_source == "published"
    blocks: dict[str, Block] = {}
    radiomics = published_features if published else radiomic_features
    if not radiomics.empty:
        blocks["radiomics"] = radiomics
        blocks["region_presence"] = published_presence(published_features) if published else region_presence
    deep = embedding_block(embeddings)
    if deep is not None:
        blocks["embeddings"] = deep
    return blocks
