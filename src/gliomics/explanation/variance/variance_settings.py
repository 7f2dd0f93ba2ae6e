"""Settings of the variance analysis."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class VarianceSettings(BaseModel):
    """What `reporting.variance` in the parameters holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    permutations: int = Field(default=200, ge=20, description="rows permuted, for each limit")
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0, description="quantile of the permuted values")
    components: int = Field(
        default=4, ge=1, le=20, description="leading components in the canonical correlation"
    )
    shown: int = Field(default=15, ge=3, le=40, description="features in a figure")
