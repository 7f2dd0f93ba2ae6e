"""Nodes of registration: the one stage that talks to the model registry."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from gliomics.cohort.settings import CohortSettings
from gliomics.cohort.validation import EXTERNAL, parse_validation
from gliomics.evaluation.arms import get_arm
from gliomics.evaluation.results import honest_rows
from gliomics.evaluation.settings import ModellingSettings
from gliomics.imaging.settings import ImageSettings
from gliomics.lineage.case_store import CaseStore
from gliomics.lineage.fingerprints import fingerprint_table
from gliomics.model_package.case_features import NetworkRecipe, ScanRecipe
from gliomics.model_package.final_model import FinalModel
from gliomics.model_package.packaging import Packed, log_packed, refuse_dishonest
from gliomics.model_package.training_profile import profile_column
from gliomics.networks.settings import Cnn3dSettings, MedicalNetSettings, SamplingSettings
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.stability import StabilitySettings
from gliomics.registry.ledger import Ledger
from gliomics.registry.versions import ARTEFACT_DIGEST, CANDIDATE, CONTENT_HASH, Registry

logger = logging.getLogger(__name__)


class RegistrationSettings(BaseModel):
    """Which arm is the cohort's model, and how registered models are called.

    Every arm, or every one of `arms`, becomes ``<prefix>-<cohort>-<arm>``; the first of `primary_arms` that
    has a final model is also ``<prefix>-<cohort>``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arms: tuple[str, ...] | None = None
    primary_arms: tuple[str, ...] = Field(default=("fusion", "radiomics", "clinical"), min_length=1)
    model_name_prefix: str = Field(default="gliomics", min_length=1)


def describe_scans(
    *,
    fold_networks: dict[str, Any],
    images: ImageSettings,
    radiomics: RadiomicsSettings,
    sampling: SamplingSettings,
    cnn3d: Cnn3dSettings,
    medicalnet: MedicalNetSettings,
    seed: int,
) -> dict[str, Any]:
    """fold_networks and the settings of the stages before -> scan_recipe."""
    final = {n["sampling"]: n["network_key"] for n in fold_networks["networks"] if n["repeat"] is None}
    networks = NetworkRecipe(
        sampling=sampling,
        cnn3d=cnn3d,
        medicalnet=medicalnet,
        final_networks=final,
        cnn3d_status=fold_networks["status"],
        cnn3d_reason=fold_networks["reason"],
    )
    recipe = ScanRecipe(images=images, radiomics=radiomics, networks=networks, seed=seed)
    return recipe.model_dump(mode="json")


def register_candidates(
    *,
    final_models: dict[str, FinalModel],
    metrics: dict[str, Any],
    scan_recipe: dict[str, Any],
    embedding_store: CaseStore,
    cohort: pd.DataFrame,
    folds: pd.DataFrame,
    radiomic_features: pd.DataFrame,
    region_presence: pd.DataFrame,
    published_features: pd.DataFrame,
    perturbed_features: pd.DataFrame,
    embeddings: pd.DataFrame,
    cv_predictions: pd.DataFrame,
    shap_summary: pd.DataFrame,
    cohort_name: str,
    cohort_settings: CohortSettings,
    modelling: ModellingSettings,
    stability: StabilitySettings,
    settings: RegistrationSettings,
    ledger: str,
    seed: int,
) -> dict[str, Any]:
    """final_models, metrics and what they follow from -> registered_model, aliases ``candidate``."""
    prefix = f"{settings.model_name_prefix}-{cohort_name}"
    figures = metrics["populations"][metrics["primary_population"]]
    inputs = {
        "cohort": cohort,
        "folds": folds,
        "radiomic_features": radiomic_features,
        "region_presence": region_presence,
        "published_features": published_features,
        "perturbed_features": perturbed_features,
        "embeddings": embeddings,
        "cv_predictions": cv_predictions,
    }
    shared = {
        "inputs": {name: fingerprint_table(table) for name, table in inputs.items()},
        "settings": {
            "modelling": modelling.model_dump(mode="json"),
            "seed": seed,
            "primary_population": metrics["primary_population"],
            "feature_source": cohort_settings.feature_source,
            "stability": stability.model_dump(mode="json"),
        },
    }
    registry = Registry(Ledger(Path(ledger)))
    primary = next((arm for arm in settings.primary_arms if arm in final_models), None)
    registered: dict[str, dict[str, str]] = {}
    for arm, fitted in final_models.items():
        refuse_dishonest(fitted)
        if settings.arms is not None and arm not in settings.arms and arm != primary:
            continue
        fitted.card["synthetic"] = cohort_settings.synthetic
        model = _with_honest_scores(fitted, honest_rows(cv_predictions, arm))
        evidence = {"arm": arm, "metrics": figures["arms"][arm], **shared}
        mine = shap_summary[shap_summary["arm"] == arm].reset_index(drop=True)
        attributions = {"shap_summary": mine} if len(mine) else {}
        packed = Packed(model, evidence, _scans_of(arm, scan_recipe, cohort_settings), attributions)
        names = [f"{prefix}-{arm}", *([prefix] if arm == primary else [])]
        registered |= _register(packed, names, embedding_store, registry, cohort_name)
    if primary is None:
        reasons = (
            f"validation {metrics['validation']} fits nothing"
            if parse_validation(metrics["validation"]).mode == EXTERNAL
            else "; ".join(f"{arm}: {_why_absent(figures, arm)}" for arm in settings.primary_arms)
        )
        logger.warning("register_candidates: no primary model, %s", reasons)
        return {"status": "not_registered", "name": prefix, "reason": reasons, "models": registered}
    logger.info("register_candidates: %s", ", ".join(f"{n} {r['version']}" for n, r in registered.items()))
    return {
        "status": "registered",
        "name": prefix,
        "alias": CANDIDATE,
        "uri": f"models:/{prefix}@{CANDIDATE}",
        "models": registered,
        **registered[prefix],
    }


