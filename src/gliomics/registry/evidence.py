"""The evidence about a registered version: what was stored with it, and what is tried and computed anew."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import mlflow
from pydantic import ValidationError

from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.cohort_blocks import FeatureTables, cohort_blocks
from gliomics.evaluation.results import honest_rows
from gliomics.evaluation.settings import ModellingSettings
from gliomics.lineage.fingerprints import fingerprint_table
from gliomics.model_package.model_files import load_final_model
from gliomics.model_package.packaging import EVIDENCE_FILE, artefact_digest, example_row
from gliomics.model_package.smoke_prediction import SMOKE_FILE, smoke_difference
from gliomics.radiomics.stability import StabilitySettings
from gliomics.registry.champion_comparison import paired_difference, score_settings
from gliomics.registry.gate import PromotionEvidence
from gliomics.registry.versions import ARTEFACT_DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

    from gliomics.compute import ComputeSettings
    from gliomics.registry.gate import GateLimits, PairedDifference

MODEL_FOLDER = Path("artifacts") / "model"
NO_SCORE = frozenset(
    {
        "bootstrap",
        "permutation_control",
        "class_limits",
        "comparisons",
        "dataset2",
        "audit",
        "final_model",
        "survival",
    }
)
"""Parts of the modelling settings that change no score of the cross-validation."""


class DataVersions(Protocol):
    """What promotion needs to know of saved data versions."""

    def find(self, lineage: Mapping[str, str]) -> str | None:
        """Give the tag of the data version that a run's hashes belong to."""

    def problems(self, tag: str) -> tuple[str, ...]:
        """Say why a data version is not safe, such as objects that the remote lacks."""

    def unclean(self, lineage: Mapping[str, str]) -> tuple[str, ...]:
        """Say what of code, settings and constraints was not committed when the run started."""

    def restore(self, tag: str) -> None:
        """Bring a data version back into the workspace, or raise and change nothing."""


@dataclass(frozen=True)
class Workspace:
    """The tables of the cohort as they lie in the project now, by the names that the evidence has."""

    tables: Mapping[str, pd.DataFrame]
    compute: ComputeSettings


def gather_evidence(
    version: ModelVersion,
    former: str | None,
    *,
    limits: GateLimits,
    workspace: Workspace,
    data: DataVersions,
) -> PromotionEvidence:
    """Gather all that the gate wants to know of a version.

    Parameters
    ----------
    version : ModelVersion
        Of the registry.
    former : str or None
        The champion now.
    limits : GateLimits
        The bootstrap of the comparisons.
    workspace : Workspace
        The cohort's tables as they lie in the project.
    data : DataVersions
        The saved data versions.

    Returns
    -------
    PromotionEvidence
        What cannot be found out is said so.
    """
    tags = dict(version.tags)
    facts, differ, smoke = _read_and_try(f"models:/{version.name}/{version.version}", tags)
    tag, arm = data.find(tags), tags.get("gliomics.arm", "?")
    common: dict[str, Any] = {
        "arm": arm,
        "protocol": tags.get("gliomics.protocol", "none"),
        "figures": facts.get("metrics", {}),
        "unclean": data.unclean(tags),
        "commit": tags.get("gliomics.git_commit"),
        "data_version": tag,
        "data_missing": data.problems(tag) if tag is not None else (),
        "artefacts_differ": differ,
        "smoke_difference": smoke,
    }
    other = _other_tables(facts.get("inputs", {}), workspace)
    if other:
        why = f"the workspace holds other data ({', '.join(other)}): roll back to the version's, or run again"
        return PromotionEvidence(**common, clinical=why, champion=why)
    comparison = _Comparison(arm, facts["settings"], limits, workspace)
    return PromotionEvidence(
        **common,
        clinical=comparison.with_clinical(),
        champion="" if former is None else comparison.with_champion(str(version.name), former),
    )


