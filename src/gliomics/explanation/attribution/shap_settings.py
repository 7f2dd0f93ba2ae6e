"""Settings of the attributions and of their summary."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ShapSettings(BaseModel):
    """What `reporting.shap` in the parameters holds (PROTOCOL 8)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repeats: int = Field(default=10, ge=1, description="repeats of the folds that are explained, at most")
    evaluations: int = Field(default=2000, ge=10, description="coalitions a patient, where nothing is exact")
    top_k: int = Field(default=10, ge=1, le=100, description="length of the list whose stability is judged")
    min_correlation: float = Field(default=0.8, gt=0.0, lt=1.0, description="|Spearman| within a cluster")
    shown: int = Field(default=15, ge=3, le=40, description="features in a figure")
    dependence: int = Field(default=4, ge=1, le=9, description="features whose dependence is drawn")
