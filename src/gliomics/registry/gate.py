"""The gate: whether a registered version may become the champion. A pure decision over figures and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gliomics.errors import look_up
from gliomics.evaluation.results import HONEST
from gliomics.model_package.smoke_prediction import SMOKE_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Verdict = Literal["passes", "fails", "not testable", "not covered"]
UNFORCEABLE: frozenset[str] = frozenset({"protocol", "artefacts", "smoke_prediction"})
"""Nothing overrides these: a leaked figure is no figure, and other bytes are another model."""


class GateLimits(BaseModel):
    """What the gate demands.

    Attributes
    ----------
    auc_low : float
        The lower bound of the AUC must be above it.
    champion_margin : float
        The lower bound of the AUC difference to the champion's settings must be above minus this.
    minority : int
        Patients of the smaller class; with fewer, figures are not testable.
    calibration_slope : (float, float)
        Where the slope must lie.
    calibration_intercept : float
        Largest absolute intercept in the large.
    smoke_tolerance : float
        How far the prediction of the stored example may be from the stored prediction.
    bootstrap : int
        Resamples of patients for the differences; `confidence` is theirs, two-sided.
    warn_only : tuple of str
        Criteria that only warn, whatever their verdict.
    warn_if_untested : tuple of str
        Criteria that only warn when they are not testable or not covered; if they fail they refuse.
    allow_force : bool
        Whether ``--force`` exists at all.

    References
    ----------
    PROTOCOL 9.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    auc_low: float = Field(default=0.5, ge=0, le=1)
    champion_margin: float = Field(default=0.05, ge=0, le=0.5)
    minority: int = Field(default=20, ge=2)
    calibration_slope: tuple[float, float] = (0.5, 2.0)
    calibration_intercept: float = Field(default=0.5, gt=0)
    smoke_tolerance: float = Field(default=SMOKE_TOLERANCE, ge=0, le=1e-3)
    bootstrap: int = Field(default=2000, ge=100, le=100_000)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    warn_only: tuple[str, ...] = ()
    warn_if_untested: tuple[str, ...] = ()
    allow_force: bool = False

    @field_validator("warn_only", "warn_if_untested")
    @classmethod
    def _can_be_softened(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        soft = {name: judge for name, judge in CRITERIA.items() if name not in UNFORCEABLE}
        for name in names:
            look_up(soft, name, where="registry.gate", what="a criterion that may only warn")
        return names


@dataclass(frozen=True)
class PairedDifference:
    """Within-fold AUC of the candidate minus that of another, on the same patients and folds.

    Attributes
    ----------
    difference, low, high : float
        With its paired bootstrap interval.
    n : int
        Patients whom both scored.
    """

    difference: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PromotionEvidence:
    """All that is known of a version when it asks to become the champion.

    Attributes
    ----------
    arm, protocol : str
        Of the version.
    figures : mapping
        The arm's figures in the metrics file of its run, for the primary population.
    clinical, champion : PairedDifference or str
        Differences to the clinical baseline and to the champion's settings, or why there is none. An empty
        text: there is nothing to compare with, as for the first champion.
    unclean : tuple of str
        What was not committed when the run started, or not known.
    commit : str or None
        Of the code.
    data_version : str or None
        Tag of the saved data version that the run's data hashes belong to.
    data_missing : tuple of str
        Why the data version is not safe: not saved, objects that the remote lacks.
    artefacts_differ : tuple of str
        Files of the registered version whose hash is not the stored one.
    smoke_difference : float or None
        Largest distance of the example's prediction from the stored one; None if it could not be predicted.
    """

    arm: str
    protocol: str
    figures: Mapping[str, Any]
    clinical: PairedDifference | str = ""
    champion: PairedDifference | str = ""
    unclean: tuple[str, ...] = ("no lineage was recorded",)
    commit: str | None = None
    data_version: str | None = None
    data_missing: tuple[str, ...] = ()
    artefacts_differ: tuple[str, ...] = ()
    smoke_difference: float | None = None


@dataclass(frozen=True)
class Criterion:
    """One line of the gate's table; `refuses` tells whether its verdict is in the way."""

    name: str
    limit: str
    value: str
    verdict: Verdict
    refuses: bool = False


@dataclass(frozen=True)
class Decision:
    """What the gate says: every criterion, in order."""

    criteria: list[Criterion] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing is in the way."""
        return not any(criterion.refuses for criterion in self.criteria)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is refused."""
        return tuple(_said(criterion) for criterion in self.criteria if criterion.refuses)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What did not pass and is let through."""
        return tuple(_said(c) for c in self.criteria if c.verdict != "passes" and not c.refuses)

    @property
    def forceable(self) -> bool:
        """Whether a person may overrule what is in the way."""
        return not any(criterion.refuses and criterion.name in UNFORCEABLE for criterion in self.criteria)


def decide_promotion(evidence: PromotionEvidence, limits: GateLimits) -> Decision:
    """Hold a version against the limits.

    Parameters
    ----------
    evidence : PromotionEvidence
        What is known of it.
    limits : GateLimits
        Of the environment.

    Returns
    -------
    Decision
        One criterion an entry of `CRITERIA`.

    References
    ----------
    PROTOCOL 9.
    """
    return Decision([_weighed(name, judge(evidence, limits), limits) for name, judge in CRITERIA.items()])


_Finding = tuple[str, str, Verdict]
"""Limit and value in words, and the verdict."""


def _weighed(name: str, finding: _Finding, limits: GateLimits) -> Criterion:
    limit, value, verdict = finding
    untested = verdict in ("not testable", "not covered")
    soft = name in limits.warn_only or (untested and name in limits.warn_if_untested)
    return Criterion(name, limit, value, verdict, refuses=verdict != "passes" and not soft)


def _said(criterion: Criterion) -> str:
    return f"{criterion.name} {criterion.verdict}: {criterion.value} (limit: {criterion.limit})"


def _verdict(holds: bool) -> Verdict:
    return "passes" if holds else "fails"


def _protocol(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:  # noqa: ARG001
    return HONEST, evidence.protocol, _verdict(evidence.protocol == HONEST)


def _permutation_control(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:  # noqa: ARG001
    control = evidence.figures.get("permutation_control") or {}
    limit = "mean AUC of permuted labels within its bound"
    if control.get("passed") is None:
        return limit, str(control.get("reason", "no control was made")), "not covered"
    value = f"{control['mean']:.3f}, bound {control['bound']:.3f}, n = {control['n']}"
    if control.get("status") == "not informative":
        weak = f"{value}: could have seen a leak with a power of {control['power']:.0%} only"
        return limit, weak, "not testable"
    return limit, value, _verdict(bool(control["passed"]))


def _auc_low(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:
    auc = evidence.figures.get("auc") or {}
    limit = f"lower bound above {limits.auc_low:g}"
    if auc.get("low") is None:
        return limit, "no interval", "not testable"
    value = f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})"
    return limit, value, _verdict(auc["low"] > limits.auc_low)


def _minority(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:
    n = min(int(evidence.figures.get("n_long", 0)), int(evidence.figures.get("n_short", 0)))
    limit = f"at least {limits.minority} patients in the smaller class"
    return limit, str(n), "passes" if n >= limits.minority else "not testable"


def _clinical_baseline(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:  # noqa: ARG001
    return _difference(evidence.clinical, 0.0, "better than the clinical baseline")


def _champion(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:
    what = f"not worse than the champion's settings by {limits.champion_margin:g}"
    return _difference(evidence.champion, -limits.champion_margin, what)


def _difference(found: PairedDifference | str, least: float, limit: str) -> _Finding:
    if isinstance(found, str):
        return limit, found or "nothing to compare with", "not testable" if found else "passes"
    value = f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f}), n = {found.n}"
    return limit, value, _verdict(found.low > least)


def _calibration(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:
    low, high = limits.calibration_slope
    limit = f"slope {low:g} to {high:g}, intercept within {limits.calibration_intercept:g}"
    found = evidence.figures.get("calibration") or {}
    slope, intercept = ((found.get(name) or {}).get("value") for name in ("slope", "intercept"))
    if slope is None or intercept is None:
        return limit, str(found.get("status", "not computed")), "not testable"
    holds = low <= slope <= high and abs(intercept) <= limits.calibration_intercept
    return limit, f"slope {slope:.2f}, intercept {intercept:+.2f}", _verdict(holds)


def _trained_weights(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:  # noqa: ARG001
    untrained = evidence.figures.get("untrained") or []
    value = f"UNTRAINED: {', '.join(untrained)}" if untrained else "none untrained"
    return "no network with untrained weights", value, _verdict(not untrained)


def _clean_code(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:  # noqa: ARG001
    value = "; ".join(evidence.unclean) or f"commit {(evidence.commit or '?')[:10]}"
    return "code, settings and constraints committed at run start", value, _verdict(not evidence.unclean)


def _data_version(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:  # noqa: ARG001
    problems = evidence.data_missing
    if evidence.data_version is None:
        problems = problems or ("none holds this run's data: `gliomics data snapshot`",)
    value = "; ".join(problems) or str(evidence.data_version)
    return "data version saved and in the remote", value, _verdict(not problems)


def _artefacts(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:  # noqa: ARG001
    differ = evidence.artefacts_differ
    value = f"{len(differ)} differ: {', '.join(differ[:3])}" if differ else "all equal"
    return "files have their stored sha256", value, _verdict(not differ)


def _smoke_prediction(evidence: PromotionEvidence, limits: GateLimits) -> _Finding:
    limit = f"equal to the stored one within {limits.smoke_tolerance:g}"
    if evidence.smoke_difference is None:
        return limit, "it does not predict", "fails"
    holds = evidence.smoke_difference <= limits.smoke_tolerance
    return limit, f"difference {evidence.smoke_difference:.1e}", _verdict(holds)


CRITERIA: Mapping[str, Callable[[PromotionEvidence, GateLimits], _Finding]] = {
    "protocol": _protocol,
    "permutation_control": _permutation_control,
    "auc_low": _auc_low,
    "minority": _minority,
    "clinical_baseline": _clinical_baseline,
    "champion": _champion,
    "calibration": _calibration,
    "trained_weights": _trained_weights,
    "clean_code": _clean_code,
    "data_version": _data_version,
    "artefacts": _artefacts,
    "smoke_prediction": _smoke_prediction,
}
"""How each criterion is judged, in the order of the table. A new one is a function above and a line here."""
