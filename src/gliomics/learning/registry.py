"""The estimators that arms are scored with: preprocessing, selection, classifier and their candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from gliomics.errors import look_up
from gliomics.learning.estimators.logistic import l2_logistic, ridge_logistic
from gliomics.learning.estimators.margin_classifier import MarginClassifier
from gliomics.learning.fusion.fusion_recipe import fusion_recipe
from gliomics.learning.preprocessing import impute_and_scale, impute_and_scale_varying, rank_features
from gliomics.learning.recipes import Candidate, EstimatorRecipe
from gliomics.learning.selection.selectors import ranking_types

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from gliomics.learning.recipes import Recipe


def elastic_net(candidate: Candidate) -> LogisticRegression:
    """Make the logistic regression with L1 and L2 penalty of a candidate."""
    return LogisticRegression(
        C=candidate.C, l1_ratio=candidate["l1_ratio"], solver="saga", tol=1e-4, max_iter=5000, random_state=0
    )


def rbf_machine(candidate: Candidate) -> MarginClassifier:
    """Make the support vector machine with a Gaussian kernel of a candidate."""
    return MarginClassifier(C=candidate.C, kernel="rbf", gamma="scale")


def linear_machine(candidate: Candidate) -> MarginClassifier:
    """Make the linear support vector machine of a candidate."""
    return MarginClassifier(C=candidate.C, kernel="linear")


def random_forest(candidate: Candidate) -> RandomForestClassifier:
    """Make the forest of a candidate."""
    return RandomForestClassifier(n_estimators=100, min_samples_leaf=int(candidate["leaf"]), random_state=0)


def gradient_boosting(candidate: Candidate) -> HistGradientBoostingClassifier:
    """Make the boosted trees of a candidate, small and slow to learn."""
    return HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=8,
        min_samples_leaf=int(candidate["leaf"]),
        random_state=0,
    )


def score_ridge_together(
    train: NDArray[np.float64],
    y: NDArray[np.int64],
    validation: NDArray[np.float64],
    candidates: Sequence[Candidate],
    classifier: Callable[[Candidate], Any],  # noqa: ARG001
) -> NDArray[np.float64]:
    """Do what `score_each` does with `l2_logistic`, all candidates in one batch of Newton steps.

    Parameters and result are those of `score_each`; a test holds the two together.
    """
    width = np.asarray([train.shape[1] if c.k is None else c.k for c in candidates])
    uses = np.arange(train.shape[1])[None, :] < width[:, None]
    beta = ridge_logistic(train[None] * uses[:, None, :], y, np.asarray([c.C for c in candidates]))
    return np.asarray(expit(beta[:, 1:] @ validation.T + beta[:, :1]), dtype=np.float64)


ESTIMATORS: Mapping[str, Recipe] = {
    "logistic": EstimatorRecipe(
        name="logistic",
        words="L2-penalised logistic regression",
        preprocessing=impute_and_scale,
        selector=None,
        classifier=l2_logistic,
        default=Candidate(C=1.0),
        candidates=tuple(Candidate(C=C) for C in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
        small_sample_candidates=tuple(Candidate(C=C) for C in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
        inner_scores=score_ridge_together,
    ),
    "ranked_logistic": EstimatorRecipe(
        name="ranked_logistic",
        words="the features with the largest ANOVA F, near-copies (|r| > 0.9) left out, then "
        "L2-penalised logistic regression",
        preprocessing=impute_and_scale,
        selector=rank_features,
        classifier=l2_logistic,
        default=Candidate(C=0.1, k=5),
        candidates=tuple(Candidate(C=C, k=k) for k in (2, 5, 10, 20, 40) for C in (0.01, 0.1, 1.0)),
        small_sample_candidates=tuple(Candidate(C=C, k=k) for k in (2, 5, 10) for C in (0.03, 0.3)),
        inner_scores=score_ridge_together,
    ),
    "elastic_net": EstimatorRecipe(
        name="elastic_net",
        words="elastic-net logistic regression",
        preprocessing=impute_and_scale,
        selector=rank_features,
        classifier=elastic_net,
        default=Candidate(C=0.1, k=20, own=(("l1_ratio", 0.5),)),
        candidates=tuple(
            Candidate(C=C, k=k, own=(("l1_ratio", share),))
            for k in (10, 40)
            for C in (0.03, 0.1, 1.0)
            for share in (0.8, 0.2)
        ),
        small_sample_candidates=tuple(
            Candidate(C=C, k=20, own=(("l1_ratio", share),)) for C in (0.03, 0.1, 0.3) for share in (0.8, 0.2)
        ),
    ),
    "svm_linear": EstimatorRecipe(
        name="svm_linear",
        words="linear support vector machine",
        preprocessing=impute_and_scale,
        selector=rank_features,
        classifier=linear_machine,
        default=Candidate(C=0.1, k=20),
        candidates=tuple(Candidate(C=C, k=k) for k in (5, 20, 40) for C in (0.01, 0.1, 1.0)),
        small_sample_candidates=tuple(Candidate(C=C, k=k) for k in (5, 20) for C in (0.01, 0.1)),
    ),
    "svm_rbf": EstimatorRecipe(
        name="svm_rbf",
        words="support vector machine with a Gaussian kernel",
        preprocessing=impute_and_scale_varying,
        selector=None,
        classifier=rbf_machine,
        default=Candidate(C=1.0),
        candidates=tuple(Candidate(C=C) for C in (0.1, 0.3, 1.0, 3.0, 10.0)),
        small_sample_candidates=tuple(Candidate(C=C) for C in (0.1, 1.0, 10.0)),
    ),
    "random_forest": EstimatorRecipe(
        name="random_forest",
        words="random forest",
        preprocessing=impute_and_scale,
        selector=None,
        classifier=random_forest,
        trusted_types=("sklearn.tree._tree.Tree",),
        default=Candidate(own=(("leaf", 2),)),
        candidates=tuple(Candidate(own=(("leaf", leaf),)) for leaf in (10, 5, 2)),
        small_sample_candidates=tuple(Candidate(own=(("leaf", leaf),)) for leaf in (5, 2)),
    ),
    "gradient_boosting": EstimatorRecipe(
        name="gradient_boosting",
        words="gradient boosting",
        preprocessing=impute_and_scale,
        selector=rank_features,
        classifier=gradient_boosting,
        trusted_types=("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
        default=Candidate(k=20, own=(("leaf", 5),)),
        candidates=tuple(Candidate(k=k, own=(("leaf", leaf),)) for k in (10, 40) for leaf in (20, 5)),
        small_sample_candidates=tuple(Candidate(k=k, own=(("leaf", 5),)) for k in (5, 20)),
    ),
    "fused_logistic": fusion_recipe(impute_and_scale),
}
"""The recipes; an arm names one of them."""


TRUSTED_TYPES: list[str] = sorted(
    [
        "gliomics.learning.estimators.encoding.TableEncoder",
        "gliomics.learning.estimators.margin_classifier.MarginClassifier",
        "gliomics.learning.fusion.block_pca.BlockwisePCA",
        "gliomics.learning.fusion.stacking.StackedLogistic",
        "gliomics.learning.harmonisation.combat.CombatHarmoniser",
        "gliomics.learning.selection.ranking.BlockwiseSelector",
        "gliomics.learning.selection.stability_filter.BlankColumns",
        "numpy.dtype",
        *ranking_types(),
        *(one for recipe in ESTIMATORS.values() for one in recipe.trusted_types),
    ]
)
"""The only types besides those that skops trusts by itself that a saved model may hold."""


def get_recipe(name: str) -> Recipe:
    """Look a recipe up.

    Raises
    ------
    SettingsError
        If there is none of this name; lists the valid ones.
    """
    return look_up(ESTIMATORS, name, where="estimator", what="recipe")