@dataclass(frozen=True)
class _Comparison:
    """Compares a candidate with others on its own data and folds."""

    arm: str
    settings: Mapping[str, Any]
    limits: GateLimits
    workspace: Workspace

    def with_clinical(self) -> PairedDifference | str:
        if self.arm == "clinical":
            return ""
        clinical = honest_rows(self.workspace.tables["cv_predictions"], "clinical")
        return "the cohort has no clinical arm" if clinical.empty else self._with(clinical)

    def with_champion(self, name: str, number: str) -> PairedDifference | str:
        """Cross-validate the champion's settings; where they are the candidate's, its scores are theirs."""
        theirs = _read_evidence(f"models:/{name}/{number}")
        if not theirs:
            return f"the settings of the champion, version {number}, cannot be read"
        try:
            settings = ModellingSettings.model_validate(theirs["settings"]["modelling"])
        except ValidationError:
            return f"this code does not know all settings of the champion, version {number}"
        if theirs["arm"] == self.arm and _same_scores(theirs["settings"], self.settings):
            return self._with(self._mine)
        tables = self.workspace.tables
        features = FeatureTables(
            tables["radiomic_features"],
            tables["region_presence"],
            tables["perturbed_features"],
            tables["published_features"],
            embedding_block(tables["embeddings"]),
        )
        stability = StabilitySettings.model_validate(theirs["settings"]["stability"])
        source = str(theirs["settings"]["feature_source"])
        blocks = cohort_blocks(tables["cohort"], features, source, settings, stability)
        scored = score_settings(
            theirs["arm"],
            settings,
            tables["cohort"],
            tables["folds"],
            blocks,
            primary_population=self.settings["primary_population"],
            compute=self.workspace.compute,
            seed=int(theirs["settings"]["seed"]),
        )
        return scored if isinstance(scored, str) else self._with(scored)

    @property
    def _mine(self) -> pd.DataFrame:
        return honest_rows(self.workspace.tables["cv_predictions"], self.arm)

    def _with(self, other: pd.DataFrame) -> PairedDifference | str:
        return paired_difference(self._mine, other, self.limits, int(self.settings["seed"]))


def _read_and_try(uri: str, tags: Mapping[str, str]) -> tuple[dict[str, Any], tuple[str, ...], float | None]:
    """Read a version's evidence, hold its files against their hash, predict its example."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch))
            facts = json.loads((folder / MODEL_FOLDER / EVIDENCE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, mlflow.MlflowException) as error:
            return {}, (f"unreadable ({type(error).__name__})",), None
        equal = artefact_digest(folder) == tags.get(ARTEFACT_DIGEST)
        differ = () if equal else ("the files of the version are not those that were registered",)
        return facts, differ, _smoke_difference(folder)


def _smoke_difference(folder: Path) -> float | None:
    """Predict the example as a server would, and take the largest distance from the stored prediction."""
    try:
        stored = json.loads((folder / MODEL_FOLDER / SMOKE_FILE).read_text(encoding="utf-8"))
        example = example_row(load_final_model(folder / MODEL_FOLDER))
        found = mlflow.pyfunc.load_model(str(folder)).predict(example).iloc[0]
        return smoke_difference(found, stored)
    except Exception:  # noqa: BLE001  (whatever a broken model raises, it does not predict)
        return None


def _other_tables(inputs: Mapping[str, str], workspace: Workspace) -> list[str]:
    """Name the tables of the workspace that are not those which the version was evaluated on."""
    if not inputs:
        return ["no evidence"]
    return [
        name
        for name, fingerprint in inputs.items()
        if name not in workspace.tables or fingerprint_table(workspace.tables[name]) != fingerprint
    ]


def _read_evidence(uri: str) -> dict[str, Any]:
    path = f"{uri}/{(MODEL_FOLDER / EVIDENCE_FILE).as_posix()}"
    try:
        with tempfile.TemporaryDirectory() as scratch:
            found = Path(mlflow.artifacts.download_artifacts(artifact_uri=path, dst_path=scratch))
            facts: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    except (OSError, ValueError, mlflow.MlflowException):
        return {}
    return facts


def _same_scores(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two settings give the same scores on the same tables: then nothing is computed again."""
    models = [
        {key: value for key, value in each["modelling"].items() if key not in NO_SCORE}
        for each in (one, other)
    ]
    rest = ("seed", "feature_source", "primary_population", "stability")
    return models[0] == models[1] and all(one.get(key) == other.get(key) for key in rest)
