"""Variance between classes, patients and blocks, against hand-counted and known answers."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from gliomics.explanation.variance.block_variance import (
    complementarity,
    component_spectra,
    network_blocks,
    patch_variation,
)
from gliomics.explanation.variance.complementarity import (
    canonical_correlation,
    cca_against_permutations,
    cka_against_permutations,
    linear_cka,
    permuted_rows,
    principal_components,
    standardised,
)
from gliomics.explanation.variance.feature_variance import class_variance, false_discovery_rate
from gliomics.explanation.variance.variance_settings import VarianceSettings


def test_variance_between_classes_is_that_of_a_one_way_analysis_with_gaps_left_out():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 3))
    y = np.r_[np.ones(20), np.zeros(10)].astype(int)
    X[y == 1, 0] += 2.0
    X[3, 0] = np.nan
    X[:, 2] = 5.0
    ids = [f"p{i}" for i in range(30)]
    made = class_variance(pd.DataFrame(X, ids, ["a", "b", "c"]), pd.Series(y, ids)).set_index("feature")
    known = np.isfinite(X[:, 0])
    expected = f_oneway(X[known & (y == 1), 0], X[y == 0, 0])
    assert made.loc["a", "f_statistic"] == pytest.approx(expected.statistic)
    assert made.loc["a", "p_value"] == pytest.approx(expected.pvalue)
    assert made.loc["a", "n"] == 29 and made.loc["a", "hedges_g"] > 1.0
    f = expected.statistic
    assert made.loc["a", "share_between"] == pytest.approx(f / (f + 27))
    assert made.loc["a", "omega_squared"] == pytest.approx((f - 1) / (f - 1 + 29))
    assert made["share_between"].add(made["share_within"]).dropna().tolist() == pytest.approx([1.0, 1.0])
    assert made.loc["c", ["share_between", "p_value", "q_value"]].isna().all()


def test_false_discovery_rates_are_those_of_benjamini_and_hochbergs_example():
    p = np.array(
        [
            0.0001,
            0.0004,
            0.0019,
            0.0095,
            0.0201,
            0.0278,
            0.0298,
            0.0344,
            0.0459,
            0.3240,
            0.4262,
            0.5719,
            0.6528,
            0.7590,
            1.0,
        ]
    )
    q = false_discovery_rate(p[::-1])[::-1]
    assert (q <= 0.05).sum() == 4, "Benjamini and Hochberg 1995, section 4: the four smallest"
    assert (
        q[3] == pytest.approx(0.0095 * 15 / 4) and q[0] == pytest.approx(0.0015) and (np.diff(q) >= 0).all()
    )


def test_cka_is_one_for_a_rotated_copy_and_about_zero_for_strangers():
    rng = np.random.default_rng(2)
    X = standardised(rng.normal(size=(40, 12)))
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    assert linear_cka(X, 3.0 * X @ turn) == pytest.approx(1.0)
    strangers = [linear_cka(X, standardised(rng.normal(size=(40, 300)))) for _ in range(40)]
    assert abs(np.mean(strangers)) < 0.03, "the plain estimator gives about 0.5 here"


def test_a_shared_factor_is_found_and_strangers_stay_below_the_limit():
    rng = np.random.default_rng(3)
    factor = rng.normal(size=(50, 1))
    X = standardised(factor @ rng.normal(size=(1, 30)) + 0.7 * rng.normal(size=(50, 30)))
    Y = standardised(factor @ rng.normal(size=(1, 20)) + 0.7 * rng.normal(size=(50, 20)))
    x, y = (principal_components(block)[0][:, :3] for block in (X, Y))
    orders = permuted_rows(50, 99, np.random.default_rng(0))
    for found in (
        cca_against_permutations(x, [y], orders, 0.95),
        cka_against_permutations(X, [Y], orders, 0.95),
    ):
        assert found.value > found.limit and found.p_value == 0.01
    assert canonical_correlation(x, y) > 0.9
    stranger = cka_against_permutations(X, [standardised(rng.normal(size=(50, 20)))], orders, 0.95)
    assert stranger.value < stranger.limit and abs(stranger.permuted_mean) < 0.02


def test_constant_and_empty_columns_and_gaps_do_not_reach_the_components():
    X = np.array([[1.0, np.nan, 2.0, 7.0], [2.0, np.nan, np.nan, 7.0], [4.0, np.nan, 6.0, 7.0]])
    made = standardised(X)
    assert made.shape == (3, 2) and np.allclose(made.mean(axis=0), 0) and np.allclose(made.std(axis=0), 1)
    scores, shares = principal_components(made)
    assert shares.sum() == pytest.approx(1.0) and np.allclose(scores.T @ scores, np.eye(len(shares)))


def tables(between, *, n=30, patches=6, dimensions=4, folds=(None,), seed=4):
    """Vectors whose patients' means have a known variance, pooled as mean then max; one network a fold."""
    rng = np.random.default_rng(seed)
    embeddings, variances = [], []
    for fold in folds:
        centre = np.sqrt(between) * rng.normal(size=(n, 1, dimensions))
        vectors = centre + rng.normal(size=(n, patches, dimensions))
        facts = pd.DataFrame(
            {
                "subject_id": [f"p{i:02d}" for i in range(n)],
                "network": "net",
                "sampling": "patches",
                "weights": "untrained",
                "permutation": 0,
                "role": None,
            }
        )
        facts["repeat"] = pd.array([pd.NA if fold is None else 0] * n, dtype="Int64")
        facts["fold"] = pd.array([pd.NA if fold is None else fold] * n, dtype="Int64")
        pooled = np.hstack([vectors.max(axis=1), vectors.mean(axis=1)])
        embeddings.append(
            pd.concat(
                [facts, pd.DataFrame(pooled, columns=[f"emb_{d:03d}" for d in range(2 * dimensions)])], axis=1
            )
        )
        own = pd.DataFrame(vectors.var(axis=1, ddof=1), columns=[f"var_{d:03d}" for d in range(dimensions)])
        variances.append(pd.concat([facts, own], axis=1).assign(n_patches=patches))
    return pd.concat(embeddings, ignore_index=True), pd.concat(variances, ignore_index=True)


