"""Shares of regions in the heat against their shares of the view."""

from __future__ import annotations

import numpy as np
import pytest

import phantoms
from gliomics.explanation.attention.placement import place_crops
from gliomics.explanation.attention.regions import REGIONS, region_shares, regions_in_view
from gliomics.imaging.volume import Volume
from gliomics.radiomics.settings import RadiomicsSettings

SPACING = (1.0, 1.5, 2.0)
SETTINGS = RadiomicsSettings()


@pytest.fixture
def mask() -> Volume:
    return Volume(phantoms.tumour(), np.diag([*SPACING, 1.0]), SPACING, "RAS")


@pytest.fixture
def placement(mask):
    # One crop over all of the scan but its first layer along x.
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[0, 3] = 1.0
    return place_crops(mask.array.shape, mask.affine, [affine], crop_voxels=24, cells=6)


def shares_of(mask, placement, margin_mm=2.0):
    brain = phantoms.brain() > 0
    return regions_in_view(mask, brain, placement.voxels, SETTINGS, margin_mm)


def test_the_regions_share_out_the_view(mask, placement):
    regions = shares_of(mask, placement)
    assert tuple(regions) == REGIONS
    parts = np.stack([regions[name] for name in REGIONS if name != "et"])
    assert (parts.sum(axis=0) == 1).all()
    assert not (regions["et"] & ~regions["tc"]).any()
    assert [int(regions[name].sum()) for name in ("et", "tc", "edema")] == [8, 64, 216 - 64]


@pytest.mark.parametrize("margin_mm", [1.0, 2.0, 3.1])
def test_the_shell_is_as_thick_as_asked_whatever_the_voxels(mask, placement, margin_mm):
    regions = shares_of(mask, placement, margin_mm)
    places = np.indices(mask.array.shape).reshape(3, -1).T * np.array(SPACING)
    tumour = places[mask.array.ravel() > 0]
    view = places[placement.voxels]
    distance = np.array([np.sqrt(((tumour - place) ** 2).sum(axis=1)).min() for place in view])
    brain = (phantoms.brain() > 0).ravel()[placement.voxels]
    assert np.array_equal(regions["margin"], brain & (distance > 0) & (distance <= margin_mm))


def test_uniform_heat_enriches_nothing(mask, placement):
    rows = region_shares(placement, shares_of(mask, placement)).rows(np.full((1, 6, 6, 6), 0.3))
    np.testing.assert_allclose([row["enrichment"] for row in rows], 1.0)
    assert [row["region"] for row in rows] == list(REGIONS)


def test_shares_are_those_of_the_placed_heat(mask, placement):
    maps = np.random.default_rng(0).random((1, 6, 6, 6))
    regions, heat = shares_of(mask, placement), placement.heat(maps)
    for row in region_shares(placement, regions).rows(maps):
        inside = regions[row["region"]]
        assert row["heat_share"] == pytest.approx(heat[inside].sum() / heat.sum())
        assert row["enrichment"] == pytest.approx(heat[inside].mean() / heat.mean())


def test_without_heat_or_without_the_region_there_is_no_figure(mask, placement):
    shares = region_shares(placement, shares_of(mask, placement))
    assert all(np.isnan(row["enrichment"]) for row in shares.rows(np.zeros((1, 6, 6, 6))))
    no_core = Volume(np.where(mask.array > 0, 2, 0), mask.affine, SPACING, "RAS")
    rows = region_shares(placement, shares_of(no_core, placement)).rows(np.ones((1, 6, 6, 6)))
    assert [row["region"] for row in rows if np.isnan(row["enrichment"])] == ["et", "tc"]
