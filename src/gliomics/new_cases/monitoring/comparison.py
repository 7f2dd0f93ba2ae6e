"""New cases beside the training patients: every column, the score, the regions, the quarantine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from gliomics.cohort.presence import region_of
from gliomics.new_cases.monitoring.stability_index import (
    NoChange,
    more_missing_probability,
    outside_probability,
    stability_index,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.model_package.training_profile import ColumnProfile, TrainingProfile
    from gliomics.new_cases.monitoring.settings import MonitoringSettings

KINDS = ("psi", "outside_share", "missing_increase")
PARTS = 2 * len(KINDS) + 2
"""What the probability of a false alarm is shared among: three tests of the columns that the model uses, the
same of the others, the score, the quarantine."""


@dataclass(frozen=True)
class NewCases:
    """What came in.

    Attributes
    ----------
    columns : tuple of str
        The model's.
    values : array, shape (cases, columns)
        As the model sees them; missing as NaN.
    scores : array, shape (cases,)
        The model's.
    used : frozenset of str
        Columns that move the model's score.
    not_given : tuple of str
        Columns that this kind of input can not hold, such as the age where only scans came. They are not
        compared.
    outcomes : tuple of (str, str, str)
        Of every case that came in: subject, ``processed`` or ``failed``, reason.
    """

    columns: tuple[str, ...]
    values: NDArray[np.float64]
    scores: NDArray[np.float64]
    used: frozenset[str]
    not_given: tuple[str, ...] = ()
    outcomes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class ColumnFinding:
    """One column: what is different, and how probable that is without any change."""

    column: str
    used: bool
    known: int
    psi: float
    psi_expected: float
    psi_everyday: float
    psi_probability: float
    outside_share: float
    outside_probability: float
    missing_share: float
    missing_share_training: float
    missing_probability: float

    def effects(self) -> dict[str, tuple[float, float]]:
        """Give effect and probability of each test, by the name of its limit."""
        return {
            "psi": (self.psi, self.psi_probability),
            "outside_share": (self.outside_share, self.outside_probability),
            "missing_increase": (
                self.missing_share - self.missing_share_training,
                self.missing_probability,
            ),
        }


@dataclass(frozen=True)
class ScoreFinding:
    """The score against one reference."""

    reference: str
    psi: float
    psi_expected: float
    psi_everyday: float
    probability: float
    counts_training: tuple[int, ...]
    counts_new: tuple[int, ...]
    edges: tuple[float, ...]


@dataclass(frozen=True)
class Alarm:
    """A limit that is exceeded, where, and by what; `probability` is that without any change."""

    limit: str
    where: str
    value: float
    allowed: float
    probability: float
    used: bool


@dataclass(frozen=True)
class Comparison:
    """All findings.

    Attributes
    ----------
    cases, quarantined : int
        New cases that could be used, and that could not.
    training : int
        Patients that the model was fitted on.
    tested : bool
        False where there are too few cases: then nothing is an alarm.
    columns : tuple of ColumnFinding
        Those that the model uses first, the largest index first.
    scores : tuple of ScoreFinding
        Against training patients' scores out of fold, and fitted.
    reasons : tuple of (str, str)
        Subject and reason of what was quarantined.
    alarms : tuple of Alarm
        Exceeded limits.
    not_given : tuple of str
        Columns that were not compared.
    """

    cases: int
    quarantined: int
    training: int
    tested: bool
    columns: tuple[ColumnFinding, ...]
    scores: tuple[ScoreFinding, ...]
    reasons: tuple[tuple[str, str], ...]
    alarms: tuple[Alarm, ...] = field(default=())
    not_given: tuple[str, ...] = ()


def compare(
    profile: TrainingProfile, new: NewCases, settings: MonitoringSettings, *, seed: int
) -> Comparison:
    """Compare new cases with a model's training patients.

    Parameters
    ----------
    profile : TrainingProfile
        Travels with the model.
    new : NewCases
        What came in.
    settings : MonitoringSettings
        Limits.
    seed : int
        Of the draws behind probabilities.

    Returns
    -------
    Comparison
        The same for the same input and seed. The probability that it holds any alarm although nothing has
        changed is at most ``false_alarm``: that is shared equally among eight parts (each of three tests, of
        the columns that the model uses and of the others; the score; the quarantine) and inside a part among
        its columns (Bonferroni, valid however features depend on each other).
    """
    enough = int(2 * PARTS * len(new.columns) / settings.false_alarm)
    chance = NoChange(seed, max(settings.draws, enough))
    hidden = frozenset(new.not_given)
    findings = [
        _column(profile.columns[name], name, new.values[:, place], chance, used=name in new.used)
        for place, name in enumerate(new.columns)
        if name not in hidden and name in profile.columns
    ]
    findings.sort(key=lambda found: (not found.used, -found.psi, found.column))
    references = {"out of fold": profile.out_of_fold, "fitted": profile.fitted}
    scores = tuple(
        _score(name, reference, new.scores, chance)
        for name, reference in references.items()
        if reference is not None and len(new.scores)
    )
    failed = tuple((subject, reason) for subject, status, reason in new.outcomes if status != "processed")
    tested = len(new.values) >= settings.min_cases
    alarms = _columns_over(findings, settings) if tested else []
    if tested and not (new.used & hidden):
        alarms += _score_over(scores, settings)
    alarms += _quarantine_over(len(failed), len(new.outcomes), settings)
    return Comparison(
        cases=len(new.values),
        quarantined=len(failed),
        training=profile.patients,
        tested=tested,
        columns=tuple(findings),
        scores=scores,
        reasons=failed,
        alarms=tuple(alarms),
        not_given=tuple(sorted(hidden)),
    )


def facts(comparison: Comparison, settings: MonitoringSettings) -> dict[str, object]:
    """Give a comparison as what JSON can hold; figures that do not exist are null."""
    columns = [_plain(vars(found)) for found in comparison.columns]
    rest = {key: value for key, value in vars(comparison).items() if key not in {"columns", "reasons"}}
    return {
        **rest,
        "scores": [vars(found) for found in comparison.scores],
        "alarms": [vars(alarm) for alarm in comparison.alarms],
        "quarantine": [{"subject_id": s, "reason": r} for s, r in comparison.reasons],
        "columns": columns,
        "limits": settings.model_dump(mode="json"),
    }


def _column(
    profile: ColumnProfile, name: str, values: NDArray[np.float64], chance: NoChange, *, used: bool
) -> ColumnFinding:
    known = values[np.isfinite(values)]
    before = profile.known + profile.missing
    region = region_of(name) is not None
    missing = int((known == 0).sum()) if region else len(values) - len(known)
    missing_before = _absent(profile) if region else profile.missing
    psi, expected, everyday, psi_p, outside, outside_p = 0.0, 0.0, 0.0, 1.0, 0.0, 1.0
    if len(known) and profile.known and not region:
        if len(profile.counts) > 1:
            psi = float(stability_index(np.asarray(profile.counts), profile.count(known)))
            expected, everyday = chance.expected(profile.counts, len(known))
            psi_p = chance.probability(profile.counts, len(known), psi)
        beyond = int((~_within(known, profile)).sum())
        outside, outside_p = beyond / len(known), outside_probability(beyond, len(known), profile.known)
    return ColumnFinding(
        column=name,
        used=used,
        known=len(known),
        psi=psi,
        psi_expected=expected,
        psi_everyday=everyday,
        psi_probability=psi_p,
        outside_share=outside,
        outside_probability=outside_p,
        missing_share=missing / max(1, len(values)),
        missing_share_training=missing_before / max(1, before),
        missing_probability=more_missing_probability(missing, len(values), missing_before, before),
    )


def _absent(profile: ColumnProfile) -> int:
    """Count training patients without a region: those in the bin of 0."""
    if profile.low != 0.0:
        return 0
    return profile.known if profile.high == 0.0 else profile.counts[0]


def _within(values: NDArray[np.float64], profile: ColumnProfile) -> NDArray[np.bool_]:
    low, high = float(profile.low or 0.0), float(profile.high or 0.0)
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    return np.asarray((values >= low - slack) & (values <= high + slack))


def _score(name: str, profile: ColumnProfile, scores: NDArray[np.float64], chance: NoChange) -> ScoreFinding:
    counts = profile.count(scores)
    psi = float(stability_index(np.asarray(profile.counts), counts))
    expected, everyday = chance.expected(profile.counts, len(scores))
    return ScoreFinding(
        reference=name,
        psi=psi,
        psi_expected=expected,
        psi_everyday=everyday,
        probability=chance.probability(profile.counts, len(scores), psi),
        counts_training=profile.counts,
        counts_new=tuple(map(int, counts)),
        edges=profile.edges,
    )


def _columns_over(findings: Sequence[ColumnFinding], settings: MonitoringSettings) -> list[Alarm]:
    part = settings.false_alarm / PARTS
    allowed = {kind: float(getattr(settings, kind)) for kind in KINDS}
    alarms = []
    for used in (True, False):
        group = [found for found in findings if found.used is used]
        for found in group:
            for kind, (value, probability) in found.effects().items():
                if value > allowed[kind] and probability < part / len(group):
                    alarms.append(Alarm(kind, found.column, value, allowed[kind], probability, used))
    return alarms


def _score_over(scores: Sequence[ScoreFinding], settings: MonitoringSettings) -> list[Alarm]:
    """Alarm where the scores look neither like those out of fold nor like those of training patients."""
    over = [s for s in scores if s.psi > settings.psi and s.probability < settings.false_alarm / PARTS]
    if not scores or len(over) < len(scores):
        return []
    least = min(over, key=lambda found: found.psi)
    return [Alarm("psi", "score", least.psi, settings.psi, least.probability, used=True)]


def _quarantine_over(failed: int, cases: int, settings: MonitoringSettings) -> list[Alarm]:
    """Alarm where the share is above its limit with the confidence of its part (Clopper and Pearson)."""
    if not failed:
        return []
    part = settings.false_alarm / PARTS
    lower = float(beta.ppf(part, failed, cases - failed + 1))
    share = failed / cases
    if lower <= settings.quarantined_share:
        return []
    return [Alarm("quarantined_share", "cases", share, settings.quarantined_share, part, used=True)]


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {key: None if value != value else value for key, value in values.items()}  # noqa: PLR0124
