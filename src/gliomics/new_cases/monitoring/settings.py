"""Limits of monitoring."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MonitoringSettings(BaseModel):
    """When new cases are called different (conf/base/monitoring/parameters.yml).

    Something is over its limit when the effect is larger than the limit *and* chance is no explanation.

    Attributes
    ----------
    psi : float
        Population stability index of a feature or of the score.
    outside_share : float
        Share of new values below the smallest or above the largest training value.
    missing_increase : float
        By how much the share of cases without a value, or without a region, exceeds that in training.
    quarantined_share : float
        Share of new cases that did not pass the checks of ingestion.
    false_alarm : float
        Probability that any limit is exceeded although nothing has changed.
    min_cases : int
        With fewer usable cases nothing is tested.
    draws : int
        Most draws behind a probability; more where so many columns share ``false_alarm`` that it takes more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    psi: float = Field(default=0.25, ge=0.0)
    outside_share: float = Field(default=0.2, ge=0.0, le=1.0)
    missing_increase: float = Field(default=0.2, ge=0.0, le=1.0)
    quarantined_share: float = Field(default=0.2, ge=0.0, le=1.0)
    false_alarm: float = Field(default=0.05, gt=0.0, lt=1.0)
    min_cases: int = Field(default=5, ge=1)
    draws: int = Field(default=1_000_000, ge=1000, le=10_000_000)
