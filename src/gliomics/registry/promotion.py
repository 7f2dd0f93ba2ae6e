"""Promotion and rollback: gather the evidence, ask the gate, move the champion, write the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gliomics.errors import RegistryError
from gliomics.registry.evidence import gather_evidence
from gliomics.registry.gate import Decision, decide_promotion
from gliomics.registry.ledger import LedgerEntry, champions
from gliomics.registry.versions import CHAMPION, DATA_VERSION

if TYPE_CHECKING:
    from gliomics.registry.evidence import DataVersions, Workspace
    from gliomics.registry.gate import GateLimits
    from gliomics.registry.versions import Registry


@dataclass(frozen=True)
class Verdict:
    """What became of a promotion: the gate's table, and the champion now."""

    version: str
    decision: Decision
    forced: bool
    champion: str | None

    @property
    def promoted(self) -> bool:
        """Whether the version is the champion now."""
        return self.champion == self.version


def promote(
    registry: Registry,
    name: str,
    asked: str,
    *,
    limits: GateLimits,
    workspace: Workspace,
    data: DataVersions,
    force: str | None = None,
) -> Verdict:
    """Let the gate decide about a version, and act on it.

    Parameters
    ----------
    registry : Registry
        Of the tracking server.
    name : str
        Registered model.
    asked : str
        Version number or alias.
    limits : GateLimits
        Of the environment.
    workspace : Workspace
        Must hold the data that the version was evaluated on.
    data : DataVersions
        The saved data versions.
    force : str, optional
        Why to promote against the verdict, where that is allowed.

    Returns
    -------
    Verdict
        A version that does not pass changes nothing but the ledger.

    Raises
    ------
    RegistryError
        If there is no such version, it is the champion already, forcing is not allowed, or another promotion
        came first.
    LedgerError
        If the ledger was tampered with.
    """
    registry.ledger.verify(registry.anchor(name))
    version = registry.find(name, asked)
    number, former = str(version.version), registry.version_of(name, CHAMPION)
    if former == number:
        raise RegistryError(
            where=f"model {name}",
            expected="a version that is not the champion yet",
            got=f"version {number}",
            fix="There is nothing to do.",
        )
    if force is not None and not limits.allow_force:
        raise RegistryError(
            where="--force",
            expected="registry.gate.allow_force must be true",
            got=limits.allow_force,
            fix="Meet the criteria; the strict gate cannot be forced.",
        )
    evidence = gather_evidence(version, former, limits=limits, workspace=workspace, data=data)
    decision = decide_promotion(evidence, limits)
    forced = not decision.passed and force is not None and decision.forceable
    if not decision.passed and not forced:
        registry.refuse(name, number, decision.reasons, evidence.data_version)
        return Verdict(number, decision, forced=False, champion=former)
    said = f"FORCED AGAINST THE GATE: {force}" if forced else "passed"
    entry = LedgerEntry(
        "force" if forced else "promote",
        name,
        former,
        number,
        said,
        (*decision.reasons, *decision.warnings),
        data_version=evidence.data_version,
    )
    registry.move_champion(entry)
    if evidence.data_version is not None:
        registry.client.set_model_version_tag(name, number, DATA_VERSION, evidence.data_version)
    return Verdict(number, decision, forced=forced, champion=number)


def rollback(registry: Registry, name: str, to: str | None, data: DataVersions) -> tuple[str, str | None]:
    """Bring a former champion and its data version back, together.

    Parameters
    ----------
    registry : Registry
        Of the tracking server.
    name : str
        Registered model.
    to : str or None
        Version; None takes the champion before the present one.
    data : DataVersions
        The saved data versions.

    Returns
    -------
    version : str
        The champion now.
    data_version : str or None
        What the workspace holds now; None if the version was promoted without a saved data version.

    Raises
    ------
    RegistryError
        If there is no champion to go back to, or the version never was one.
    DataVersionError
        If the data cannot be restored; then the champion stays too.
    """
    entries = registry.ledger.verify(registry.anchor(name))
    line = champions(entries, name)
    before = line[:-1]
    target = to if to is not None else (before[-1] if before else None)
    if target is None or target not in before:
        raise RegistryError(
            where=f"model {name}",
            expected="a former champion to go back to"
            if to is None
            else "a version that was champion before",
            got=f"version {to}" if to else "none",
            fix=f"Former champions: {', '.join(before) or 'none'}. `gliomics registry history` shows them.",
        )
    tag = next(
        e.data_version
        for e in reversed(entries)
        if e.model == name and e.after == target and e.action in ("promote", "force")
    )
    entry = LedgerEntry("rollback", name, line[-1], target, "rolled back", data_version=tag)
    registry.move_champion(entry, first=None if tag is None else partial(data.restore, tag))
    return target, tag
