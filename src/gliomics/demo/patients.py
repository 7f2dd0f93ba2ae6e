"""Who the synthetic patients are: ids, treatment, and which of them are broken on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from gliomics.demo.settings import SITES, DemoSettings
from gliomics.demo.survival import DEMO_MODEL, Outcome, SurvivalModel, draw_cohort

if TYPE_CHECKING:
    from numpy.typing import NDArray

Fault = Literal["none", "missing_modality", "empty_segmentation", "grid_mismatch"]
FAULTS: Final[tuple[Fault, ...]] = ("missing_modality", "empty_segmentation", "grid_mismatch")
UNTREATED_SHARE: Final = 0.15
NO_ENHANCEMENT_SHARE: Final = 0.22
NO_MANUAL_MASK_SHARE: Final = 0.15
_BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class SyntheticPatient:
    """One patient of the demonstration cohort.

    Attributes
    ----------
    subject_id : str
        Shaped as a TCGA barcode; its third part starts with SY for synthetic.
    heterogeneity, extent : float
        Latent, standardised.
    age_years : float
        At diagnosis.
    grade : int
        2 or 3.
    sex : str
        ``female`` or ``male``.
    survival_days, follow_up_days : int
        Dead after `survival_days` if that is at most `follow_up_days`, else alive at the latter.
    chemotherapy : str
        ``yes``, ``no`` or ``not reported``, as the GDC writes it.
    enhancing, manual_mask : bool
        Whether the tumour enhances; whether a manually corrected mask exists.
    fault : str
        What is broken in the scans, or ``none``.
    scan_date : str
        ``YYYY.MM.DD``.
    """

    subject_id: str
    heterogeneity: float
    extent: float
    age_years: float
    grade: int
    sex: str
    survival_days: int
    follow_up_days: int
    chemotherapy: str
    enhancing: bool
    manual_mask: bool
    fault: Fault
    scan_date: str

    @property
    def dead(self) -> bool:
        """Whether the death was observed."""
        return self.survival_days <= self.follow_up_days


def make_patients(settings: DemoSettings, model: SurvivalModel = DEMO_MODEL) -> list[SyntheticPatient]:
    """Draw the cohort.

    Parameters
    ----------
    settings : DemoSettings
        Number and seed.
    model : SurvivalModel
        How survival follows from the latent quantities.

    Returns
    -------
    list of SyntheticPatient
        Sorted by id. Of 40 patients 16 are short and 19 long survivors; at most one of each class is broken
        and the untreated are spread over both, so that at least 10 of each remain whatever the seed.
    """
    rng = np.random.default_rng([settings.seed, 0])
    n = settings.patients
    latents = draw_cohort(n, rng, model)
    order = rng.permutation(n)
    outcomes: list[Outcome] = [latents.outcome(int(index)) for index in order]
    chemotherapy = _treatments(outcomes)
    faults = _faults(outcomes, chemotherapy)
    enhancing = _share(n, 1 - NO_ENHANCEMENT_SHARE, rng)
    manual = _share(n, 1 - NO_MANUAL_MASK_SHARE, rng)
    people = []
    for position, index in enumerate(order):
        site, number = SITES[position % len(SITES)], position + 1
        people.append(
            SyntheticPatient(
                subject_id=f"TCGA-{site}-SY{_BASE36[number // 36]}{_BASE36[number % 36]}",
                heterogeneity=float(latents.heterogeneity[index]),
                extent=float(latents.extent[index]),
                age_years=float(np.clip(44.0 + 13.0 * latents.age[index], 18.0, 85.0)),
                grade=3 if latents.grade[index] > 0 else 2,
                sex="male" if rng.random() < 0.55 else "female",
                survival_days=int(latents.survival_days[index]),
                follow_up_days=int(latents.follow_up_days[index]),
                chemotherapy=chemotherapy[position],
                enhancing=bool(enhancing[position]),
                manual_mask=bool(manual[position]),
                fault=faults[position],
                scan_date=_date(rng),
            )
        )
    return sorted(people, key=lambda patient: patient.subject_id)


def _date(rng: np.random.Generator) -> str:
    return f"{rng.integers(1996, 2009)}.{rng.integers(1, 13):02d}.{rng.integers(1, 28):02d}"


def _share(n: int, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    flags = np.zeros(n, dtype=bool)
    flags[rng.permutation(n)[: round(share * n)]] = True
    return flags


def _treatments(outcomes: list[Outcome]) -> list[str]:
    """Leave a fixed share untreated, one short survivor to two long ones, and one long one unreported."""
    n_untreated = round(UNTREATED_SHARE * len(outcomes))
    left: dict[Outcome, int] = {
        "short": n_untreated // 3,
        "long": n_untreated - n_untreated // 3,
        "censored": 0,
    }
    treatments = []
    unreported = 1
    for outcome in outcomes:
        if left[outcome]:
            left[outcome] -= 1
            treatments.append("no")
        elif outcome == "long" and unreported:
            unreported -= 1
            treatments.append("not reported")
        else:
            treatments.append("yes")
    return treatments


def _faults(outcomes: list[Outcome], chemotherapy: list[str]) -> list[Fault]:
    """Break one case of each outcome, so that no class loses more than one."""
    broken: dict[Outcome, Fault] = dict(zip(("short", "long", "censored"), FAULTS, strict=True))
    faults: list[Fault] = []
    for outcome, given in zip(outcomes, chemotherapy, strict=True):
        faults.append(broken.pop(outcome, "none") if given == "yes" else "none")
    return faults
