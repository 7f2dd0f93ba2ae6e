"""Attributions against models whose Shapley values are known."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from gliomics.errors import AttributionError
from gliomics.evaluation.cross_validation.tuning import FittedArm, tune_and_fit
from gliomics.explanation.attribution import attributions
from gliomics.explanation.attribution.attributions import explain_rows
from gliomics.explanation.attribution.linear_form import linear_form
from gliomics.learning.fusion.block_pca import BlockwisePCA
from gliomics.learning.fusion.stacking import StackedLogistic
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.recipes import Candidate
from gliomics.learning.registry import get_recipe, impute_and_scale
from gliomics.learning.sample import Sample
from gliomics.learning.selection.ranking import BlockwiseSelector, RankedSelector
from gliomics.learning.settings import FusionSettings, TuningSettings


def rows(n=36, p=14, gaps=0.1, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-2, 4, size=p) + rng.normal(size=p)
    y = (rng.normal(size=n) + X[:, 0] / X[:, 0].std() > 0).astype(int)
    X[rng.random(X.shape) < gaps] = np.nan
    return X, y


def fitted(X, y, *steps, classifier=None):
    pipeline = Pipeline([*impute_and_scale(), *steps, ("classify", classifier or LogisticRegression(C=0.5))])
    return FittedArm(pipeline.fit(X, y), Candidate(), 0.5, 0)


def explain(arm, X, background=slice(0, 30), explained=slice(30, None), evaluations=200):
    return explain_rows(arm, X[background], X[explained], evaluations=evaluations, seed=1)


def test_a_logistic_regression_is_explained_by_weight_times_distance_from_the_mean():
    X, y = rows(gaps=0.0)
    arm = fitted(X[:30], y[:30])
    scaled = arm.pipeline[:-1].transform(X)
    weights = arm.pipeline[-1].coef_[0]
    made = explain(arm, X)
    assert made.explainer == attributions.LINEAR and made.evaluations == 0
    np.testing.assert_allclose(
        made.contributions, weights * (scaled[30:] - scaled[:30].mean(axis=0)), rtol=1e-9
    )
    assert made.base == pytest.approx(arm.pipeline.decision_function(X[:30]).mean())


def test_a_missing_value_counts_as_the_imputers():
    X, y = rows(gaps=0.0)
    X[30, 2] = np.nan
    arm = fitted(X[:30], y[:30])
    made = explain(arm, X)
    filled = X.copy()
    filled[30, 2] = np.median(X[:30, 2])
    np.testing.assert_allclose(made.contributions, explain(arm, filled).contributions, rtol=1e-12)
    assert made.inputs[0, 2] == np.median(X[:30, 2])


@pytest.mark.parametrize(
    ("step", "classifier"),
    [
        (RankedSelector(k=4), None),
        (BlockwiseSelector(k=4, sizes=(2, 12)), None),
        (BlockwisePCA(k=3, sizes=(2, 12)), None),
        (
            BlockwisePCA(k=3, sizes=(2, 12)),
            StackedLogistic(blocks=(0, 0, 1, 1, 1), weights=(0.7, 0.2), intercept=0.3),
        ),
    ],
)
def test_the_way_back_to_the_columns_gives_the_pipelines_own_log_odds(step, classifier):
    X, y = rows()
    X[:, 5] = np.nan
    arm = fitted(X[:30], y[:30], ("select", step), classifier=classifier)
    form = linear_form(arm.pipeline)
    made = explain(arm, X)
    np.testing.assert_allclose(
        made.inputs @ form.weights + form.intercept, made.log_odds, rtol=1e-8, atol=1e-9
    )
    assert made.explainer == attributions.LINEAR and not made.contributions[:, 5].any()


@pytest.mark.parametrize("mode", ["early", "late", "average", "tuned"])
@pytest.mark.parametrize("reduction", ["selection", "pca"])
def test_every_fusion_is_explained_exactly(mode, reduction):
    X, y = rows(n=40, p=30)
    train = Sample(np.array([f"p{i}" for i in range(32)], dtype=object), X[:32], y[:32])
    recipe = get_recipe("fused_logistic").for_blocks(
        (2, 16, 12), FusionSettings(mode=mode, reduction=reduction)
    )
    arm = tune_and_fit(recipe, train, TuningSettings(), np.random.default_rng(0), LeakageGuard(()))
    made = explain_rows(arm, X[:32], X[32:], evaluations=10, seed=0)
    assert made.explainer == attributions.LINEAR
    odds = np.log(arm.score(X[32:]) / (1.0 - arm.score(X[32:])))
    np.testing.assert_allclose(made.base + made.contributions.sum(axis=1), odds, atol=1e-7)


class Interaction(ClassifierMixin, BaseEstimator):
    """Log-odds x0 * x1 + 2 * x2, whatever it is fitted on."""

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X):
        return X[:, 0] * X[:, 1] + 2.0 * X[:, 2]


def test_permutations_share_an_interaction_between_its_two_columns():
    X = np.random.default_rng(0).normal(size=(20, 4))
    arm = FittedArm(
        Pipeline([("select", RankedSelector(k=4)), ("classify", Interaction())]), Candidate(), 0.5, 0
    )
    arm.pipeline.fit(X, np.arange(20) % 2)
    arm.pipeline[0].order_ = np.array([2, 0, 1])
    background, row = X[:15], X[15:16]
    a, b = row[0, 2], row[0, 0]
    A, B = background[:, 2], background[:, 0]
    first = 0.5 * ((a * B).mean() - (A * B).mean() + a * b - (A * b).mean())
    second = 0.5 * ((A * b).mean() - (A * B).mean() + a * b - (a * B).mean())
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    made = explain_rows(arm, background, row, evaluations=50, seed=4)
    expected = [second, 2.0 * (row[0, 1] - background[:, 1].mean()), first, 0.0]
    np.testing.assert_allclose(made.contributions[0], expected, atol=1e-12)
    assert made.explainer == attributions.PERMUTATION and made.evaluations == 49
    after = np.random.get_state()[1]  # noqa: NPY002
    assert np.array_equal(before, after), "numpy's global generator was left seeded"


def test_boosted_trees_are_explained_in_log_odds_on_the_columns_that_were_selected():
    X, y = rows(n=60)
    trees = HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=4, min_samples_leaf=5, random_state=0)
    arm = fitted(X[:50], y[:50], ("select", RankedSelector(k=3)), classifier=trees)
    made = explain(arm, X, slice(0, 50), slice(50, None))
    assert made.explainer == attributions.TREES
    used = set(np.flatnonzero(made.contributions.any(axis=0)))
    assert used and used <= set(arm.pipeline[-2].order_)
    np.testing.assert_allclose(
        made.base + made.contributions.sum(axis=1), arm.pipeline.decision_function(X[50:]), atol=1e-6
    )


def test_attributions_that_do_not_add_up_stop_the_run(monkeypatch):
    X, y = rows()
    arm = fitted(X[:30], y[:30])
    monkeypatch.setattr(attributions, "filled", lambda pipeline, X: np.nan_to_num(X))
    with pytest.raises(
        AttributionError, match=r"base plus attributions must be the model's log-odds.*instead of"
    ):
        explain(arm, X)
