"""From a fitted arm to a logged MLflow model that has been loaded and has predicted."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import Array, Object, Property

import gliomics
from gliomics.errors import RegistrationError
from gliomics.evaluation.results import HONEST
from gliomics.lineage.fingerprints import fingerprint_json, fingerprint_source, fingerprint_table
from gliomics.model_package.case_features import save_scan_recipe
from gliomics.model_package.model_files import save_final_model
from gliomics.model_package.requests import CASE_DIR
from gliomics.model_package.scoring import score_rows
from gliomics.model_package.smoke_prediction import SMOKE_FIGURES, SMOKE_FILE, figures_to_store
from gliomics.model_package.wheels import pack_gliomics, pack_installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.lineage.case_store import CaseStore
    from gliomics.model_package.case_features import ScanRecipe
    from gliomics.model_package.final_model import FinalModel

PACKAGE = Path(gliomics.__file__).parent
MODEL_CODE = PACKAGE / "model_package" / "survival_model.py"
MODEL_SOURCE = ("model_package", "evaluation", "learning", "radiomics", "networks", "imaging")
REQUIREMENTS = (
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "skops",
    "pydantic",
    "joblib",
    "threadpoolctl",
    "safetensors",
    "nibabel",
    "SimpleITK",
    "PyWavelets",
    "numba",
    "isal",
    "torch",
    "monai",
)
FROM_WHEELS = "pyradiomics"
"""On no index for this Python: packed beside the model, like gliomics itself."""
EVIDENCE_FILE = "evidence.json"
WRITTEN_BY_REGISTRY = "registered_model_meta"


@dataclass(frozen=True)
class Packed:
    """What becomes one logged model.

    Attributes
    ----------
    model : FinalModel
        The fitted arm.
    evidence : mapping
        What the gate will want to know: ``metrics`` of the arm, ``settings`` behind it, ``inputs``, the
        fingerprints of the tables that it was evaluated on.
    scans : ScanRecipe or None
        How scans become its features.
    attributions : mapping of str to DataFrame
        Explanations that travel with it: tables without patients.
    """

    model: FinalModel
    evidence: Mapping[str, Any]
    scans: ScanRecipe | None = None
    attributions: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def content_hash(self) -> str:
        """Hash what the model follows from: card, evidence, recipe, explanations, source, versions."""
        return fingerprint_json(
            {
                "card": self.model.card,
                "profile": None if self.model.profile is None else self.model.profile.model_dump(mode="json"),
                "evidence": dict(self.evidence),
                "scans": None if self.scans is None else self.scans.model_dump(mode="json"),
                "attributions": {name: fingerprint_table(table) for name, table in self.attributions.items()},
                "source": [fingerprint_source(PACKAGE / part) for part in MODEL_SOURCE],
                "requirements": requirements(),
            }
        )


def requirements() -> list[str]:
    """Pin what the model needs besides the wheels that are packed with it; torch without its local build."""
    needed = {*REQUIREMENTS, *(line.split(">")[0].strip() for line in requires(FROM_WHEELS) or [])}
    unique = {name.lower(): name for name in sorted(needed)}
    return [f"{name}=={version(name).split('+')[0]}" for name in sorted(unique.values(), key=str.lower)]


def refuse_dishonest(model: FinalModel) -> None:
    """Let only models of the honest protocol into the registry: what an audit makes is never one.

    Raises
    ------
    RegistrationError
        If the card names another protocol or none.
    """
    protocol = model.card.get("protocol")
    if protocol != HONEST:
        raise RegistrationError(
            where=f"final model of the {model.card.get('arm')} arm",
            expected=f"its protocol must be {HONEST}",
            got=repr(protocol),
            fix="An audit is a mistake made on purpose; it can be neither registered nor promoted.",
        )


def log_packed(packed: Packed, store: CaseStore | None, *, name: str = "model") -> tuple[str, str]:
    """Log a model, load it from what was logged and compare its scores.

    Parameters
    ----------
    packed : Packed
        The model.
    store : CaseStore or None
        Holds the networks that its scan recipe names.
    name : str
        Of the logged model.

    Returns
    -------
    uri : str
        Of the logged model, not yet registered.
    digest : str
        `artefact_digest` of its files.

    Raises
    ------
    RegistrationError
        If the protocol is not the honest one, or what was logged does not load or scores differently.
    """
    refuse_dishonest(packed.model)
    model = packed.model
    example = example_row(model)
    with tempfile.TemporaryDirectory() as scratch:
        folders = _write(packed, store, example, Path(scratch))
        logged = mlflow.pyfunc.log_model(
            name=name,
            python_model=str(MODEL_CODE),
            artifacts={folder: str(Path(scratch) / folder) for folder in folders},
            code_paths=[str(PACKAGE)],
            signature=_signature(packed),
            input_example=example,
            pip_requirements=requirements(),
        )
    return logged.model_uri, prove_it_predicts(logged.model_uri, model, example)


def example_row(model: FinalModel) -> pd.DataFrame:
    """Make the input example: the median patient, who is nobody."""
    return pd.DataFrame([model.card["example"]]).reindex(columns=model.card["columns"])


def prove_it_predicts(uri: str, model: FinalModel, example: pd.DataFrame) -> str:
    """Load a logged model and hold its scores against those of the fitted one.

    Parameters
    ----------
    uri : str
        Of the logged model.
    model : FinalModel
        As fitted.
    example : DataFrame
        What both score.

    Returns
    -------
    str
        `artefact_digest` of what was loaded.

    Raises
    ------
    RegistrationError
        If it does not load (MLflow itself would register it with a warning) or scores differently.
    """
    direct = score_rows(model, example)["probability"].to_numpy()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch))
            digest = artefact_digest(folder)
            served = mlflow.pyfunc.load_model(str(folder)).predict(example)["probability"].to_numpy()
    except Exception as error:
        raise RegistrationError(
            where=uri,
            expected="the logged model must load and predict",
            got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            fix="Nothing was registered; run the registration stage again.",
        ) from error
    if not np.allclose(served, direct, rtol=0, atol=1e-9):
        raise RegistrationError(
            where=uri,
            expected=f"the logged model must score the example {direct.tolist()}",
            got=served.tolist(),
            fix="The logged artifact is not the fitted model; nothing was registered.",
        )
    return digest


def artefact_hashes(folder: Path) -> dict[str, str]:
    """Hash every file of a logged model but those that a registry or Python adds."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != WRITTEN_BY_REGISTRY and "__pycache__" not in file.parts
    }


