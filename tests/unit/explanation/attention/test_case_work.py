"""One patient whose network is wired to the enhancing tumour: the figures say so, the controls do not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import phantoms
from gliomics.errors import ScanError, WeightsError
from gliomics.explanation.attention.case_work import CaseSettings, NetworkWork, PatientWork, explain_case
from gliomics.explanation.attention.networks import OutOfFoldNetwork
from gliomics.explanation.attention.settings import GradCamSettings, OverlaySettings
from gliomics.imaging.case_scans import CaseScans
from gliomics.imaging.volume import read_volume
from gliomics.lineage.case_store import CaseRecord, CaseStore
from gliomics.networks.settings import MedicalNetSettings
from gliomics.radiomics.settings import RadiomicsSettings
from network_cases import QUICK, put_crops, wired_cnn3d

EDGE = 32
FACTS = {
    "subject_id": "P1",
    "network": "cnn3d",
    "sampling": "bounding_box",
    "repeat": 0,
    "fold": 1,
    "y_true": 1,
    "y_score": 0.8,
    "threshold": 0.5,
    "called": "long",
    "head": "arm",
}


@pytest.fixture
def patient(tmp_path: Path) -> tuple[PatientWork, CaseStore, CaseSettings]:
    labels = np.zeros((40, EDGE, EDGE), dtype=np.uint8)
    labels[:24, 8:, :24] = 2
    labels[:16, 16:, :16] = 4
    image = np.full(labels.shape, 100, dtype=np.int16)
    paths = {"mask": tmp_path / "seg.nii.gz", "t1ce": tmp_path / "t1ce.nii.gz"}
    phantoms.save(labels, paths["mask"], np.eye(4))
    phantoms.save(image, paths["t1ce"], np.eye(4))
    sha256 = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
    crops = np.zeros((1, 2, EDGE, EDGE, EDGE), dtype=np.float16)
    crops[0, 0] = 3.0 * (labels[:EDGE] == 4)  # the first modality shows the enhancing tumour
    crops[0, 1] = np.random.default_rng(0).normal(size=(EDGE,) * 3)
    store = CaseStore(tmp_path / "store")
    key = put_crops(store, {"P1": crops})["crop_key"].iloc[0]
    wired = {name: tensor.numpy() for name, tensor in wired_cnn3d(2, modality=0).state_dict().items()}
    store.put("a" * 64, CaseRecord(wired))
    network = OutOfFoldNetwork(
        "cnn3d", "bounding_box", "a" * 64, None, 2, QUICK, MedicalNetSettings(weights="untrained")
    )
    unit = np.eye(QUICK.dimensions)[0]
    task = NetworkWork(network, key, np.eye(4)[None], unit, 0 * unit, np.ones_like(unit), FACTS)
    work = PatientWork(CaseScans("P1", paths, sha256), 1, (task,), saved=True)
    settings = CaseSettings(
        GradCamSettings(randomisations=4, overlay=OverlaySettings(height_px=64)),
        RadiomicsSettings(),
        ("t1", "t1ce"),
        3,
    )
    return work, store, settings


def test_the_heat_lies_in_the_region_that_the_network_is_wired_to_and_randomising_spreads_it(patient):
    made = explain_case(*patient)
    enrichment = {(row["control"], row["draw"], row["region"]): row["enrichment"] for row in made.enrichment}
    own = enrichment["none", 0, "et"]
    assert own > 5  # of at most 8: the tumour is an eighth of the view, cells of the map are blunt
    assert enrichment["none", 0, "healthy"] < 0.05

    def random(control: str) -> np.ndarray:
        found = np.array([enrichment[control, draw, "et"] for draw in range(4)])
        return found[np.isfinite(found)]

    # Behind another linear layer the last map still knows one place; without its convolutions it knows none.
    np.testing.assert_allclose(random("project"), own, rtol=1e-6)
    assert random("conv1").mean() < 0.6 * own


def test_the_map_lies_in_the_scan_and_is_unknown_outside_the_crop(patient):
    made = explain_case(*patient)
    heat = read_volume(made.heatmaps["P1/cnn3d__bounding_box__all.nii.gz"], "heat").array
    assert np.isnan(heat[EDGE:]).all() and np.isfinite(heat[:EDGE]).all()
    assert all(place < 16 for place in np.unravel_index(np.nanargmax(heat), heat.shape)[::2])
    assert made.maps[0]["status"] == "mapped" and made.maps[0]["cell_mm"] == 8
    assert list(made.overlays) == ["P1/cnn3d__bounding_box__all.webp"]


def test_a_map_without_heat_is_said_to_have_none_and_is_not_drawn(patient):
    work, store, settings = patient
    against = PatientWork(work.scans, 0, work.networks, saved=True)  # the network speaks for the other class
    made = explain_case(against, store, settings)
    assert made.maps[0]["status"] == "no_heat" and made.maps[0]["file"] is None
    assert not made.heatmaps and not made.overlays
    observed = [row["enrichment"] for row in made.enrichment if row["control"] == "none"]
    assert np.isnan(observed).all()


def test_what_is_gone_or_changed_is_named(patient):
    work, store, settings = patient
    work.scans.paths["t1ce"].write_bytes(b"other")
    with pytest.raises(ScanError, match="P1"):
        explain_case(work, store, settings)
    with pytest.raises(WeightsError, match="network of every fold"):
        OutOfFoldNetwork(
            "cnn3d", "bounding_box", "b" * 64, None, 2, QUICK, MedicalNetSettings(weights="untrained")
        ).build(store)
