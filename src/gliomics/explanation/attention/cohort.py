"""Grad-CAM of a cohort: who is explained by which networks, fanned out over patients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gliomics.cohort.populations import labelled, population
from gliomics.compute import fresh_workers, lost_case, map_cases
from gliomics.errors import ScanError
from gliomics.evaluation.arms import ArmSkipped, assemble_arm
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.cases import arm_design
from gliomics.explanation.attention.case_work import (
    CaseSettings,
    ExplainedCase,
    NetworkWork,
    PatientWork,
    explain_case,
)
from gliomics.explanation.attention.cohort_maps import (
    MAP_TYPES,
    CohortGradCam,
    enrichment_table,
    maps_table,
    records,
)
from gliomics.explanation.attention.heads import fold_heads, origin_columns
from gliomics.explanation.attention.networks import (
    OutOfFoldNetwork,
    in_fold,
    is_explained,
    trained_out_of_fold,
)
from gliomics.imaging.case_scans import list_cases
from gliomics.networks.medicalnet.weights import prepare_weights
from gliomics.networks.training.fold_networks import untrained_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gliomics.cohort.settings import Population
    from gliomics.compute import ComputeSettings
    from gliomics.evaluation.arms import ArmTable
    from gliomics.evaluation.blocks import NetworkOrigin
    from gliomics.evaluation.settings import ModellingSettings
    from gliomics.explanation.attention.heads import FoldHeads, LinearHead
    from gliomics.explanation.attention.settings import GradCamSettings
    from gliomics.imaging.case_scans import CaseScans
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.medicalnet.weights import Weights
    from gliomics.networks.settings import Cnn3dSettings, MedicalNetSettings, SamplingSettings
    from gliomics.radiomics.settings import RadiomicsSettings

ARM = "deep"
"""The arm that networks alone decide."""
NO_WEIGHT, FAILED = "no_weight", "failed"
UNTRAINED_REASON = (
    "Its weights are untrained: a map of random filters shows the filters and the image, not what was "
    "learned, so none is drawn and none is measured."
)
HEAD_ONLY = "The network is frozen and the same for everybody; only its head is out-of-fold."
NO_IMAGES = "no patient has vectors of a network"


@dataclass(frozen=True)
class CohortTables:
    """Tables of earlier stages.

    Attributes
    ----------
    cohort, folds, crop_index : DataFrame
        Patients, folds, and where the crops are.
    scan_manifest, ingested : DataFrame
        Files, and which cases passed ingestion.
    fold_networks : mapping
        Where the networks of the folds are and whom they were trained on.
    embeddings : DataFrame
        Vectors of every network, as the arm was given them.
    metrics : mapping
        As in ``metrics.json``: an arm that was not evaluated has nothing to explain.
    """

    cohort: pd.DataFrame
    folds: pd.DataFrame
    crop_index: pd.DataFrame
    scan_manifest: pd.DataFrame
    ingested: pd.DataFrame
    fold_networks: Mapping[str, Any]
    embeddings: pd.DataFrame
    metrics: Mapping[str, Any]


@dataclass(frozen=True)
class StageSettings:
    """Settings of the stages whose results are explained."""

    grad_cam: GradCamSettings
    sampling: SamplingSettings
    cnn3d: Cnn3dSettings
    medicalnet: MedicalNetSettings
    radiomics: RadiomicsSettings
    modelling: ModellingSettings
    population: Population
    seed: int


def explain_cohort(
    tables: CohortTables,
    raw_dir: Path,
    store: CaseStore,
    settings: StageSettings,
    *,
    compute: ComputeSettings,
    on_progress: Callable[[int, int], None] | None = None,
) -> CohortGradCam:
    """Make the maps of every patient whom the arm scored out-of-fold.

    Parameters
    ----------
    tables : CohortTables
        Earlier results.
    raw_dir : Path
        The cohort's raw folder.
    store : CaseStore
        Holds crops and networks.
    settings : StageSettings
        All that the maps follow from.
    compute : ComputeSettings
        How patients are spread; each is worked on with one thread.
    on_progress : callable, optional
        Called with the number of patients done and of all.

    Returns
    -------
    CohortGradCam
        Equal for any number of workers; empty, with the reason among the facts, where there is nothing to
        explain.

    Raises
    ------
    LeakageError
        If a network or a head has seen the patient whom it would explain.

    References
    ----------
    PROTOCOL 5 and 8.
    """
    wanted = settings.grad_cam
    if not wanted.enabled:
        return _nothing(settings, "switched off (reporting.grad_cam.enabled)")
    patients = labelled(population(tables.cohort, settings.population)).sort_values("subject_id")
    reason = not_evaluated(tables.metrics, settings.population)
    if reason is not None:
        return _nothing(settings, reason)
    block = embedding_block(tables.embeddings)
    if block is None:
        return _nothing(settings, NO_IMAGES)
    table = assemble_arm(ARM, patients, {"embeddings": block})
    if isinstance(table, ArmSkipped):
        return _nothing(settings, table.reason)
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    design = arm_design(table, labels, tables.folds, settings.modelling, settings.seed)
    plan = _Plan(tables, settings, table, fold_heads(design), _frozen(block.origins, settings, store))
    cases = {case.subject_id: case for case in list_cases(tables.scan_manifest, tables.ingested, raw_dir)}
    work = plan.work(cases)
    fresh_workers()
    explain = partial(_explain, store=store, settings=plan.case_settings)
    explained = []
    for case in map_cases(explain, work, compute, on_lost=_lost):
        explained.append(case)
        if on_progress is not None:
            on_progress(len(explained), len(work))
    return _gather(explained, plan)


def not_evaluated(metrics: Mapping[str, Any], population_name: str) -> str | None:
    """Say why modelling did not evaluate the arm, or None."""
    facts = metrics["populations"][population_name]
    arm = facts["arms"].get(ARM)
    if arm is None:
        return str(facts.get("reason") or f"the cohort has no arm {ARM} (cohorts.<name>.arms)")
    return None if arm["status"] == "evaluated" else str(arm["reason"])


@dataclass(frozen=True)
class _Plan:
    """Who is explained by what."""

    tables: CohortTables
    settings: StageSettings
    table: ArmTable
    heads: FoldHeads
    frozen: Weights | None

    @property
    def origins(self) -> tuple[NetworkOrigin, ...]:
        return self.table.embeddings.origins if self.table.embeddings is not None else ()

    @property
    def case_settings(self) -> CaseSettings:
        wanted = self.settings
        wanted.grad_cam.overlay.background_of(wanted.sampling.modalities)
        return CaseSettings(wanted.grad_cam, wanted.radiomics, wanted.sampling.modalities, wanted.seed)

    def work(self, cases: Mapping[str, CaseScans]) -> list[PatientWork]:
        """List the patients and for each the networks that the head of their fold gives weight."""
        saved = set(sorted(self.heads.scores["subject_id"])[: self.settings.grad_cam.max_saved_patients])
        listed = []
        for row in records(self.heads.scores):
            subject = str(row["subject_id"])
            networks = [
                task
                for origin in self.origins
                if is_explained(origin.weights) and (task := self._task(origin, row)).weights.any()
            ]
            if networks and subject in cases:
                called = int(row["y_score"] >= row["threshold"])
                listed.append(PatientWork(cases[subject], called, tuple(networks), subject in saved))
        return listed

    def _task(self, origin: NetworkOrigin, row: Mapping[str, Any]) -> NetworkWork:
        subject, fold = str(row["subject_id"]), int(row["fold"])
        head: LinearHead = self.heads.of(subject, fold)
        columns = origin_columns(origin, self.origins, self.table.columns)
        crops = self.tables.crop_index
        mine = crops[(crops["subject_id"] == subject) & (crops["sampling"] == origin.sampling)].iloc[0]
        return NetworkWork(
            self._network(origin, subject, fold),
            str(mine["crop_key"]),
            np.array([np.reshape(np.asarray(list(one), dtype=np.float64), (4, 4)) for one in mine["affine"]]),
            head.weights[columns],
            head.centre[columns],
            head.spread[columns],
            self.facts_of(origin, row),
        )

    def _network(self, origin: NetworkOrigin, subject: str, fold: int) -> OutOfFoldNetwork:
        wanted = self.settings
        key, frozen = None, None
        if in_fold(origin.weights):
            key = trained_out_of_fold(
                self.tables.fold_networks, origin.sampling, self.heads.repeat, fold, subject
            )
        else:
            frozen = self.frozen
        return OutOfFoldNetwork(
            origin.network,
            origin.sampling,
            key,
            frozen,
            len(wanted.sampling.modalities),
            wanted.cnn3d,
            wanted.medicalnet,
        )

    def facts_of(self, origin: NetworkOrigin, row: Mapping[str, Any]) -> dict[str, Any]:
        """Say what every row of a patient and network says."""
        return {
            "subject_id": str(row["subject_id"]),
            "network": origin.network,
            "sampling": origin.sampling,
            "repeat": self.heads.repeat,
            "fold": int(row["fold"]),
            "y_true": int(row["y_true"]),
            "y_score": float(row["y_score"]),
            "threshold": float(row["threshold"]),
            "called": "long" if row["y_score"] >= row["threshold"] else "short",
            "head": self.heads.kind,
        }

    def without_map(self, mapped: pd.DataFrame) -> list[dict[str, Any]]:
        """List the patients whom a trained network has no map of, because the head gives it no weight."""
        there = set(zip(mapped["subject_id"], mapped["network"], mapped["sampling"], strict=True))
        return [
            {**self.facts_of(origin, row), "modality": None, "status": NO_WEIGHT}
            for row in records(self.heads.scores)
            for origin in self.origins
            if is_explained(origin.weights)
            and (str(row["subject_id"]), origin.network, origin.sampling) not in there
        ]

    def facts(self, failures: dict[str, str]) -> dict[str, Any]:
        """Say what was explained, by which head, and what was not and why."""
        wanted, agreement = self.settings.grad_cam, self.heads.agreement
        return {
            "status": "made",
            "reason": None,
            "arm": ARM,
            "population": self.settings.population,
            "repeat": self.heads.repeat,
            "patients": len(self.heads.scores),
            "head": self.heads.kind,
            "agreement": agreement,
            "min_agreement": wanted.min_agreement,
            "explains_the_arm": agreement is None or agreement >= wanted.min_agreement,
            "randomisations": wanted.randomisations,
            "margin_mm": wanted.margin_mm,
            "networks": [_network_facts(origin) for origin in self.origins],
            "failed": [{"subject_id": subject, "reason": why} for subject, why in failures.items()],
        }


def _frozen(origins: tuple[NetworkOrigin, ...], settings: StageSettings, store: CaseStore) -> Weights | None:
    """Find the pretrained weights, when a network has some."""
    if all(in_fold(origin.weights) or not is_explained(origin.weights) for origin in origins):
        return None
    return prepare_weights(settings.medicalnet, store, untrained_seed(settings.seed, "medicalnet", "any"))


def _explain(
    work: PatientWork, store: CaseStore, settings: CaseSettings
) -> tuple[str, ExplainedCase | ScanError]:
    try:
        return work.scans.subject_id, explain_case(work, store, settings)
    except ScanError as error:
        return work.scans.subject_id, error


def _lost(work: PatientWork, reason: str) -> tuple[str, ExplainedCase | ScanError]:
    return work.scans.subject_id, lost_case(work.scans.subject_id, reason)


def _gather(explained: list[tuple[str, ExplainedCase | ScanError]], plan: _Plan) -> CohortGradCam:
    failures = {subject: str(case) for subject, case in explained if isinstance(case, ScanError)}
    done = [case for _, case in explained if not isinstance(case, ScanError)]
    made = pd.DataFrame([row for case in done for row in case.maps], columns=list(MAP_TYPES))
    rest = pd.DataFrame(plan.without_map(made), columns=list(MAP_TYPES))
    rest.loc[rest["subject_id"].isin(set(failures)), "status"] = FAILED
    enrichment = [row for case in done for row in case.enrichment]
    return CohortGradCam(
        maps_table([*records(made), *records(rest)]),
        enrichment_table(enrichment),
        {name: content for case in done for name, content in case.heatmaps.items()},
        {name: content for case in done for name, content in case.overlays.items()},
        plan.facts(failures),
    )


def _nothing(settings: StageSettings, reason: str) -> CohortGradCam:
    facts = {
        "status": "skipped",
        "reason": reason,
        "arm": ARM,
        "population": settings.population,
        "networks": [],
        "failed": [],
    }
    return CohortGradCam(maps_table([]), enrichment_table([]), {}, {}, facts)


def _network_facts(origin: NetworkOrigin) -> dict[str, Any]:
    explained = is_explained(origin.weights)
    note = (None if in_fold(origin.weights) else HEAD_ONLY) if explained else UNTRAINED_REASON
    return {
        "network": origin.network,
        "sampling": origin.sampling,
        "weights": origin.weights,
        "explained": explained,
        "note": note,
    }
