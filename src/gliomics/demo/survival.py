"""The generating model: latent heterogeneity and extent, age and grade drive survival (PROTOCOL 10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CUTOFF_DAYS: Final = 730.5
MEDIAN_DAYS: Final = 900.0
CENSORING_DAYS: Final = (150.0, 3000.0)
SHARES: Final = {"short": 0.4, "long": 0.475, "censored": 0.125}

Outcome = Literal["short", "long", "censored"]


@dataclass(frozen=True)
class SurvivalModel:
    """How survival follows from the latent quantities.

    Attributes
    ----------
    heterogeneity, extent, age, grade : float
        Weights of the standardised quantities in the linear predictor of log survival.
    effect : float
        Scale of the predictor.
    spread : float
        Scale of the extreme-value noise of log survival.
    """

    heterogeneity: float = 0.75
    extent: float = 0.55
    age: float = 0.3
    grade: float = 0.35
    effect: float = 0.62
    spread: float = 0.62

    def risk(self, latents: Latents) -> NDArray[np.float64]:
        """Linear predictor: the higher, the shorter the survival. Shape (n,)."""
        return (
            self.heterogeneity * latents.heterogeneity
            + self.extent * latents.extent
            + self.age * latents.age
            + self.grade * latents.grade
        )


DEMO_MODEL: Final = SurvivalModel()
"""The true AUC is 0.80, found once on 200,000 draws."""


@dataclass(frozen=True)
class Latents:
    """The generating quantities of n patients.

    Attributes
    ----------
    heterogeneity, extent, age, grade : ndarray, shape (n,)
        Standardised; grade is -1 (G2) or 1 (G3).
    survival_days : ndarray, shape (n,)
        True survival from diagnosis, in whole days, as the records carry it.
    follow_up_days : ndarray, shape (n,)
        Day of the last contact, were the patient to live; whole days too.
    """

    heterogeneity: NDArray[np.float64]
    extent: NDArray[np.float64]
    age: NDArray[np.float64]
    grade: NDArray[np.float64]
    survival_days: NDArray[np.float64]
    follow_up_days: NDArray[np.float64]

    @property
    def risk(self) -> NDArray[np.float64]:
        """Linear predictor of the demonstration cohort's model. Shape (n,)."""
        return DEMO_MODEL.risk(self)

    @property
    def benefit(self) -> NDArray[np.int64]:
        """True label: 1 if survival reaches the cut-off. Shape (n,)."""
        return (self.survival_days >= CUTOFF_DAYS).astype(np.int64)

    def outcome(self, index: int) -> Outcome:
        """Say what a study would observe of one patient."""
        observed = min(self.survival_days[index], self.follow_up_days[index])
        if observed >= CUTOFF_DAYS:
            return "long"
        return "short" if self.survival_days[index] <= self.follow_up_days[index] else "censored"

    def take(self, rows: list[int]) -> Latents:
        """Return some of the patients, in the given order."""
        return Latents(**{name: values[rows] for name, values in self.__dict__.items()})


def draw_latents(n: int, rng: np.random.Generator, model: SurvivalModel = DEMO_MODEL) -> Latents:
    """Draw patients from the generating model: accelerated failure time with extreme-value noise.

    Parameters
    ----------
    n : int
        Number of patients.
    rng : Generator
        Source of chance.
    model : SurvivalModel
        How survival follows from the quantities.

    Returns
    -------
    Latents
        Independent patients.
    """
    heterogeneity, extent, age = rng.standard_normal((3, n))
    grade = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    follow_up = np.ceil(rng.uniform(*CENSORING_DAYS, n))
    drawn = Latents(heterogeneity, extent, age, grade, np.zeros(n), follow_up)
    noise = np.log(rng.exponential(size=n)) + np.euler_gamma
    days = np.exp(np.log(MEDIAN_DAYS) - model.effect * model.risk(drawn) + model.spread * noise)
    return replace(drawn, survival_days=np.ceil(np.clip(days, 20.0, 6000.0)))


def draw_cohort(n: int, rng: np.random.Generator, model: SurvivalModel = DEMO_MODEL) -> Latents:
    """Draw patients until each outcome has its share.

    Quotas fix how many are short, long and censored; who of a class is drawn stays untouched by them, and no
    seed has to be looked for.

    Parameters
    ----------
    n : int
        Number of patients.
    rng : Generator
        Source of chance.
    model : SurvivalModel
        How survival follows from the quantities.

    Returns
    -------
    Latents
        n patients in the order in which they came.
    """
    quota = {name: int(share * n) for name, share in SHARES.items()}
    quota["long"] += n - sum(quota.values())
    parts: list[Latents] = []
    while any(quota.values()):
        batch = draw_latents(4 * n, rng, model)
        rows: list[int] = []
        for index in range(4 * n):
            outcome = batch.outcome(index)
            if quota[outcome]:
                quota[outcome] -= 1
                rows.append(index)
        parts.append(batch.take(rows))
    return Latents(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in parts[0].__dict__}
    )
