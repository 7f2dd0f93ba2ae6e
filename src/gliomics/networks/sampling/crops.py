"""From a case's files to the crops that networks are shown, each case read once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gliomics.errors import ScanError
from gliomics.imaging.scan_names import MASK
from gliomics.lineage.case_store import CaseRecord
from gliomics.lineage.fingerprints import fingerprint_json
from gliomics.networks.code_version import code_version
from gliomics.networks.sampling.boxes_and_patches import (
    Cube,
    bounding_cube,
    cut,
    draw_centres,
    normalised,
    patch_cube,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.imaging.case_scans import CaseScans
    from gliomics.imaging.volume import Volume
    from gliomics.lineage.case_store import CaseStore
    from gliomics.networks.sampling.boxes_and_patches import PatchCentre
    from gliomics.networks.settings import Sampling, SamplingSettings

logger = logging.getLogger(__name__)

AFFINE_TOLERANCE_MM = 1e-2
CROPS = "crops"


@dataclass(frozen=True)
class SampledCase:
    """One case: a row a sampling, a row a patch, and what is wrong with it if anything is."""

    subject_id: str
    index: list[dict[str, Any]] = field(default_factory=list)
    centres: list[dict[str, Any]] = field(default_factory=list)
    error: ScanError | None = None


def sample_case(case: CaseScans, store: CaseStore, settings: SamplingSettings, seed: int) -> SampledCase:
    """Cut the crops of one case, or find them in the store.

    Parameters
    ----------
    case : CaseScans
        Its files.
    store : CaseStore
        Keeps the crops, one record a sampling.
    settings : SamplingSettings
        Where to look.
    seed : int
        The run's seed.

    Returns
    -------
    SampledCase
        Rows of its crops and centres, or its error.
    """
    keys = {name: _crop_key(case, name, settings, seed) for name in settings.samplings}
    kept = {name: store.get(key) for name, key in keys.items()}
    records = {name: record for name, record in kept.items() if record is not None}
    try:
        if len(records) < len(keys):
            records = cut_case(case, settings, seed)
            for name, key in keys.items():
                store.put(key, records[name])
    except ScanError as error:
        logger.debug("%s: %s", case.subject_id, error)
        return SampledCase(case.subject_id, error=error)
    sampled = SampledCase(case.subject_id)
    for name, record in records.items():
        facts = record.facts
        sampled.index.append(
            {
                "subject_id": case.subject_id,
                "sampling": name,
                "n_crops": len(facts["affines"]),
                "crop_key": keys[name],
                "affine": facts["affines"],
            }
        )
        sampled.centres.extend({"subject_id": case.subject_id, **row} for row in facts["centres"])
    return sampled


def cut_case(case: CaseScans, settings: SamplingSettings, seed: int) -> dict[Sampling, CaseRecord]:
    """Read a case's files once each and cut every crop.

    Parameters
    ----------
    case : CaseScans
        Its files; one image is in memory at a time.
    settings : SamplingSettings
        Where to look.
    seed : int
        The run's seed.

    Returns
    -------
    dict of str to CaseRecord
        Per sampling ``crops``, float16, shape (crops, modalities, voxels, voxels, voxels), and as facts
        the affine of each crop and the drawn centres.

    Raises
    ------
    ScanError
        If a file cannot be read or was changed, grids differ, or there is nothing to sample.
    """
    mask = case.decode(MASK)
    whole = np.rint(mask.array).astype(np.int16)
    labels = whole.copy()
    for old, new in settings.label_map.items():
        labels[whole == old] = new
    if not (labels > 0).any():
        raise ScanError(
            code="empty_segmentation",
            where=f"{case.subject_id} [{MASK}]",
            expected="the segmentation must hold some tumour",
            got="label 0 everywhere",
            fix="Segment the case, or leave it out.",
        )
    cubes: dict[Sampling, list[Cube]] = {}
    centres: list[PatchCentre] = []
    crops: dict[Sampling, list[NDArray[np.float16]]] = {name: [] for name in settings.samplings}
    for modality in settings.modalities:
        volume = case.decode(modality)
        _same_grid(case.subject_id, modality, volume, mask)
        if not cubes:
            cubes, centres = _place_cubes(
                case.subject_id, labels, volume.array != 0, mask, settings, seed=seed
            )
        scores = normalised(volume.array, settings.clip, f"{case.subject_id} [{modality}]")
        for name, wanted in cubes.items():
            crops[name].append(np.stack([cut(scores, volume.affine, c) for c in wanted]).astype(np.float16))
    return {
        name: CaseRecord(
            {CROPS: np.stack(channels, axis=1)},
            {
                "affines": [cube.affine().ravel().tolist() for cube in cubes[name]],
                "centres": _centre_rows(centres) if name == "patches" else [],
            },
        )
        for name, channels in crops.items()
    }


def load_crops(store: CaseStore, keys: Mapping[str, str]) -> dict[str, NDArray[np.float16]]:
    """Load the crops of some cases: the one way by which images reach a network.

    Parameters
    ----------
    store : CaseStore
        As filled by `gliomics.networks.sampling.cohort_crops.sample_cohort`.
    keys : mapping of str to str
        Subject to key, of one sampling.

    Returns
    -------
    dict of str to ndarray
        Subject to float16 crops, shape (crops, modalities, voxels, voxels, voxels).

    Raises
    ------
    ScanError
        ``crops_missing`` if the store was emptied after sampling.
    """
    crops = {}
    for subject_id, key in keys.items():
        record = store.get(key)
        if record is None:
            raise ScanError(
                code="crops_missing",
                where=f"{subject_id} [crops]",
                expected="the store must hold them",
                got=f"no whole record {key}",
                fix="Run the embedding stage again from its start.",
            )
        crops[subject_id] = record.arrays[CROPS]
    return crops


def crop_keys(index: pd.DataFrame, sampling: Sampling) -> dict[str, str]:
    """Give the key of each usable case's crops in one sampling, sorted by subject."""
    rows = index[index["sampling"] == sampling].sort_values("subject_id")
    return dict(zip(rows["subject_id"], rows["crop_key"], strict=True))


