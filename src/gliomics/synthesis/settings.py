"""What may be set about synthetic rows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PcaGmmSettings(_Frozen):
    """The class-conditional PCA-GMM sampler (PROTOCOL 7)."""

    factor: float = Field(default=5.0, gt=1.0, le=50.0, description="rows after / real rows")
    balance: bool = Field(default=True, description="both classes end equally large")
    max_rows_per_dimension: int = Field(default=4, ge=2, description="PCA size <= training rows / this")
    small_class: int = Field(default=20, ge=4, description="below: one Gaussian, shared covariance")
    min_class: int = Field(default=4, ge=2, description="a smaller class is refused")
    max_components: int = Field(default=3, ge=1, le=10, description="of a mixture, chosen by BIC")


class AcceptanceSettings(_Frozen):
    """When synthetic rows can be judged at all."""

    min_held_out: int = Field(default=20, ge=2, description="unseen real rows of a class")
    resamples: int = Field(default=200, ge=20, le=10_000, description="of the real-or-synthetic AUC")


class AugmentationSettings(_Frozen):
    """All settings under the parameter ``augmentation``."""

    sampler: str = Field(default="pca_gmm", description="a name in `gliomics.synthesis.registry.SAMPLERS`")
    pca_gmm: PcaGmmSettings = PcaGmmSettings()
    acceptance: AcceptanceSettings = AcceptanceSettings()
    saved_repeats: int = Field(default=1, ge=1, description="repeats whose rows are written")
