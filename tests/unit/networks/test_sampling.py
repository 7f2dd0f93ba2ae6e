"""Where the networks look."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

import phantoms
from gliomics.errors import ScanError
from gliomics.imaging.volume import Volume
from gliomics.networks.sampling.boxes_and_patches import (
    Cube,
    bounding_cube,
    cut,
    draw_centres,
    normalised,
    patch_cube,
)
from gliomics.networks.settings import BoundingBoxSettings, PatchSettings

SPACING = (1.0, 2.0, 0.5)
PATCHES = PatchSettings(n=10, size_mm=8, voxels=16, margin_share=0.4, margin_mm=1.0)


def volume(array: np.ndarray, flips: tuple[int, int, int] = (-1, -1, 1)) -> Volume:
    affine = np.diag([*(np.array(SPACING) * flips), 1.0])
    affine[:3, 3] = (3.0, -7.0, 11.0)
    return Volume(array, affine, SPACING, "LPS")


def linear_image(mask: Volume) -> np.ndarray:
    """An image whose value is 1 + 2 R + 3 A + 5 S at every voxel's place in mm."""
    index = np.stack(np.meshgrid(*map(np.arange, mask.array.shape), indexing="ij"), axis=-1)
    world = index @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    return (1 + world @ [2, 3, 5]).astype(np.float32)


def test_the_cube_holds_the_box_and_its_margin():
    tumour = np.zeros((40, 40, 40), dtype=bool)
    tumour[10:20, 5:9, 8:24] = True  # 10, 8 and 8 mm
    cube = bounding_cube(tumour, volume(tumour).affine, BoundingBoxSettings(margin_mm=3, voxels=16))
    assert cube.step_mm * cube.voxels == pytest.approx(10 + 2 * 3)
    # Middle of the voxels 10..19, 5..8, 8..23, by hand: 3 - 14.5, -7 - 13, 11 + 7.75.
    np.testing.assert_allclose(cube.centre_mm, [-11.5, -20.0, 18.75])


@pytest.mark.parametrize("flips", [(-1, -1, 1), (1, 1, 1), (1, -1, -1)])
def test_a_cube_shows_the_image_at_its_place_whatever_the_orientation_of_the_file(flips):
    mask = volume(np.ones((40, 30, 60)), flips)
    middle = mask.affine @ [20, 15, 30, 1]
    cube = Cube(middle[:3], 0.75, 16)
    crop = cut(linear_image(mask), mask.affine, cube)
    index = np.stack(np.meshgrid(*[np.arange(16)] * 3, indexing="ij"), axis=-1)
    world = index @ cube.affine()[:3, :3].T + cube.affine()[:3, 3]
    np.testing.assert_allclose(crop, 1 + world @ [2, 3, 5], rtol=1e-4)


def test_outside_the_image_is_zero():
    mask = volume(np.ones((8, 8, 8)))
    assert not cut(np.ones((8, 8, 8), np.float32), mask.affine, Cube(np.full(3, 500.0), 1.0, 16)).any()
    half = cut(np.ones((8, 8, 8), np.float32), mask.affine, Cube(mask.affine[:3, 3], 1.0, 16))
    assert set(np.unique(half[0])) == {0.0} or set(np.unique(half[-1])) == {0.0}
    assert half.max() == pytest.approx(1.0)


def test_centres_lie_in_core_and_margin_in_the_wanted_shares():
    labels = phantoms.tumour((30, 30, 30))
    mask = Volume(labels, phantoms.LPS, (1.0, 1.0, 1.0), "LPS")
    brain = np.ones(labels.shape, dtype=bool)
    centres = draw_centres(labels, brain, mask, PATCHES, subject_id="A", seed=1)
    assert [centre.kind for centre in centres] == ["core"] * 6 + ["margin"] * 4
    inner = binary_erosion(labels > 0)
    for centre in centres:
        if centre.kind == "core":
            assert labels[centre.voxel] in (1, 4)
        else:  # within 1 mm of the boundary: not deeper than the outermost layer of the tumour
            assert not inner[centre.voxel]
        np.testing.assert_allclose(centre.mm, (phantoms.LPS @ [*centre.voxel, 1])[:3])
    assert len({centre.voxel for centre in centres if centre.kind == "core"}) == 6


def test_the_margin_keeps_inside_the_brain():
    labels = phantoms.tumour((30, 30, 30))
    mask = Volume(labels, phantoms.LPS, (1.0, 1.0, 1.0), "LPS")
    settings = PatchSettings(n=40, margin_share=1.0, margin_mm=3)
    centres = draw_centres(labels, labels > 0, mask, settings, subject_id="A", seed=1)
    assert len(centres) == 40
    assert all(labels[centre.voxel] > 0 for centre in centres)


def test_the_drawing_depends_on_seed_and_patient_only():
    labels = phantoms.tumour((30, 30, 30))
    mask = Volume(labels, phantoms.LPS, (1.0, 1.0, 1.0), "LPS")

    def places(subject: str, seed: int) -> list[tuple[int, int, int]]:
        drawn = draw_centres(labels, labels >= 0, mask, PATCHES, subject_id=subject, seed=seed)
        return [centre.voxel for centre in drawn]

    assert places("A", 1) == places("A", 1)
    assert places("A", 1) != places("B", 1)
    assert places("A", 1) != places("A", 2)


@pytest.mark.parametrize(
    ("labels", "brain", "got"),
    [(phantoms.tumour() // 2 * 2 % 4, 1, "no voxel of label 1, 4"), (phantoms.tumour(), 0, "no brain there")],
    ids=["core", "margin"],
)
def test_a_region_without_voxels_is_named(labels, brain, got):
    mask = Volume(labels, phantoms.LPS, (1.0, 1.0, 1.0), "LPS")
    inside = np.full(labels.shape, bool(brain))
    with pytest.raises(ScanError, match=rf"CASE \[mask\]: the .* must have voxels, got {got}") as caught:
        draw_centres(labels, inside, mask, PATCHES, subject_id="CASE", seed=1)
    assert caught.value.code == "region_missing"


def test_a_patch_is_as_large_as_the_settings_say():
    labels = phantoms.tumour((30, 30, 30))
    mask = Volume(labels, phantoms.LPS, (1.0, 1.0, 1.0), "LPS")
    centre = draw_centres(labels, labels >= 0, mask, PATCHES, subject_id="A", seed=1)[0]
    cube = patch_cube(centre, PATCHES)
    assert cube.step_mm * cube.voxels == 8
    np.testing.assert_allclose(cube.affine() @ [7.5, 7.5, 7.5, 1], [*centre.mm, 1])


def test_normalisation_by_hand_and_the_background_is_always_zero():
    image = np.array([[[0, 1, 3]], [[np.nan, 5, 7]]], dtype=np.float32)  # brain 1 3 5 7: mean 4, SD sqrt(5)
    expected = np.array([[[0, -3, -1]], [[0, 1, 3]]]) / np.sqrt(5)
    np.testing.assert_allclose(normalised(image, 5.0, "S"), expected, rtol=1e-6)
    np.testing.assert_allclose(normalised(image, 1.0, "S").max(), 1.0)
    np.testing.assert_array_equal(normalised(image, 5.0, "S"), normalised(image, 5.0, "S"))


@pytest.mark.parametrize("image", [np.zeros((2, 2, 2)), np.full((2, 2, 2), 7)])
def test_an_image_without_contrast_is_refused(image):
    with pytest.raises(ScanError, match=r"S \[t1\]: the brain must have more than one intensity"):
        normalised(image, 5.0, "S [t1]")
