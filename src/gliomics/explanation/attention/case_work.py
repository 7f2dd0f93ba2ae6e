"""One patient: maps of every network that scored them, in the scan's grid, with figures and controls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

import nibabel as nib
import numpy as np
from isal import igzip

from gliomics.explanation.attention.overlay import Scene, triplanar
from gliomics.explanation.attention.placement import place_crops
from gliomics.explanation.attention.regions import region_shares, regions_in_view
from gliomics.imaging.scan_names import MASK
from gliomics.networks.sampling.crops import load_crops
from gliomics.radiomics.regions import whole_tumour
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from gliomics.explanation.attention.networks import OutOfFoldNetwork
    from gliomics.explanation.attention.settings import GradCamSettings
    from gliomics.imaging.case_scans import CaseScans
    from gliomics.imaging.volume import Volume
    from gliomics.lineage.case_store import CaseStore
    from gliomics.radiomics.settings import RadiomicsSettings

OBSERVED, HEAD = "none", "head"
ALL_MODALITIES = "all"
MAPPED, NO_HEAT = "mapped", "no_heat"
COMPRESSION = 1


@dataclass(frozen=True)
class NetworkWork:
    """One network to be explained for a patient.

    Attributes
    ----------
    network : OutOfFoldNetwork
        Never trained on the patient.
    crop_key : str
        The patient's crops.
    crop_affines : ndarray, shape (crops, 4, 4)
        From their voxels to RAS+ mm.
    weights, centre, spread : ndarray, shape (columns of the network,)
        Of the fold's head, and mean and standard deviation of its training patients.
    facts : mapping
        What the rows of its maps say besides: subject, fold, score.
    """

    network: OutOfFoldNetwork
    crop_key: str
    crop_affines: NDArray[np.float64]
    weights: NDArray[np.float64]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class PatientWork:
    """One patient, the class that the arm calls (1 long, 0 short), and the networks."""

    scans: CaseScans
    called: int
    networks: tuple[NetworkWork, ...]
    saved: bool


@dataclass(frozen=True)
class CaseSettings:
    """What every patient's work shares."""

    grad_cam: GradCamSettings
    radiomics: RadiomicsSettings
    modalities: tuple[str, ...]
    seed: int

    @property
    def background(self) -> str:
        """Modality under a map of all modalities."""
        return self.grad_cam.overlay.background_of(self.modalities)


@dataclass(frozen=True)
class ExplainedCase:
    """Rows of the tables, and files by their name in the folders of heatmaps and overlays."""

    maps: list[dict[str, Any]] = field(default_factory=list)
    enrichment: list[dict[str, Any]] = field(default_factory=list)
    heatmaps: dict[str, bytes] = field(default_factory=dict)
    overlays: dict[str, bytes] = field(default_factory=dict)


def explain_case(work: PatientWork, store: CaseStore, settings: CaseSettings) -> ExplainedCase:
    """Make the maps of one patient.

    Parameters
    ----------
    work : PatientWork
        Scans and networks.
    store : CaseStore
        Holds crops and networks.
    settings : CaseSettings
        Regions, controls, pictures.

    Returns
    -------
    ExplainedCase
        A map, a row and its figures for each network and pass.

    Raises
    ------
    ScanError
        If the scans are no longer those that ingestion checked, or the crops are gone.
    """
    scans = _Scans(work.scans)
    done = ExplainedCase()
    for network in work.networks:
        _explain_network(work, network, scans, store, settings, done=done)
    return done


class _Scans:
    """A patient's scans, each read at most once."""

    def __init__(self, files: CaseScans) -> None:
        self._files = files
        self._read: dict[str, Volume] = {}

    def __getitem__(self, modality: str) -> Volume:
        if modality not in self._read:
            self._read[modality] = self._files.decode(modality)
        return self._read[modality]


