"""The blocks that arms learn from, gathered from a cohort's tables: the same in every stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gliomics.cohort.published_panel import region_presence as published_presence
from gliomics.learning.harmonisation.batches import batch_block
from gliomics.radiomics.stability_filter import StableFeatures

if TYPE_CHECKING:
    import pandas as pd

    from gliomics.evaluation.arms import Block
    from gliomics.evaluation.blocks import AbsentBlock, EmbeddingBlock
    from gliomics.evaluation.settings import ModellingSettings
    from gliomics.radiomics.stability import StabilitySettings


@dataclass(frozen=True)
class FeatureTables:
    """What the stages before have written.

    Attributes
    ----------
    radiomic_features, region_presence, perturbed_features : DataFrame
        Of the images; empty when there are none.
    published_features : DataFrame
        The imported panel, cleaned; empty when there is none.
    deep : EmbeddingBlock, AbsentBlock or None
        Vectors of networks, or why there are none; None where no arm of networks is wanted.
    """

    radiomic_features: pd.DataFrame
    region_presence: pd.DataFrame
    perturbed_features: pd.DataFrame
    published_features: pd.DataFrame
    deep: EmbeddingBlock | AbsentBlock | None = None


def cohort_blocks(
    cohort: pd.DataFrame,
    tables: FeatureTables,
    feature_source: str,
    modelling: ModellingSettings,
    stability: StabilitySettings,
) -> dict[str, Block]:
    """Choose where the radiomics arm's features come from, and add what preparing them needs.

    Parameters
    ----------
    cohort : DataFrame
        One row a patient.
    tables : FeatureTables
        What was written.
    feature_source : {"extracted", "published"}
        Which features the radiomics arm learns from.
    modelling : ModellingSettings
        Whether columns are filtered by stability and harmonised between batches.
    stability : StabilitySettings
        How the ICC is estimated.

    Returns
    -------
    dict of str to DataFrame, EmbeddingBlock, AbsentBlock or StabilityJudge
        ``radiomics``, ``region_presence`` and ``embeddings``, each only when there is something in it, or a
        reason why there is not; the batch and ``stability`` only where they are asked for. A published panel
        has no perturbed segmentations, so that its filter never applies.
    """
    published = feature_source == "published"
    blocks: dict[str, Block] = {}
    radiomics = tables.published_features if published else tables.radiomic_features
    if not radiomics.empty:
        presence = published_presence(tables.published_features) if published else tables.region_presence
        blocks |= {"radiomics": radiomics, "region_presence": presence}
    if tables.deep is not None:
        blocks["embeddings"] = tables.deep
    blocks |= batch_block(cohort, modelling.harmonisation)
    asked = modelling.selection.stability
    if asked.enabled:
        perturbed = tables.perturbed_features.iloc[:0] if published else tables.perturbed_features
        blocks["stability"] = StableFeatures.from_perturbed(perturbed, stability, min_lower=asked.min_icc)
    return blocks
