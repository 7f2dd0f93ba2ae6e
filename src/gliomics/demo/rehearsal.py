"""The rehearsal cohort: synthetic patients with a planted signal, to practise strict promotions on.

No scans: clinical records and a panel only, so that a run is quick. Two of its features follow the latent
quantities that drive survival; age and grade hardly do. That a model of it passes the gate shows that
servers, registry and gate work, and nothing about patients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from gliomics.demo.panel import MODALITIES, REGIONS
from gliomics.demo.patients import make_patients
from gliomics.demo.settings import DemoSettings
from gliomics.demo.survival import SurvivalModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gliomics.demo.panel import Row
    from gliomics.demo.patients import SyntheticPatient

REHEARSAL_MODEL: Final = SurvivalModel(
    heterogeneity=0.75, extent=0.6, age=0.1, grade=0.1, effect=0.8, spread=0.3
)
"""Survival follows the planted features. Set from what a gate needs, before any run: discrimination
far above chance and far above that of age and grade."""

PLANTED: Final = {"TEXTURE_GLOBAL_NET_FLAIR_Variance": "heterogeneity", "VOLUME_WT": "extent"}
"""Features that carry the signal, and the latent quantity that each follows."""

NOISE: Final = 0.3
"""Standard deviation of the measurement of a latent quantity."""

BRAIN_MM3: Final = 1_400_000.0
WHOLE_MM3: Final = 60_000.0
SHARES: Final = {"ET": 0.15, "NET": 0.35, "ED": 0.5}


class RehearsalSettings(BaseModel):
    """How many synthetic patients, and the seed that they follow from.

    Attributes
    ----------
    patients : int
        At least 100, so that the smaller class of the treated has more than the 20 that the strict gate asks.
    seed : int
        The cohort is data: its seed is its own, not that of a run. It was not chosen by any result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: int = Field(default=200, ge=100, le=1_200)
    seed: int = Field(default=1, ge=0)


def rehearsal_patients(settings: RehearsalSettings) -> list[SyntheticPatient]:
    """Draw the patients of the rehearsal cohort, sorted by id."""
    return make_patients(DemoSettings(patients=settings.patients, seed=settings.seed), REHEARSAL_MODEL)


def rehearsal_panel(patients: Sequence[SyntheticPatient], seed: int) -> list[Row]:
    """Draw the panel: the planted features with noise, all others noise alone.

    Parameters
    ----------
    patients : sequence of SyntheticPatient
        Those whose scans would have been whole.
    seed : int
        Of the cohort.

    Returns
    -------
    list of dict of str to str
        A row a patient, its columns named as in the published panel. Without enhancement ``VOLUME_ET`` is 0
        and the features of that region are ``NaN``.
    """
    rng = np.random.default_rng([seed, 1])
    return [_row(patient, rng) for patient in patients]


def _row(patient: SyntheticPatient, rng: np.random.Generator) -> Row:
    row: Row = {"ID": patient.subject_id, "Date": patient.scan_date}
    measured = {
        name: getattr(patient, latent) + NOISE * rng.standard_normal() for name, latent in PLANTED.items()
    }
    row |= _volumes(patient, measured["VOLUME_WT"], rng.uniform(0.8, 1.2, len(SHARES)))
    for region in REGIONS:
        for modality in MODALITIES:
            absent = region == "ET" and not patient.enhancing
            drawn = {
                f"INTENSITY_Mean_{region}_{modality}": 128 + 32 * rng.standard_normal(),
                f"INTENSITY_STD_{region}_{modality}": 20 * np.exp(0.2 * rng.standard_normal()),
                f"TEXTURE_GLOBAL_{region}_{modality}_Variance": 400 * np.exp(0.3 * rng.standard_normal()),
                f"TEXTURE_GLOBAL_{region}_{modality}_Skewness": 0.5 * rng.standard_normal(),
                f"TEXTURE_GLOBAL_{region}_{modality}_Kurtosis": 3 + 0.5 * rng.standard_normal(),
            }
            for name, value in drawn.items():
                planted = 400 * np.exp(0.3 * measured[name]) if name in measured else value
                row[name] = "NaN" if absent else f"{planted:.7g}"
    return row


def _volumes(patient: SyntheticPatient, extent: float, wobble: NDArray[np.float64]) -> Row:
    """Split a whole tumour, whose logarithm follows the extent, into its regions."""
    shares = {region: share * factor for (region, share), factor in zip(SHARES.items(), wobble, strict=True)}
    if not patient.enhancing:
        shares["ET"] = 0.0
    whole = WHOLE_MM3 * np.exp(0.4 * extent)
    parts = {region: whole * share / sum(shares.values()) for region, share in shares.items()}
    volumes = {**parts, "TC": parts["ET"] + parts["NET"], "WT": whole, "BRAIN": BRAIN_MM3}
    return {f"VOLUME_{region}": f"{volume:.7g}" for region, volume in volumes.items()}