def _crop_key(case: CaseScans, sampling: Sampling, settings: SamplingSettings, seed: int) -> str:
    wanted = (MASK, *settings.modalities)
    return fingerprint_json(
        {
            "what": "crops",
            "subject_id": case.subject_id,
            "files": {name: case.sha256.get(name) for name in wanted},
            "modalities": list(settings.modalities),
            "settings": getattr(settings, sampling).model_dump(mode="json"),
            "clip": settings.clip,
            "seed": seed,
            "code": code_version(),
        }
    )


def _same_grid(subject_id: str, modality: str, volume: Volume, mask: Volume) -> None:
    if volume.array.shape == mask.array.shape and np.allclose(
        volume.affine, mask.affine, rtol=0, atol=AFFINE_TOLERANCE_MM
    ):
        return
    raise ScanError(
        code="grid_mismatch",
        where=f"{subject_id} [{modality}]",
        expected=f"shape and affine must be the segmentation's, {mask.array.shape}",
        got=f"shape {volume.array.shape} or another affine",
        fix="Resample all scans of the case to one grid.",
    )


def _place_cubes(
    subject_id: str,
    labels: NDArray[Any],
    brain: NDArray[np.bool_],
    mask: Volume,
    settings: SamplingSettings,
    *,
    seed: int,
) -> tuple[dict[Sampling, list[Cube]], list[PatchCentre]]:
    cubes: dict[Sampling, list[Cube]] = {}
    centres: list[PatchCentre] = []
    for name in settings.samplings:
        if name == "bounding_box":
            cubes[name] = [bounding_cube(labels > 0, mask.affine, settings.bounding_box)]
        else:
            centres = draw_centres(labels, brain, mask, settings.patches, subject_id=subject_id, seed=seed)
            cubes[name] = [patch_cube(centre, settings.patches) for centre in centres]
    return cubes, centres


def _centre_rows(centres: Sequence[PatchCentre]) -> list[dict[str, Any]]:
    return [
        {
            "patch": number,
            "kind": centre.kind,
            **dict(zip(("x_mm", "y_mm", "z_mm"), (float(x) for x in centre.mm), strict=True)),
            **dict(zip("ijk", centre.voxel, strict=True)),
        }
        for number, centre in enumerate(centres)
    ]
