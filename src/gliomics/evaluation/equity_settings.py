"""What can be set about the report."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator


class EquitySettings(BaseModel):
    """For whom the model fails: groups of patients and the worst errors (PROTOCOL 3).

    Attributes
    ----------
    min_per_class : int
        Patients of each class that a group needs for an AUC; below it has counts only.
    age_limits_years : tuple of float
        A group of ages ends before each of these, ascending.
    size_groups : int
        Equally large groups by volume of the whole tumour.
    worst_errors : int
        Patients of each arm that are listed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_per_class: int = Field(default=5, ge=5)
    age_limits_years: tuple[float, ...] = (40.0, 60.0)
    size_groups: int = Field(default=3, ge=2, le=10)
    worst_errors: int = Field(default=10, ge=0, le=1000)

    @field_validator("age_limits_years")
    @classmethod
    def _ascending(cls, limits: tuple[float, ...]) -> tuple[float, ...]:
        if list(limits) != sorted(set(limits)) or any(not 0 < limit < 130 for limit in limits):
            raise ValueError(f"ages must ascend between 0 and 130 years, got {list(limits)}")
        return limits
