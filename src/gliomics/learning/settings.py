"""What can be set about what is fitted inside a fold."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FrozenSettings(BaseModel):
    """Settings that nothing changes and that take no unknown name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TuningSettings(FrozenSettings):
    """Nested tuning of an arm's estimator (PROTOCOL 2)."""

    max_inner_folds: int = Field(default=5, ge=2, le=20)
    small_sample_minority: int = Field(
        default=20, ge=2, description="below this many minority training patients few candidates compete"
    )
    max_candidates_small_sample: int = Field(default=6, ge=1, le=6)


class FusionSettings(FrozenSettings):
    """How the blocks of a fusion arm are brought together (`gliomics.learning.fusion.fusion_recipe`)."""

    mode: Literal["early", "late", "average", "tuned"] = Field(
        default="early", description="tuned: the three compete in the inner loop"
    )
    reduction: Literal["selection", "pca"] = Field(default="selection", description="of each block")


class StabilityFilterSettings(FrozenSettings):
    """The filter that leaves out features which follow the segmentation (PROTOCOL 6)."""

    enabled: bool = False
    min_icc: float = Field(default=0.75, ge=0.0, le=1.0, description="smallest lower limit of ICC(2,1)")


class SelectionSettings(FrozenSettings):
    """Which features an arm's estimator is given; learned in each fold and inner split."""

    methods: dict[str, str] = Field(default={}, description="ranking of an arm, where not ANOVA")
    max_correlation: float = Field(default=0.9, gt=0.0, le=1.0, description="between two kept features")
    max_constant_share: float = Field(
        default=1.0, ge=0.5, le=1.0, description="of rows with one value; 1 leaves out constants only"
    )
    neighbours: int = Field(default=3, ge=1, le=50, description="of mutual_information")
    pairs: int = Field(default=25, ge=2, le=1000, description="halvings of lasso_stability")
    stability: StabilityFilterSettings = StabilityFilterSettings()


class HarmonisationSettings(FrozenSettings):
    """Differences between sites or scanners, estimated on training rows without the outcome (PROTOCOL 6)."""

    method: Literal["none", "combat"] = "none"
    batch: str = Field(default="site", description="site (of the TCGA barcode), or a column of the cohort")
    min_batch_rows: int = Field(default=5, ge=2, description="smaller batches pass as they are")
