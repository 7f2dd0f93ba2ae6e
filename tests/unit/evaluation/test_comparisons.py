"""Paired tests: by hand, against published values, and on planted differences."""

from __future__ import annotations

import numpy as np
import pytest

from gliomics.evaluation.statistics.comparisons import (
    compare_family,
    delong,
    holm,
    on_common_ground,
    paired_permutation_test,
)
from gliomics.evaluation.statistics.intervals import resample_patients
from gliomics.evaluation.statistics.metrics import ScoredPatients


def scored(strength, n=200, repeats=3, seed=1, noise_seed=2):
    """Scores whose distance between the classes is `strength`; the same patients and folds for all."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n // 3, n - n // 3])
    fold = np.stack([rng.permutation(n) % 5 for _ in range(repeats)])
    noise = np.random.default_rng(noise_seed)
    own = noise.normal(size=n) + strength * y
    score = own[None] + 0.3 * noise.normal(size=(repeats, n))
    ids = np.array([f"P{row:04d}" for row in range(n)], dtype=object)
    return ScoredPatients(ids, y, score, np.zeros_like(score), fold, tuple(range(repeats)))


def test_delong_agrees_with_a_plain_computation_by_placements():
    """The definition, pair by pair (DeLong et al., 1988, equations 4 to 7)."""
    rng = np.random.default_rng(3)
    y = np.repeat([1, 0], [9, 13])
    scores = [np.round(rng.normal(size=22) + 0.8 * y, 1) for _ in range(2)]

    def psi(x, z):
        return 1.0 if z < x else 0.5 if z == x else 0.0

    v10, v01 = [], []
    for score in scores:
        X, Y = score[y == 1], score[y == 0]
        v10.append([sum(psi(x, z) for z in Y) / len(Y) for x in X])
        v01.append([sum(psi(x, z) for x in X) / len(X) for z in Y])
    S = np.cov(v10) / 9 + np.cov(v01) / 13
    difference = np.mean(v10[0]) - np.mean(v10[1])
    z = difference / np.sqrt(S[0, 0] + S[1, 1] - 2 * S[0, 1])
    from scipy.stats import norm

    found = delong(y, *scores)
    assert found[0] == pytest.approx(difference)
    assert found[1] == pytest.approx(2 * norm.sf(abs(z)))


def test_delong_of_equal_scores_finds_nothing():
    y, score = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    assert delong(y, score, score) == (0.0, 1.0)


def test_holm_by_hand():
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_paired_test_finds_a_planted_difference_and_not_a_missing_one():
    strong, weak = scored(2.0), scored(0.2, noise_seed=9)
    assert paired_permutation_test(strong, weak, permutations=500, seed=1) < 0.01
    assert paired_permutation_test(strong, strong, permutations=100, seed=1) == 1.0


def test_the_paired_test_keeps_its_level():
    """Two equally good arms: about one in twenty below 0.05, repeats notwithstanding."""
    p_values = [
        paired_permutation_test(
            scored(0.8, n=60, repeats=5, noise_seed=2 * k),
            scored(0.8, n=60, repeats=5, noise_seed=2 * k + 1),
            permutations=199,
            seed=k,
        )
        for k in range(100)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12
    assert 0.35 < np.mean(p_values) < 0.65


def test_arms_are_compared_on_what_both_have():
    one, two = scored(1.0, repeats=3), scored(1.0, repeats=2, noise_seed=5)
    fewer = ScoredPatients(
        two.ids[5:], two.y[5:], two.score[:, 5:], two.threshold[:, 5:], two.fold[:, 5:], two.repeat
    )
    left, right, columns = on_common_ground(one, fewer)
    assert list(left.ids) == list(right.ids) == list(one.ids[5:])
    assert left.score.shape == right.score.shape == (2, 195)
    np.testing.assert_array_equal(left.score, one.score[:2, 5:])
    np.testing.assert_array_equal(columns, np.arange(5, 200))


def test_the_family_is_corrected_and_has_its_power_note():
    arms = {"clinical": scored(0.2), "radiomics": scored(1.5, noise_seed=7), "other": scored(9.0)}
    weights = resample_patients(arms["clinical"].y, 300, 1)
    made = compare_family(arms, dict.fromkeys(arms, weights), confidence=0.95, permutations=300, seed=1)
    assert [(one.first, one.second) for one in made] == [("radiomics", "clinical")]
    assert made[0].low < made[0].difference < made[0].high
    assert made[0].low > 0
    assert made[0].detectable == pytest.approx(2.8 * made[0].standard_error, rel=0.01)
    assert (made[0].n, made[0].repeats) == (200, 3)
