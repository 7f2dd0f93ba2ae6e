"""Small cohorts with known contents, in files and as crops."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import phantoms
from gliomics.lineage.case_store import CaseRecord, CaseStore
from gliomics.networks.cnn3d.network import LightCnn3d, build_cnn3d
from gliomics.networks.sampling.crops import CROPS
from gliomics.networks.settings import (
    BoundingBoxSettings,
    Cnn3dSettings,
    PatchSettings,
    SamplingSettings,
    TrainingSettings,
)

SMALL = SamplingSettings(
    bounding_box=BoundingBoxSettings(margin_mm=2, voxels=16),
    patches=PatchSettings(n=4, size_mm=8, voxels=16, margin_mm=1.5),
    max_failed_fraction=1.0,
)
QUICK = Cnn3dSettings(channels=(4, 4, 8, 8), dimensions=4, training=TrainingSettings(epochs=2, batch_size=4))


def write_cohort(raw: Path, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write cases and give their manifest and ingestion outcomes."""
    rows = []
    for number in range(n):
        subject = f"CASE-{number}"
        folder = phantoms.write_case(raw / "images", subject)
        for modality in phantoms.MODALITIES:
            image = phantoms.brain() + np.random.default_rng(number).integers(0, 50, phantoms.SHAPE)
            image = (image * (phantoms.brain() > 0)).astype(np.int16)
            phantoms.save(image, folder / f"{subject}_{modality}.nii.gz")
        for modality, name in [*zip(phantoms.MODALITIES, phantoms.MODALITIES, strict=True), ("mask", "seg")]:
            path = folder / f"{subject}_{name}.nii.gz"
            rows.append(
                {
                    "subject_id": subject,
                    "modality": modality,
                    "path": path.relative_to(raw).as_posix(),
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
            )
    outcomes = pd.DataFrame(
        {
            "subject_id": [f"CASE-{number}" for number in range(n)],
            "status": "processed",
            "code": None,
            "reason": None,
        }
    )
    return pd.DataFrame(rows), outcomes


def put_crops(store: CaseStore, crops: dict[str, np.ndarray], sampling: str = "bounding_box") -> pd.DataFrame:
    """Put crops into a store and give their index."""
    rows = []
    for subject, array in crops.items():
        key = hashlib.sha256(f"{sampling} {subject}".encode() + array.tobytes()).hexdigest()
        store.put(key, CaseRecord({CROPS: array.astype(np.float16)}))
        rows.append(
            {
                "subject_id": subject,
                "sampling": sampling,
                "n_crops": len(array),
                "crop_key": key,
                "affine": [np.eye(4).ravel().tolist()] * len(array),
            }
        )
    return pd.DataFrame(rows)


def wired_cnn3d(n_modalities: int, modality: int) -> LightCnn3d:
    """Give a network whose first dimension is the mean brightness of one modality."""
    network = build_cnn3d(n_modalities, QUICK, 0).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("features") and parameter.ndim == 1:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            elif name.startswith(("features", "project")):
                parameter.zero_()
        for layer in (0, 3, 6, 9):
            network.features[layer].weight[0, modality if layer == 0 else 0, 1, 1, 1] = 1.0
        network.project.weight[0, 0] = 1.0
    return network
