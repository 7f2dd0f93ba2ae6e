"""Settings of the demonstration cohort."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

GENERATOR_VERSION: Final = 1
GRID: Final = (120, 120, 78)
"""Voxels of a file; at 2 mm this is the field of view of the real 240 x 240 x 155 at 1 mm."""

BOX: Final = (76, 96, 70)
"""Voxels that are drawn, in the middle of the grid; every brain fits into them."""

SPACING_MM: Final = 2.0
SITES: Final = ("Z1", "Z2", "Z3")


class DemoSettings(BaseModel):
    """How many synthetic patients, and the seed that they follow from.

    Attributes
    ----------
    patients : int
        At least 20, so that every class and every fault has its place.
    seed : int
        The cohort is data: its seed is its own, not that of a run. It was not chosen by any result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: int = Field(default=40, ge=20, le=1_200)
    seed: int = Field(default=1, ge=0)
