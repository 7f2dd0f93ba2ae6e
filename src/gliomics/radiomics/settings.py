"""Settings of radiomic feature extraction."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gliomics.radiomics.feature_classes import get_feature_class

Normalisation = Literal["brain_zscore", "whole_image", "none"]
Engine = Literal["native", "pyradiomics"]
MaskInterpolation = Literal["nearest", "label_gaussian"]


class RadiomicsSettings(BaseModel):
    """What is measured, on which regions and after which preparation (PROTOCOL section 6).

    Attributes
    ----------
    modalities : tuple of str
        Images, in the order of the columns.
    regions : dict of str to tuple of int
        Labels that make up each region.
    label_map : dict of int to int
        Labels that are renamed first, such as ``{3: 4}`` for BraTS 2023.
    n4 : bool
        Correct the bias field (N4) before everything else.
    resampling_spacing_mm : float or None
        Isotropic voxel size; none keeps the file's grid.
    mask_interpolation : str
        How the segmentation follows a resampled image.
    normalisation : str
        ``brain_zscore``: z-score over the voxels of the image that are not zero; ``whole_image``:
        pyradiomics' own, over every voxel; ``none``: as in the file.
    normalisation_scale : float
        Factor after the z-score.
    voxel_array_shift : float
        Added to intensities in energy, total energy and root mean squared.
    bin_width : float or None
        Width of a grey level. The default gives 29 to 133 levels over regions and modalities of a real
        low-grade glioma.
    bin_count : int or None
        Number of grey levels instead; exactly one of the two is set.
    feature_classes : tuple of str
        Names in `gliomics.radiomics.feature_classes.FEATURE_CLASSES`.
    log_sigmas_mm : tuple of float
        Laplacian of Gaussian images to add.
    wavelet : bool
        Add the eight images of one coiflet-1 decomposition.
    engine : str
        ``native`` or ``pyradiomics``, which is slow and the reference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    modalities: tuple[str, ...] = Field(default=("t1", "t1ce", "t2", "flair"), min_length=1)
    regions: dict[str, tuple[int, ...]] = Field(
        default={"et": (4,), "tc": (1, 4), "wt": (1, 2, 4)}, min_length=1
    )
    label_map: dict[int, int] = Field(default={})
    n4: bool = False
    resampling_spacing_mm: float | None = Field(default=None, gt=0, le=10)
    mask_interpolation: MaskInterpolation = "nearest"
    normalisation: Normalisation = "brain_zscore"
    normalisation_scale: float = Field(default=100.0, gt=0)
    voxel_array_shift: float = Field(default=300.0)
    bin_width: float | None = Field(default=6.0, gt=0)
    bin_count: int | None = Field(default=None, ge=2, le=1024)
    feature_classes: tuple[str, ...] = Field(default=("shape", "firstorder", "glcm", "glrlm"), min_length=1)
    log_sigmas_mm: tuple[float, ...] = ()
    wavelet: bool = False
    engine: Engine = "native"

    @field_validator("modalities", "feature_classes", "log_sigmas_mm")
    @classmethod
    def _each_once(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) != len(values):
            raise ValueError(f"each must be named once, got {values}")
        return values

    @property
    def mask_classes(self) -> tuple[str, ...]:
        """Classes that are measured once a region."""
        return tuple(name for name in self.feature_classes if get_feature_class(name).of_mask)

    @property
    def image_classes(self) -> tuple[str, ...]:
        """Classes that are measured on every image of a region."""
        return tuple(name for name in self.feature_classes if not get_feature_class(name).of_mask)

    @field_validator("log_sigmas_mm")
    @classmethod
    def _positive_sigmas(cls, sigmas: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < sigma <= 20 for sigma in sigmas):
            raise ValueError(f"log_sigmas_mm must lie above 0 and at most at 20 mm, got {sigmas}")
        return sigmas

    @model_validator(mode="after")
    def _classes_can_be_measured(self) -> Self:
        alone = [name for name in self.feature_classes if not get_feature_class(name).in_pyradiomics]
        if alone and self.engine == "pyradiomics":
            raise ValueError(
                f"engine pyradiomics has no classes {', '.join(alone)}; choose the engine native"
            )
        return self

    @model_validator(mode="after")
    def _names_and_bins(self) -> Self:
        if (self.bin_width is None) == (self.bin_count is None):
            raise ValueError(
                f"exactly one of bin_width and bin_count must be set, got {self.bin_width} and "
                f"{self.bin_count}; write null for the other"
            )
        bad = [
            n
            for n in (*self.modalities, *self.regions)
            if not (n.isalnum() and n.islower() and n[0].isalpha())
        ]
        if bad or "mask" in self.modalities:
            raise ValueError(
                f"modalities and regions must be lower-case words other than mask, got {bad or 'mask'}"
            )
        empty = [region for region, labels in self.regions.items() if not labels or 0 in labels]
        if empty:
            raise ValueError(f"regions must have labels other than 0, got none or 0 for {empty}")
        return self
