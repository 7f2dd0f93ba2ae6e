"""From a crop's cells to the patient: known affines, oblique ones, overlaps, and nothing outside."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gliomics.explanation.attention.case_work import nifti
from gliomics.explanation.attention.placement import place_crops
from gliomics.imaging.volume import read_volume

LPS = np.array([[-1.0, 0, 0, 9], [0, -1, 0, 9], [0, 0, 1, 0], [0, 0, 0, 1]])


def oblique() -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [12, -20, 15], degrees=True).as_matrix() @ np.diag(
        [0.7, 1.1, 1.3]
    )
    affine[:3, 3] = np.array([2.5, 3.5, 1.5]) - affine[:3, :3] @ np.array([8.0, 7.5, 7.0])
    return affine


def crop(step: float, corner: tuple[float, float, float]) -> np.ndarray:
    """A crop whose first voxel has its centre at `corner`."""
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = corner
    return affine


def world(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    index = np.indices(shape).reshape(3, -1)
    return affine[:3, :3] @ index + affine[:3, 3:]


def test_a_crop_covers_exactly_its_voxels_and_everything_else_is_nan():
    placed = place_crops((10, 10, 10), LPS, [crop(1.0, (2, 3, 4))], crop_voxels=4, cells=2)
    volume = placed.volume(placed.heat(np.ones((1, 2, 2, 2))))
    x, y, z = (9 - np.arange(10), 9 - np.arange(10), np.arange(10))
    inside = ((x >= 2) & (x <= 5))[:, None, None] & ((y >= 3) & (y <= 6))[:, None] & ((z >= 4) & (z <= 7))
    assert np.array_equal(np.isfinite(volume), inside)
    np.testing.assert_allclose(volume[inside], 1.0, rtol=1e-6)


@pytest.mark.parametrize("affine", [LPS, oblique(), np.diag([2.0, 2.0, 2.0, 1.0])])
def test_heat_that_rises_linearly_through_the_patient_is_found_there(affine):
    # Trilinear interpolation keeps a linear function; its values at the cells' centres are known in mm.
    step, voxels, cells = 1.0, 12, 6
    corner = np.array([-3.0, -2.0, -4.0])
    slope = np.array([0.5, -0.25, 1.0])
    edges = corner[:, None] - step / 2 + (np.arange(cells) + 0.5) * step * voxels / cells
    maps = slope[0] * edges[0][:, None, None] + slope[1] * edges[1][:, None] + slope[2] * edges[2]
    placed = place_crops((16, 15, 14), affine, [crop(step, tuple(corner))], crop_voxels=voxels, cells=cells)
    places = world((16, 15, 14), affine)
    box = (places >= corner[:, None] - 0.5) & (places <= corner[:, None] + voxels - 0.5)
    assert np.array_equal(np.flatnonzero(box.all(axis=0)), placed.voxels)
    places = places[:, placed.voxels]
    between = ((places >= edges[:, :1]) & (places <= edges[:, -1:])).all(axis=0)
    assert between.sum() > 50
    np.testing.assert_allclose(placed.heat(maps[None])[between], (slope @ places)[between], atol=1e-9)


def test_overlapping_crops_are_averaged():
    crops = [crop(1.0, (0, 0, 0)), crop(1.0, (2, 0, 0))]
    placed = place_crops((8, 4, 4), np.eye(4), crops, crop_voxels=4, cells=2)
    volume = placed.volume(placed.heat(np.stack([np.full((2, 2, 2), 1.0), np.full((2, 2, 2), 3.0)])))
    np.testing.assert_allclose(volume[:, 0, 0], [1, 1, 2, 2, 3, 3, np.nan, np.nan])


def test_a_crop_may_reach_beyond_the_scan_or_miss_it():
    beyond = place_crops((4, 4, 4), np.eye(4), [crop(1.0, (-2, 0, 0))], crop_voxels=4, cells=2)
    assert len(beyond.voxels) == 2 * 4 * 4
    missing = place_crops((4, 4, 4), np.eye(4), [crop(1.0, (50, 0, 0))], crop_voxels=4, cells=2)
    assert np.isnan(missing.volume(missing.heat(np.ones((1, 2, 2, 2))))).all()


def test_a_map_is_saved_in_the_space_of_the_patient_and_always_with_the_same_bytes():
    volume = np.full((4, 5, 6), np.nan, dtype=np.float32)
    volume[1, 2, 3] = 7.0
    content = nifti(volume, oblique(), "Grad-CAM")
    back = read_volume(content, "P1 [heat]")
    np.testing.assert_allclose(back.affine, oblique(), atol=1e-5)
    np.testing.assert_array_equal(back.array, volume)
    assert content == nifti(volume, oblique(), "Grad-CAM")
    assert nib.aff2axcodes(back.affine) == nib.aff2axcodes(oblique())
