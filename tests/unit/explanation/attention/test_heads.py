"""The head of a fold: exact where it is linear, a stand-in that says so where it is not, never in-sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from gliomics.compute import ComputeSettings
from gliomics.errors import LeakageError, WeightsError
from gliomics.evaluation.blocks import NetworkOrigin
from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, cross_validate, fold_model
from gliomics.explanation.attention.heads import fold_heads, linear_head, origin_columns
from gliomics.explanation.attention.networks import trained_out_of_fold
from gliomics.learning.registry import get_recipe
from gliomics.learning.sample import Sample
from gliomics.learning.settings import TuningSettings


def design(recipe: str, n: int = 40, columns: int = 6) -> CrossValidation:
    rng = np.random.default_rng(9)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, columns)) * 10.0 ** np.arange(-1, columns - 1) + 5
    X[:, 0] += 0.15 * y
    X[:, 3] = X[:, 3] - 120 * y
    ids = np.array([f"P{k:02d}" for k in range(n)], dtype=object)
    return CrossValidation(
        Sample(ids, X, y), {0: np.arange(n) // 2 % 4}, get_recipe(recipe), TuningSettings(), 1
    )


@pytest.mark.parametrize("recipe", ["logistic", "ranked_logistic", "elastic_net", "svm_linear"])
def test_the_head_of_a_linear_arm_gives_its_log_odds_on_the_columns_own_scale(recipe):
    arm = fold_model(design(recipe), 0, 1)
    head = linear_head(arm)
    np.testing.assert_allclose(head.log_odds(arm.test.X), logit(arm.arm.score(arm.test.X)), atol=1e-6)
    assert (head.weights != 0).sum() >= 1
    np.testing.assert_allclose(head.spread, arm.train.X.std(axis=0))


@pytest.mark.parametrize("recipe", ["svm_rbf", "random_forest", "gradient_boosting"])
def test_other_classifiers_have_no_head_of_their_own(recipe):
    assert linear_head(fold_model(replace(design(recipe), tune=False), 0, 1)) is None


def test_an_arm_without_a_gradient_gets_a_stand_in_and_its_agreement():
    heads = fold_heads(design("svm_rbf"))
    assert heads.kind == "surrogate"
    ranks = heads.scores[["y_score", "surrogate_log_odds"]].rank()
    assert heads.agreement == pytest.approx(np.corrcoef(ranks.T)[0, 1])
    assert heads.agreement > 0.5  # both see the strong column


def test_the_scores_are_those_of_the_cross_validation():
    one = design("ranked_logistic")
    heads = fold_heads(one)
    scored = cross_validate(one, None, [0], compute=ComputeSettings(workers=1))
    assert heads.kind == "arm" and heads.agreement is None
    for column in ("subject_id", "fold", "y_true", "y_score", "threshold"):
        assert heads.scores[column].tolist() == scored[column].tolist()


def test_a_head_refuses_a_patient_whom_it_was_fitted_on():
    heads = fold_heads(design("logistic"))
    inside, outside = heads.scores[heads.scores["fold"] == 2], heads.scores[heads.scores["fold"] != 2]
    assert heads.of(inside["subject_id"].iloc[0], 2) is heads.heads[2]
    with pytest.raises(LeakageError, match=r"head of repeat 0, fold 2.*P00"):
        heads.of(outside["subject_id"].iloc[0], 2)


def networks(train: list[str]) -> dict:
    place = {"sampling": "patches", "permutation": 0, "repeat": 0, "fold": 1}
    rest = {"train_subjects": train, "network_key": "right"}
    return {
        "networks": [
            {**place, **rest, "permutation": 1, "network_key": "of permuted labels"},
            {**place, **rest, "fold": 0, "network_key": "of another fold"},
            {**place, **rest, "sampling": "bounding_box", "network_key": "of another sampling"},
            {**place, **rest},
        ]
    }


def test_the_network_is_that_of_the_fold_and_never_saw_the_patient():
    assert trained_out_of_fold(networks(["P2", "P3"]), "patches", 0, 1, "P1") == "right"
    with pytest.raises(LeakageError, match=r"cnn3d \(patches\) of repeat 0, fold 1.*P1"):
        trained_out_of_fold(networks(["P1", "P2"]), "patches", 0, 1, "P1")
    with pytest.raises(WeightsError, match="fold 3"):
        trained_out_of_fold(networks([]), "patches", 0, 3, "P1")


def test_columns_are_found_whether_or_not_their_name_holds_the_sampling():
    box, patches = (NetworkOrigin("cnn3d", name, "w") for name in ("bounding_box", "patches"))
    frozen = NetworkOrigin("medicalnet", "patches", "w")
    columns = [
        "emb_medicalnet_000",
        "emb_cnn3d_bounding_box_000",
        "emb_cnn3d_patches_000",
        "emb_cnn3d_patches_001",
    ]
    assert origin_columns(patches, (box, patches, frozen), columns).tolist() == [2, 3]
    assert origin_columns(box, (box, patches, frozen), columns).tolist() == [1]
    assert origin_columns(frozen, (box, patches, frozen), columns).tolist() == [0]
    assert origin_columns(patches, (patches,), ["emb_cnn3d_000", *columns]).tolist() == [0]


def test_a_head_of_synthetic_rows_carries_its_shift():
    arm = fold_model(design("logistic"), 0, 0)
    moved = replace(arm, arm=replace(arm.arm, shift=0.7))
    assert linear_head(moved).intercept == pytest.approx(linear_head(arm).intercept + 0.7)
