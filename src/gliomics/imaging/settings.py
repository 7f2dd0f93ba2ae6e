"""Settings of image ingestion."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

MODALITIES = ("t1", "t1ce", "t2", "flair")


class ImageSettings(BaseModel):
    """What a case's scans must be.

    Attributes
    ----------
    required_modalities : tuple of str
        Images that every case must have, besides its segmentation.
    allowed_labels : tuple of int
        Values that a segmentation may hold; 0 is background.
    label_map : dict of int to int
        Labels that are renamed before they are looked at, such as ``{3: 4}`` for BraTS 2023.
    max_failed_fraction : float
        Share of quarantined cases above which the run stops.
    max_tumour_fraction : float
        Largest share of the brain that a believable tumour covers.
    spacing_tolerance_mm, affine_tolerance_mm : float
        How far grids may differ and still be the same grid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    required_modalities: tuple[str, ...] = Field(default=MODALITIES, min_length=1)
    allowed_labels: tuple[int, ...] = Field(default=(0, 1, 2, 4), min_length=2)
    label_map: dict[int, int] = Field(default={})
    max_failed_fraction: float = Field(default=0.2, ge=0, le=1)
    max_tumour_fraction: float = Field(default=0.6, gt=0, le=1)
    spacing_tolerance_mm: float = Field(default=1e-3, ge=0)
    affine_tolerance_mm: float = Field(default=1e-2, ge=0)

    @field_validator("required_modalities")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(names) - set(MODALITIES))
        if unknown or len(set(names)) != len(names):
            raise ValueError(
                f"required_modalities must be some of {', '.join(MODALITIES)}, each once, got {names}"
            )
        return names