def _explain_network(
    work: PatientWork,
    task: NetworkWork,
    scans: _Scans,
    store: CaseStore,
    settings: CaseSettings,
    *,
    done: ExplainedCase,
) -> None:
    subject = work.scans.subject_id
    crops = load_crops(store, {subject: task.crop_key})[subject]
    camera = _Camera(task, crops, work.called, store)
    observed, log_odds = camera.observed.maps, camera.observed.log_odds - float(task.weights @ task.centre)
    mask, brain = scans[MASK], scans[settings.background].array != 0
    placement = place_crops(
        mask.array.shape,
        mask.affine,
        list(task.crop_affines),
        crop_voxels=crops.shape[-1],
        cells=observed.shape[-1],
    )
    regions = regions_in_view(mask, brain, placement.voxels, settings.radiomics, settings.grad_cam.margin_mm)
    shares = region_shares(placement, regions)
    passes = settings.modalities if task.network.passes > 1 else (ALL_MODALITIES,)
    cell_mm = float(task.crop_affines[0][0, 0]) * crops.shape[-1] / observed.shape[-1]
    for number, modality in enumerate(passes):
        heat = placement.heat(observed[:, number])
        saved = work.saved and bool(heat.any())
        name = f"{subject}/" + "__".join([task.network.network, task.network.sampling, modality])
        done.maps.append(
            {
                **task.facts,
                "modality": modality,
                "status": MAPPED if heat.any() else NO_HEAT,
                "log_odds": log_odds,
                "n_crops": len(crops),
                "cell_mm": cell_mm,
                "largest_heat": float(heat.max(initial=0.0)),
                "file": name if saved else None,
            }
        )
        if saved:
            volume = placement.volume(heat)
            done.heatmaps[f"{name}.nii.gz"] = nifti(volume, mask.affine, f"Grad-CAM {name}")
            done.overlays[f"{name}.webp"] = _picture(volume, mask, scans, modality, settings)
    for control, draw, maps in camera.with_controls(subject, settings):
        from gliomics.explanation.attention.cam import correlation

        done.enrichment.extend(
            {
                **_place(task),
                "modality": modality,
                "control": control,
                "draw": draw,
                **row,
                "map_correlation": correlation(observed[:, number], maps[:, number]),
            }
            for number, modality in enumerate(passes)
            for row in shares.rows(maps[:, number])
        )


class _Camera:
    """One network before the crops of one patient."""

    def __init__(self, task: NetworkWork, crops: NDArray[np.float16], called: int, store: CaseStore) -> None:
        from gliomics.explanation.attention import cam

        own = task.network
        how = cam.HowPooled(own.sampling, own.pooling, own.concatenate)
        self._task, self._called = task, called
        self._batch = cam.as_batch(crops, own.passes)
        self._network = own.build(store)
        self._cam = cam.CaseCam(cam.ScoredCrops(own.network, self._network, how, own.passes))
        self.observed = self._maps(task.weights)

    def with_controls(
        self, subject_id: str, settings: CaseSettings
    ) -> Iterator[tuple[str, int, NDArray[np.float32]]]:
        """Give the observed maps, then those of each control and draw: the head, then weights downwards."""
        from gliomics.explanation.attention import cam

        own, draws = self._task.network, range(settings.grad_cam.randomisations)
        yield OBSERVED, 0, self.observed.maps
        place = crc32(f"{subject_id} {own.network} {own.sampling}".encode())
        heads = [
            cam.shuffled_weights(
                self._task.weights,
                self._task.spread,
                generator(settings.seed, "Grad-CAM, randomised head", place, draw),
            )
            for draw in draws
        ]
        for draw in draws:
            yield HEAD, draw, self._maps(heads[draw]).maps
        trained = {name: tensor.clone() for name, tensor in self._network.state_dict().items()}
        for draw in draws:
            self._network.load_state_dict(trained)
            rng = generator(settings.seed, "Grad-CAM, randomised weights", draw)
            fresh = own.fresh(int(rng.integers(2**31)))
            for stage in cam.randomise_downwards(own.network, self._network, fresh):
                yield stage, draw, self._maps(heads[draw]).maps

    def _maps(self, weights: NDArray[np.float64]) -> Any:
        return self._cam.maps(self._batch, weights, self._called)


def _place(task: NetworkWork) -> dict[str, Any]:
    return {name: task.facts[name] for name in ("subject_id", "network", "sampling", "repeat", "fold")}


def _picture(
    volume: NDArray[np.float32], mask: Volume, scans: _Scans, modality: str, settings: CaseSettings
) -> bytes:
    overlay = settings.grad_cam.overlay
    under = scans[settings.background if modality == ALL_MODALITIES else modality]
    tumour = whole_tumour(np.rint(mask.array).astype(np.int16), settings.radiomics)
    return triplanar(Scene(under.array, tumour, volume, mask.affine), overlay)


def nifti(volume: NDArray[np.float32], affine: NDArray[np.float64], description: str) -> bytes:
    """Write a map as a gzipped NIfTI file in the patient's space.

    Parameters
    ----------
    volume : ndarray of float32, shape (x, y, z)
        Heat; NaN outside the field of view.
    affine : ndarray, shape (4, 4)
        Of the scan.
    description : str
        Put into the header, cut to the 79 characters that it holds.

    Returns
    -------
    bytes
        The same for the same map.
    """
    image: Any = nib.Nifti1Image(volume, affine)  # type: ignore[no-untyped-call]
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description[:79].encode("ascii", "replace")
    return bytes(igzip.compress(image.to_bytes(), compresslevel=COMPRESSION, mtime=0))
