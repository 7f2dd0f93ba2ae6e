from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from radiomics import cShape

from gliomics.radiomics.feature_classes import FEATURE_CLASSES
from gliomics.radiomics.native import compilation, glcm
from gliomics.radiomics.native.diameters import largest_diameters
from gliomics.radiomics.native.discretisation import bin_edges, discretise
from gliomics.radiomics.native.mesh_cases import EDGES, triangle_table
from gliomics.radiomics.native.shape import shape_features


@pytest.mark.parametrize("case", range(1, 255))
def test_mesh_of_every_cube_equals_pyradiomics(case: int) -> None:
    mask = np.array([case >> k & 1 for k in range(8)], dtype=bool).reshape(2, 2, 2)
    spacing = np.array([1.3, 0.7, 2.1])
    ours = dict(zip(FEATURE_CLASSES["shape"].features, shape_features(mask, spacing), strict=True))
    area, volume, diameters = cShape.calculate_coefficients(np.pad(mask, 1), spacing)
    assert ours["SurfaceArea"] == pytest.approx(area, rel=1e-12)
    assert ours["MeshVolume"] == pytest.approx(volume, rel=1e-12)
    names = ("Maximum2DDiameterSlice", "Maximum2DDiameterColumn", "Maximum2DDiameterRow", "Maximum3DDiameter")
    assert [ours[name] for name in names] == pytest.approx(list(diameters), rel=1e-12)


def test_triangles_use_exactly_the_edges_that_the_surface_cuts() -> None:
    for case, row in enumerate(triangle_table()):
        cut = {edge for edge, (a, b) in enumerate(EDGES) if (case >> a & 1) != (case >> b & 1)}
        assert {int(edge) for edge in row if edge >= 0} == cut


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(1, 12))
def test_diameters_equal_all_pairs(seed: int, count: int, extent: int) -> None:
    points = np.unique(np.random.default_rng(seed).integers(0, extent, (count, 3)), axis=0)
    spacing = np.array([1.0, 0.6, 3.1])
    gaps = (points[:, None] - points[None]) * spacing / 2
    squared = (gaps**2).sum(axis=2)
    expected = [squared[points[:, None, axis] == points[None, :, axis]].max() ** 0.5 for axis in range(3)]
    assert largest_diameters(points, spacing) == pytest.approx((*expected, squared.max() ** 0.5))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-1e4, 1e4) | st.integers(-50, 50).map(float), min_size=1, max_size=60),
    st.sampled_from([(0.7, None), (6.0, None), (25.0, None), (None, 5), (None, 64)]),
)
def test_grey_levels_are_those_of_numpy_digitize(
    numbers: list[float], bins: tuple[float | None, int | None]
) -> None:
    values = np.array(numbers)
    expected = np.digitize(values, bin_edges(values, *bins))
    grey = discretise(values, np.ones((1, 1, len(values)), dtype=bool), *bins)
    found = grey.levels[grey.ranks.ravel()[grey.positions] - 1]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(grey.counts, np.unique(expected, return_counts=True)[1])


def kernel_mcc(matrix: np.ndarray) -> float:
    row = np.full(glcm.N_FEATURES + 2, np.nan)
    glcm._maximal_correlation(matrix, matrix.sum(axis=1), row)
    return float(row[glcm.MCC])


def with_rare_levels(rng: np.random.Generator, link: float) -> np.ndarray:
    """A co-occurrence matrix with two levels that hardly ever occur, and hardly ever beside others."""
    matrix = np.zeros((12, 12))
    matrix[:10, :10] = rng.random((10, 10))
    matrix[:10, :10] /= matrix.sum()
    matrix[10, 11], matrix[11, 11] = 2e-5, 5e-6
    matrix[11, 3] = link
    matrix += matrix.T
    return matrix / matrix.sum()


def test_epsilon_is_corrected_for_where_levels_are_rare(rng: np.random.Generator) -> None:
    matrix = with_rare_levels(rng, link=8e-7)
    theirs = glcm._mcc_as_pyradiomics(matrix[None, :, :, None])
    without = np.sort(np.abs(np.linalg.eigvalsh(matrix / np.sqrt(np.outer(*[matrix.sum(axis=1)] * 2)))))[-2]
    assert abs(without - theirs) > 1e-7 * theirs
    assert kernel_mcc(matrix) == pytest.approx(theirs, rel=1e-9)


def test_level_pairs_apart_from_all_others_are_left_to_the_general_way(rng: np.random.Generator) -> None:
    assert np.isinf(kernel_mcc(with_rare_levels(rng, link=0.0)))


def test_pairs_of_rare_levels_apart_from_all_others_equal_pyradiomics() -> None:
    """Second eigenvalue 1 but for epsilon: the general way must be taken for the mean over angles."""
    image = np.cumsum(np.random.default_rng(3).normal(size=(44, 44, 44)), axis=0)
    image = np.round(np.clip(image, -6, 6) * 2) + 13
    image[0, 0, 0], image[0, 0, 1] = 900, 990
    mask = np.ones(image.shape, dtype=bool)
    mask[:3, :3, :4] = False
    mask[0, 0, :2] = True
    grey = discretise(image[mask], mask, 5.0, None)
    theirs = glcm._mcc_as_pyradiomics(glcm._matrices(grey.ranks, grey.positions, len(grey.levels)))
    assert np.isfinite(theirs)
    assert glcm.glcm_features(grey)[glcm.MCC] == pytest.approx(theirs, rel=1e-9)


def test_independent_neighbours_follow_the_rounding_of_pyradiomics() -> None:
    """Neighbours along x are independent: Imc2 and MCC are roots of rounding errors."""
    sequence = [1, 1, 2, 2, 3, 3, 1, 3, 2, 1]
    image = np.tile(np.array(sequence, dtype=float), (1, 4, 1))
    grey = discretise(image.ravel(), np.ones(image.shape, dtype=bool), 1.0, None)
    matrices = glcm._matrices(grey.ranks, grey.positions, len(grey.levels))
    np.testing.assert_allclose(matrices[0, :, :, 0], np.full((3, 3), 1 / 9))
    ours = glcm.glcm_features(grey)
    assert ours[glcm.IMC2] == pytest.approx(glcm._imc2_as_pyradiomics(matrices), rel=1e-12)
    assert ours[glcm.MCC] == pytest.approx(glcm._mcc_as_pyradiomics(matrices), rel=1e-12)


def test_kept_machine_code_is_renewed_with_every_kernel(tmp_path: Path) -> None:
    stamp = compilation.kernel_stamp(compilation.KERNELS)
    for kernel in (glcm._angle_features, largest_diameters):
        assert kernel._cache._cache_file._source_stamp == stamp
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.py").write_text("x = 1")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "a.py").write_text("x = 2")
    assert compilation.kernel_stamp(tmp_path / "one") != compilation.kernel_stamp(tmp_path / "two")


def test_kernels_are_compiled_without_a_cache_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def njit(**options: object) -> object:
        calls.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compilation, "njit", njit)
    assert compilation.compiled(len) is len
    assert [call.get("cache", False) for call in calls] == [True, False]
    assert not any(call["fastmath"] or call["parallel"] for call in calls)
