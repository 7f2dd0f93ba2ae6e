"""What a worker does with one case: look its features up or measure them, and never take the others down."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import gliomics.imaging
import gliomics.radiomics
from gliomics.compute import lost_case
from gliomics.errors import ScanError
from gliomics.imaging.case_files import read_file
from gliomics.imaging.loading import ScanFiles, read_scan
from gliomics.imaging.scan_names import MASK
from gliomics.lineage.case_store import CaseRecord
from gliomics.lineage.fingerprints import fingerprint_code, fingerprint_json
from gliomics.radiomics.extraction import CaseFeatures, extract_case, whole_labels
from gliomics.radiomics.grid import zyx_grid
from gliomics.radiomics.perturbation import boundary_change, perturb_labels, perturbation_rng
from gliomics.radiomics.regions import label_box, region_masks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gliomics.imaging.case_scans import CaseScans
    from gliomics.imaging.volume import Volume
    from gliomics.lineage.case_store import CaseStore
    from gliomics.radiomics.settings import RadiomicsSettings
    from gliomics.radiomics.stability import StabilitySettings

LIBRARIES = ("numpy", "scipy", "numba", "nibabel", "SimpleITK", "pyradiomics", "PyWavelets")
"""Whose versions can change a value."""


@dataclass(frozen=True)
class CaseResult:
    """What became of one case.

    Attributes
    ----------
    subject_id : str
        The case.
    record : CaseRecord or None
        What was measured; none if it failed.
    error : ScanError or None
        Why it failed.
    computed : bool
        False when it was found in the store.
    """

    subject_id: str
    record: CaseRecord | None = None
    error: ScanError | None = None
    computed: bool = False


def measure_case(case: CaseScans, store: CaseStore, settings: RadiomicsSettings) -> CaseResult:
    """Measure the features of a case.

    Parameters
    ----------
    case : CaseScans
        Its files.
    store : CaseStore
        Where the record is looked for and kept.
    settings : RadiomicsSettings
        What to measure.

    Returns
    -------
    CaseResult
        Arrays ``values`` (columns,) and ``presence`` (regions,); facts ``reasons`` (column to reason) and
        ``grey_levels`` (modality, region, number).
    """

    def measure() -> CaseRecord:
        return _record(extract_case(case.subject_id, _scans(case), case.decode(MASK), settings))

    key = _key("features", case, settings)
    return _attempt(case, lambda: store.remember(key, measure), settings)


def perturb_case(
    case: CaseScans, store: CaseStore, settings: RadiomicsSettings, stability: StabilitySettings, seed: int
) -> CaseResult:
    """Measure the features of a case within perturbed boundaries.

    Parameters
    ----------
    case, store, settings
        As `measure_case`.
    stability : StabilitySettings
        How far boundaries move, and how often.
    seed : int
        The run's seed.

    Returns
    -------
    CaseResult
        Arrays ``values`` (perturbations, columns), ``hausdorff_mm`` and ``volume_change``
        (perturbations, regions).
    """
    drawn = {"stability": stability.drawing(), "seed": seed, "subject_id": case.subject_id}
    key = _key("perturbed", case, settings, **drawn)
    return _attempt(
        case, lambda: store.remember(key, lambda: _perturbed(case, settings, stability, seed)), settings
    )


def measure_variants(
    case: CaseScans, store: CaseStore, settings: RadiomicsSettings, variants: Mapping[str, Path]
) -> CaseResult:
    """Measure the features of a case within segmentations that other algorithms drew.

    Parameters
    ----------
    case, store, settings
        As `measure_case`.
    variants : mapping of str to Path
        Segmentation file of each algorithm.

    Returns
    -------
    CaseResult
        Array ``values`` (algorithms, columns), NaN for a segmentation that cannot be used; facts
        ``algorithms`` and ``failures`` (algorithm to reason).
    """

    def attempt() -> tuple[CaseRecord, bool]:
        contents = {name: read_file(path, f"{case.subject_id} [{name}]") for name, path in variants.items()}
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        key = _key("variants", case, settings, variants=hashes)
        return store.remember(key, lambda: _variants(case, settings, contents))

    return _attempt(case, attempt, settings)


def lost_result(case: CaseScans, reason: str) -> CaseResult:
    """Say of a case that it was given up (`gliomics.compute.map_cases`).

    Parameters
    ----------
    case : CaseScans
        Which.
    reason : str
        Why.

    Returns
    -------
    CaseResult
        Failed.
    """
    return CaseResult(case.subject_id, error=lost_case(case.subject_id, reason))


@cache
def _code() -> str:
    packages = (gliomics.radiomics, gliomics.imaging)
    return fingerprint_code([Path(str(package.__file__)).parent for package in packages], LIBRARIES)


def _key(kind: str, case: CaseScans, settings: RadiomicsSettings, **more: Any) -> str:
    facts = {
        "kind": kind,
        "files": case.hashes(settings.modalities),
        "settings": settings.model_dump(mode="json"),
        "code": _code(),
    }
    return fingerprint_json({**facts, **more})


def _attempt(
    case: CaseScans, work: Callable[[], tuple[CaseRecord, bool]], settings: RadiomicsSettings
) -> CaseResult:
    try:
        record, computed = work()
        if not computed:
            case.verify(settings.modalities)
    except ScanError as error:
        return CaseResult(case.subject_id, error=error)
    return CaseResult(case.subject_id, record=record, computed=computed)


def _scans(case: CaseScans) -> ScanFiles:
    """Give the images, each read, verified and decoded when it is asked for."""
    images = {modality: path for modality, path in case.paths.items() if modality != MASK}
    return ScanFiles(images, case.subject_id, case.read)


def _record(features: CaseFeatures) -> CaseRecord:
    return CaseRecord(
        {
            "values": np.array(list(features.values.values())),
            "presence": np.array(list(features.presence.values())),
        },
        {
            "reasons": features.reasons,
            "grey_levels": [[*place, levels] for place, levels in features.grey_levels.items()],
        },
    )


def _perturbed(
    case: CaseScans, settings: RadiomicsSettings, stability: StabilitySettings, seed: int
) -> CaseRecord:
    segmentation = whole_labels(case.subject_id, case.decode(MASK))
    grid = zyx_grid(segmentation)
    images = _images(case, settings)
    values, distances, changes = [], [], []
    for number in range(stability.perturbations):
        rng = perturbation_rng(seed, case.subject_id, number)
        moved = perturb_labels(grid.array, grid.spacing, rng, stability)
        mask = replace(segmentation, array=moved.transpose(2, 1, 0))
        values.append(list(extract_case(case.subject_id, images, mask, settings).values.values()))
        box = label_box(grid.array, moved)
        before, after = (region_masks(labels[box], settings) for labels in (grid.array, moved))
        change = [boundary_change(before[name], after[name], grid.spacing) for name in settings.regions]
        distances.append([c.hausdorff_mm for c in change])
        changes.append([c.volume_change for c in change])
    return CaseRecord(
        {"values": np.array(values), "hausdorff_mm": np.array(distances), "volume_change": np.array(changes)}
    )


def _images(case: CaseScans, settings: RadiomicsSettings) -> dict[str, Volume]:
    """Decode the images once where they are measured several times."""
    scans = _scans(case)
    return {modality: scans[modality] for modality in settings.modalities if modality in scans}


def _variants(case: CaseScans, settings: RadiomicsSettings, contents: Mapping[str, bytes]) -> CaseRecord:
    images = _images(case, settings)
    values, failures = [], {}
    for name, content in contents.items():
        where = f"{case.subject_id} [{name}]"
        try:
            features = extract_case(where, images, read_scan(content, where), settings)
            values.append(list(features.values.values()))
        except ScanError as error:
            failures[name] = str(error)
    algorithms = [name for name in contents if name not in failures]
    return CaseRecord({"values": np.array(values)}, {"algorithms": algorithms, "failures": failures})