def test_variance_between_patients_is_freed_of_that_over_patches():
    for between in (0.0, 3.0):
        embeddings, variances = tables(between, n=400)
        made = patch_variation(embeddings, variances, {"net": ("max", "mean")})
        assert len(made) == 4 and made["within"].to_numpy() == pytest.approx(1.0, abs=0.1)
        assert made["between"].mean() == pytest.approx(between, abs=0.35 if between else 0.03)
    assert patch_variation(embeddings, variances, {"net": ("max",)}).empty


def test_blocks_that_see_the_same_patients_differ_from_permuted_ones_in_every_fold():
    embeddings, _ = tables(3.0, folds=(0, 1))
    blocks = network_blocks(embeddings)
    assert [len(block.vectors) for block in blocks] == [2] and blocks[0].of_folds
    rng = np.random.default_rng(9)
    seen = blocks[0].vectors[0].to_numpy() @ rng.normal(size=(8, 5))
    names = [
        "t1__et__glcm_Idm",
        "t1__et__glcm_Id",
        "t1__wt__glcm_Id",
        "mask__et__shape_Flatness",
        "mask__et__shape_Sphericity",
    ]
    radiomics = pd.DataFrame(seen, blocks[0].vectors[0].index, names)
    settings = VarianceSettings(permutations=20, components=2)
    found, cells = complementarity(radiomics, blocks, settings, seed=1)
    facts = found["net, patches"]
    assert facts["networks"] == 2 and facts["n"] == 30
    assert facts["cka"]["value"] < 0.9, "the second network's vectors have nothing to do with the features"
    assert facts["cross_correlation"]["value"] > facts["cross_correlation"]["limit"]
    assert set(cells["group"]) == {"et glcm", "wt glcm", "et shape"} and len(cells) == 6
    spectra = component_spectra(radiomics, blocks, settings, seed=1)
    first = spectra.groupby("block").first()
    assert (first["share"] > first["permuted_limit"]).all() and first.loc["net, patches", "networks"] == 2


def test_too_few_patients_with_both_blocks_are_said_and_nothing_is_computed():
    embeddings, _ = tables(1.0, n=5)
    radiomics = pd.DataFrame(np.eye(5), [f"p{i:02d}" for i in range(5)], [f"f{i}" for i in range(5)])
    found, cells = complementarity(radiomics, network_blocks(embeddings), VarianceSettings(), seed=1)
    assert found == {"net, patches": {"status": "not computed", "reason": "5 patients have both blocks"}}
    assert cells.empty and network_blocks(embeddings.iloc[:0]) == []