def _with_honest_scores(model: FinalModel, rows: pd.DataFrame) -> FinalModel:
    """Add to a model's profile what cross-validation scored, since new patients are no training patients."""
    if model.profile is None or rows.empty:
        return model
    mean = rows.groupby("subject_id")["y_score"].mean().to_numpy(dtype="float64")
    profile = model.profile.model_copy(update={"out_of_fold": profile_column(mean)})
    return replace(model, profile=profile)


def _register(
    packed: Packed, names: list[str], store: CaseStore, registry: Registry, cohort: str
) -> dict[str, dict[str, str]]:
    """Register one model under its names; log it only if one of them does not hold this content yet."""
    content_hash, arm = packed.content_hash(), str(packed.model.card["arm"])
    tags = {
        **_lineage_of_run(),
        "gliomics.arm": arm,
        "gliomics.cohort": cohort,
        "gliomics.synthetic": str(packed.model.card["synthetic"]).lower(),
        "gliomics.protocol": str(packed.model.card["protocol"]),
        CONTENT_HASH: content_hash,
    }
    found = {name: registry.same_content(name, content_hash) for name in names}
    logged = None
    if None in found.values():
        logged = log_packed(packed, store, name=f"model_{arm}")
    done = {}
    for name, number in found.items():
        if number is None and logged is not None:
            version = registry.register(name, logged[0], {**tags, ARTEFACT_DIGEST: logged[1]})
        else:
            version = str(number)
            registry.refresh(name, version, tags)
        done[name] = {"version": version, "arm": arm, "content_hash": content_hash}
    return done


def _lineage_of_run() -> dict[str, str]:
    """Copy what the hooks wrote down when the run started."""
    run = mlflow.active_run()
    if run is None:
        return {}
    tags: Mapping[str, str] = mlflow.MlflowClient().get_run(run.info.run_id).data.tags
    return {key: value for key, value in tags.items() if key.startswith("gliomics.")}


def _scans_of(arm: str, scan_recipe: dict[str, Any], cohort_settings: CohortSettings) -> ScanRecipe | None:
    """Keep of the recipe what an arm uses; None where its features cannot come from scans."""
    needed = get_arm(arm).required_blocks
    published = "radiomics" in needed and cohort_settings.feature_source == "published"
    if not needed or published:
        return None
    recipe = ScanRecipe.model_validate(scan_recipe)
    unused = {
        part: None
        for part, block in (("radiomics", "radiomics"), ("networks", "embeddings"))
        if block not in needed
    }
    return recipe.model_copy(update=unused)


def _why_absent(figures: dict[str, Any], arm: str) -> str:
    if figures["status"] == "refused":
        return str(figures["reason"])
    found = figures["arms"].get(arm, {"reason": "it is not among the cohort's arms"})
    return str(found.get("reason", "it has no final model"))