def artefact_digest(folder: Path) -> str:
    """Hash the hashes of a logged model's files."""
    return fingerprint_json(dict(artefact_hashes(folder)))


def _write(packed: Packed, store: CaseStore | None, example: pd.DataFrame, scratch: Path) -> list[str]:
    """Write the folders of a model; each becomes one of its artifacts."""
    folder = scratch / "model"
    save_final_model(packed.model, folder)
    if packed.scans is not None and store is not None:
        save_scan_recipe(packed.scans, store, folder)
    _write_json(folder / EVIDENCE_FILE, dict(packed.evidence))
    scored = score_rows(packed.model, example).iloc[0]
    _write_json(folder / SMOKE_FILE, figures_to_store(scored))
    pack_gliomics(scratch / "wheels")
    pack_installed(FROM_WHEELS, scratch / "wheels")
    if not packed.attributions:
        return ["model", "wheels"]
    (scratch / "attributions").mkdir()
    for name, table in packed.attributions.items():
        table.to_parquet(scratch / "attributions" / f"{name}.parquet")
    return ["model", "wheels", "attributions"]


def _write_json(path: Path, facts: dict[str, Any]) -> None:
    text = json.dumps(facts, indent=2, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _signature(packed: Packed) -> ModelSignature:
    """One optional column a feature, since an absent region has none of its features, and the case folder."""
    card = packed.model.card
    kinds = {True: DataType.string, False: DataType.double}
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(kinds[isinstance(card["example"][column], str)], column, required=False)
        for column in card["columns"]
    ]
    inputs.append(ColSpec(DataType.string, CASE_DIR, required=False))
    term = Object(
        [
            Property("feature", DataType.string),
            Property("value", DataType.double),
            Property("log_odds", DataType.double),
        ]
    )
    outputs: list[ColSpec | TensorSpec] = [
        *(ColSpec(DataType.double, figure) for figure in SMOKE_FIGURES),
        ColSpec(DataType.long, "decision"),
        ColSpec(Array(term), "contributions"),
        ColSpec(DataType.boolean, "contributions_add_up"),
        ColSpec(Array(DataType.string), "warnings"),
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))
