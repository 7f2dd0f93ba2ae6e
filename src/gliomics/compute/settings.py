"""How work on many cases is spread: the engine, its workers, and what it does when they die."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

TLS = "tls://"


class AdaptiveWorkers(BaseModel):
    """Bounds between which an embedded cluster grows and shrinks with the work that waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum: int = Field(default=0, ge=0, le=1000)
    maximum: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.maximum < self.minimum:
            message = f"maximum must be at least minimum ({self.minimum}), got {self.maximum}"
            raise ValueError(message)
        return self


class TlsFiles(BaseModel):
    """PEM files that a ``tls://`` scheduler asks for: who it must be, and who we are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path
    cert: Path
    key: Path


class ComputeSettings(BaseModel):
    """How work on many cases is spread: the engine, its number of workers, what it does when they die.

    ``scheduler`` and what follows it are read by the engine ``dask`` alone. Results do not depend on any of
    this.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["local", "dask"] = "local"
    workers: int = Field(default=0, ge=0, le=1000, description="0 means one worker a core")
    lost_after: int = Field(
        default=2, ge=1, le=10, description="workers that may die on an item, alone, before it is given up"
    )
    scheduler: str | None = Field(default=None, pattern=r"^(tcp|tls)://[^/\s:]+:\d+$")
    tls: TlsFiles | None = None
    adaptive: AdaptiveWorkers | None = None
    worker_memory_gib: float | None = Field(default=None, gt=0)
    in_flight: int = Field(default=500, ge=1, le=100_000)
    wait_s: float = Field(default=60.0, gt=0, le=86_400)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.engine == "local":
            return self
        if self.scheduler is not None and self.adaptive is not None:
            message = (
                "adaptive is for the embedded cluster (scheduler: null); whoever starts the workers of "
                "another scheduler decides on their number"
            )
            raise ValueError(message)
        secured = self.scheduler is not None and self.scheduler.startswith(TLS)
        if secured != (self.tls is not None):
            message = "tls (ca, cert, key) goes with a scheduler that begins with tls://, and only with one"
            raise ValueError(message)
        return self

    @property
    def worker_count(self) -> int:
        """Number of worker processes on this machine, at least one."""
        return self.workers or len(os.sched_getaffinity(0))
