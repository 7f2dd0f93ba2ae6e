"""Settings of Grad-CAM."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gliomics.errors import unknown_name

USUAL_BACKGROUND = "t1ce"


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OverlaySettings(_Settings):
    """The pictures of a heatmap over the scan.

    Attributes
    ----------
    background : str or None
        Modality under the map of a network that sees all modalities; a pass of one lies over its own. None
        takes `USUAL_BACKGROUND` where the cohort has it, else the cohort's first modality.
    height_px : int
        Of a panel; there are three.
    quality : int
        Of the WebP file.
    opacity : float
        Of the largest heat.
    slices_through : str
        ``tumour``: its centre of mass; ``heat``: the voxel of the largest heat.
    """

    background: str | None = None
    height_px: int = Field(default=160, ge=48, le=1024)
    quality: int = Field(default=70, ge=10, le=100)
    opacity: float = Field(default=0.65, gt=0, le=1)
    slices_through: Literal["tumour", "heat"] = "tumour"

    def background_of(self, modalities: tuple[str, ...]) -> str:
        """Give the modality under a map.

        Raises
        ------
        SettingsError
            ``unknown_modality`` if the one that is asked for is none of the cohort's.
        """
        if self.background is None:
            return USUAL_BACKGROUND if USUAL_BACKGROUND in modalities else modalities[0]
        if self.background not in modalities:
            raise unknown_name(
                self.background, modalities, where="reporting.grad_cam.overlay.background", what="modality"
            )
        return self.background


class GradCamSettings(_Settings):
    """How the maps of the deep arm are judged and how many are kept.

    Attributes
    ----------
    enabled : bool
        Whether maps are made at all.
    min_agreement : float
        Spearman correlation with the arm's out-of-fold scores that a surrogate head must reach
        (PROTOCOL 8).
    margin_mm : float
        Thickness of the shell around the whole tumour that is a region of its own.
    randomisations : int
        Draws of each randomisation control; 0 leaves them out, and the summary says so.
    max_saved_patients : int
        Patients, in the order of their ids, whose maps are saved and drawn; figures are made of everybody.
    overlay : OverlaySettings
        The pictures.

    References
    ----------
    PROTOCOL 8.
    """

    enabled: bool = True
    min_agreement: float = Field(default=0.8, ge=0, le=1)
    margin_mm: float = Field(default=5.0, gt=0, le=40)
    randomisations: int = Field(default=2, ge=0, le=100)
    max_saved_patients: int = Field(default=100, ge=0, le=10_000)
    overlay: OverlaySettings = OverlaySettings()
