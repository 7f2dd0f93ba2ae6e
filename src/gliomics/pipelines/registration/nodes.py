"""Nodes of registration: the one stage that talks to the model registry."""

from __future__ import annotations

import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from pydantic import BaseModel, ConfigDict

import gliomics
from gliomics.cohort.settings import CohortSettings
from gliomics.errors import RegistrationError
from gliomics.lineage.fingerprints import fingerprint_json, fingerprint_source
from gliomics.prediction.final_model import FinalModel
from gliomics.serving.model_files import save_final_model
from gliomics.serving.scoring import score_rows

logger = logging.getLogger(__name__)

PACKAGE = Path(gliomics.__file__).parent
MODEL_CODE = PACKAGE / "serving" / "survival_model.py"
REQUIREMENTS = ("mlflow", "numpy", "pandas", "scikit-learn", "skops", "pydantic", "joblib")
ALIAS = "candidate"
MODEL_SOURCE = ("prediction", "serving")


class RegistrationSettings(BaseModel):
    """Which arm becomes the candidate, and under which name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str = "radiomics"
    model_name_prefix: str = "gliomics"


def register_candidate(
    *,
    final_models: dict[str, FinalModel],
    metrics: dict[str, Any],
    cohort_name: str,
    cohort_settings: CohortSettings,
    settings: RegistrationSettings,
) -> dict[str, Any]:
    """final_models, metrics -> registered_model, and the alias ``candidate`` in the registry."""
    name = f"{settings.model_name_prefix}-{cohort_name}"
    if settings.arm not in final_models:
        reason = f"the {settings.arm} arm has no final model: {_why_absent(metrics, settings.arm)}"
        logger.warning("register_candidate: nothing registered, %s", reason)
        return {"status": "not_registered", "name": name, "reason": reason}
    model = final_models[settings.arm]
    tags = {
        **_lineage_of_run(),
        "gliomics.arm": settings.arm,
        "gliomics.cohort": cohort_name,
        "gliomics.synthetic": str(cohort_settings.synthetic).lower(),
        "gliomics.protocol": "leakage_free",
        "gliomics.content_hash": _content_hash(model),
    }
    number = _registered_version(name, tags["gliomics.content_hash"]) or _register(name, model, tags)
    mlflow.MlflowClient().set_registered_model_alias(name, ALIAS, number)
    logger.info("register_candidate: %s version %s is now %s", name, number, ALIAS)
    return {
        "status": "registered",
        "name": name,
        "version": number,
        "alias": ALIAS,
        "uri": f"models:/{name}@{ALIAS}",
        "arm": settings.arm,
        "content_hash": tags["gliomics.content_hash"],
    }


def _lineage_of_run() -> dict[str, str]:
    """Copy what the hooks wrote down when the run started."""
    run = mlflow.active_run()
    if run is None:
        return {}
    tags: dict[str, str] = mlflow.MlflowClient().get_run(run.info.run_id).data.tags
    return {key: value for key, value in tags.items() if key.startswith("gliomics.")}


def _why_absent(metrics: dict[str, Any], arm: str) -> str:
    if metrics["validation"].startswith("external"):
        return f"validation {metrics['validation']} fits nothing"
    facts = metrics["populations"][metrics["primary_population"]]
    if facts["status"] == "refused":
        return str(facts["reason"])
    figures = facts["arms"].get(arm, {"reason": "it is not among the cohort's arms"})
    return str(figures.get("reason", "its networks were trained inside the folds"))


def _content_hash(model: FinalModel) -> str:
    """Hash what the model follows from: its card, the source behind it, the versions it was fitted with."""
    return fingerprint_json(
        {
            "card": model.card,
            "source": [fingerprint_source(PACKAGE / part) for part in MODEL_SOURCE],
            "versions": {package: version(package) for package in REQUIREMENTS},
        }
    )


def _registered_version(name: str, content_hash: str) -> str | None:
    """Find the version that holds this very content: registering twice makes no second version."""
    found = mlflow.MlflowClient().search_model_versions(f"name = '{name}'")
    same = [v for v in found if v.tags.get("gliomics.content_hash") == content_hash]
    return str(max(int(v.version) for v in same)) if same else None


def _register(name: str, model: FinalModel, tags: dict[str, str]) -> str:
    """Log the model, load it from what was logged, compare its scores, and only then register it."""
    example = pd.DataFrame([model.card["example"]]).reindex(columns=model.card["columns"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        save_final_model(model, folder)
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(MODEL_CODE),
            artifacts={"model": str(folder)},
            code_paths=[str(PACKAGE)],
            signature=_signature(model),
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
        )
    _prove_it_predicts(logged.model_uri, model, example)
    registered = mlflow.register_model(logged.model_uri, name, tags=tags)
    return str(registered.version)


def _signature(model: FinalModel) -> ModelSignature:
    """One optional column a feature: an absent region has none of its features."""
    kinds = {True: DataType.string, False: DataType.double}
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(kinds[isinstance(value, str)], column, required=False)
        for column, value in zip(
            model.card["columns"], map(model.card["example"].get, model.card["columns"]), strict=True
        )
    ]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.double, "probability"),
        ColSpec(DataType.double, "threshold"),
        ColSpec(DataType.long, "decision"),
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _prove_it_predicts(uri: str, model: FinalModel, example: pd.DataFrame) -> None:
    served = mlflow.pyfunc.load_model(uri).predict(example)["probability"].to_numpy()
    direct = score_rows(model, example)["probability"].to_numpy()
    if not np.allclose(served, direct, rtol=0, atol=1e-9):
        raise RegistrationError(
            where=uri,
            expected=f"the logged model must score the example {direct.tolist()}",
            got=served.tolist(),
            fix="The logged artifact is not the fitted model; nothing was registered.",
        )
