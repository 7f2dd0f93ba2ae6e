"""Fusing blocks of features: before the classifier, after it, or by plain averaging."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import expit
from sklearn.pipeline import Pipeline

from gliomics.learning.estimators.logistic import l2_logistic, ridge_logistic
from gliomics.learning.fusion.block_pca import BlockwisePCA
from gliomics.learning.fusion.stacking import StackedLogistic, block_weights
from gliomics.learning.recipes import Candidate, InnerScores, Recipe, transformed
from gliomics.learning.selection.ranking import BlockwiseSelector, RankedSelector

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gliomics.learning.guard import LeakageGuard
    from gliomics.learning.sample import Sample
    from gliomics.learning.settings import FusionSettings

EARLY = "early"
LATE = "late"
AVERAGE = "average"
NOT_STACKED = "average instead of late"
"""Mode of a late fusion without inner folds to stack on."""
ONE_BLOCK = "one block"
"""Mode of an arm that has nothing to fuse."""

_PART = {"selection": "selector", "pca": "PCA"}
_SIZES = {"selection": (2, 5, 10, 20, 40), "pca": (2, 5, 10, 20, 40)}
_SMALL_SIZES = {"selection": (2, 5, 10), "pca": (1, 2, 4)}


@dataclass(frozen=True)
class FusionRecipe(Recipe):
    """Ridge logistic regression on blocks that are each reduced by themselves.

    Each block is reduced to k columns, by selection or by PCA, on the training rows of the split. Then

    - ``early`` fits one model on the reduced blocks side by side;
    - ``late`` fits one model a block, and a meta-model (`gliomics.learning.fusion.stacking.block_weights`) on
      their log-odds for the real training patients, each scored by inner splits without that patient;
    - ``average`` takes the mean of the block models' log-odds. Log-odds, not probabilities: the average is
      then the stack with equal weights, and stays linear in the features.

    Block models share k and C, so that no more settings compete than PROTOCOL 2 allows. In the inner loop a
    late candidate is scored by meta-models that were fitted on the scores of the other inner folds; the
    block models behind those have seen the fold, so its inner loss is slightly too good. Nobody of the outer
    fold is touched by it, and a third nesting level would leave too few patients.

    Attributes
    ----------
    sizes : tuple of int
        Number of columns of each block; fewer than two = one block, nothing to fuse.
    reduction : {"selection", "pca"}
        How each block is reduced.
    ranks : callable
        Makes the unfitted ranking of the k best columns of a block, where blocks are reduced by selection.
    """

    sizes: tuple[int, ...] = ()
    reduction: str = "selection"
    ranks: Callable[[int], Any] = RankedSelector
    by_block: ClassVar[bool] = True

    @property
    def ranking(self) -> Callable[[int], Any] | None:
        """The maker of a block's ranking; None when blocks are reduced by PCA."""
        return self.ranks if self.reduction == "selection" else None

    def ranked_by(self, ranking: Callable[[int], Any]) -> FusionRecipe:
        """Return the same recipe with another ranking of each block."""
        return replace(self, ranks=ranking)

    def for_blocks(self, sizes: tuple[int, ...], fusion: FusionSettings) -> FusionRecipe:
        """Build the recipe of an arm with these blocks, in the mode and with the reduction that are set."""
        mode = fusion.mode if len(sizes) > 1 else ONE_BLOCK
        default = NOT_STACKED if mode == LATE else EARLY if mode == "tuned" else mode
        return replace(
            self,
            sizes=sizes,
            reduction=fusion.reduction,
            default=Candidate(C=0.1, k=_SMALL_SIZES[fusion.reduction][1], mode=default),
            candidates=_large_grid(mode, fusion.reduction),
            small_sample_candidates=_small_grid(mode, fusion.reduction),
        )

    def score_split(
        self,
        part: Sample,
        validation: NDArray[np.float64],
        candidates: tuple[Candidate, ...],
        guard: LeakageGuard,
    ) -> NDArray[np.float64]:
        """Give log-odds, r = number of blocks: by each block's model, or r times by the one of all blocks."""
        steps, X = self._fit_shared(part, candidates, guard)
        reducer = steps[-1][1]
        for name in dict.fromkeys(_model_name(candidate) for candidate in candidates):
            guard.check(f"inner {name}", part.ids)
        models = [_models(candidate, max(1, len(self.sizes))) for candidate in candidates]
        distinct = list(dict.fromkeys(model for some in models for model in some))
        uses = np.array([_columns(reducer, k, block) for k, _, block in distinct])
        beta = ridge_logistic(X[None] * uses[:, None, :], part.y, np.array([C for _, C, _ in distinct]))
        odds = beta[:, 1:] @ transformed(steps, validation).T + beta[:, :1]
        return np.asarray(odds[[[distinct.index(model) for model in some] for some in models]])

    def combine(
        self, inner: InnerScores, candidates: tuple[Candidate, ...], guard: LeakageGuard
    ) -> NDArray[np.float64]:
        """Average or stack the block models' log-odds; those of early fusion are alike already."""
        odds = inner.raw.mean(axis=1)
        late = [number for number, candidate in enumerate(candidates) if candidate.mode == LATE]
        for number in np.unique(inner.fold) if late else ():
            held_out, rest = inner.fold == number, inner.fold != number
            guard.also(inner.ids[held_out]).check("inner meta-model", inner.ids[rest])
            beta = block_weights(inner.raw[late][:, :, rest], inner.y[rest])
            stacked = np.einsum("mb,mbn->mn", beta[:, 1:], inner.raw[late][:, :, held_out])
            odds[np.ix_(late, held_out)] = stacked + beta[:, :1]
        return np.asarray(expit(odds))

    def fit(
        self, train: Sample, candidate: Candidate, guard: LeakageGuard, inner: InnerScores | None
    ) -> Pipeline:
        """Fit preprocessing, reduction of the blocks and the model or models on all training rows."""
        classifier: Any = l2_logistic(candidate)
        steps, X = self._fit_shared(train, (candidate,), guard)
        if candidate.mode in (LATE, AVERAGE, NOT_STACKED):
            classifier = self._ensemble(candidate, steps[-1][1], guard, inner)
        guard.check(_model_name(candidate), train.ids)
        return Pipeline([*steps, ("classify", classifier.fit(X, train.y))])

    def _ensemble(
        self, candidate: Candidate, reducer: Any, guard: LeakageGuard, inner: InnerScores | None
    ) -> StackedLogistic:
        beta = np.r_[0.0, np.full(len(self.sizes), 1.0 / len(self.sizes))]
        if candidate.mode == LATE and inner is not None:
            guard.check("meta-model", inner.ids)
            beta = block_weights(inner.raw, inner.y)[0]
        blocks = tuple(map(int, reducer.block_))
        return StackedLogistic(float(candidate.C or 1.0), blocks, tuple(map(float, beta[1:])), float(beta[0]))

    def _fit_shared(
        self, part: Sample, candidates: tuple[Candidate, ...], guard: LeakageGuard
    ) -> tuple[list[tuple[str, Any]], NDArray[np.float64]]:
        steps, X = self.fit_preprocessing(part, guard)
        guard.check(_PART[self.reduction], part.ids)
        longest = max(candidate.k or X.shape[1] for candidate in candidates)
        fitted = self._reducer(longest).fit(X, part.y)
        return [*steps, ("select", fitted)], fitted.transform(X)

    def _reducer(self, k: int) -> BlockwisePCA | BlockwiseSelector:
        if self.reduction == "pca":
            return BlockwisePCA(k, self.sizes)
        return BlockwiseSelector(k, self.sizes, ranking=self.ranks(k))


def fusion_recipe(preprocessing: Callable[[], list[tuple[str, Any]]]) -> FusionRecipe:
    """Make the recipe before it is told of any block."""
    return FusionRecipe(
        name="fused_logistic",
        words="blocks each reduced by themselves and fused (see the settings), then L2-penalised logistic "
        "regression",
        preprocessing=preprocessing,
        default=Candidate(C=0.1, k=5, mode=ONE_BLOCK),
        candidates=_large_grid(ONE_BLOCK, "selection"),
        small_sample_candidates=_small_grid(ONE_BLOCK, "selection"),
    )


def _large_grid(mode: str, reduction: str) -> tuple[Candidate, ...]:
    if mode != "tuned":
        return tuple(Candidate(C=C, k=k, mode=mode) for k in _SIZES[reduction] for C in (0.01, 0.1, 1.0))
    return tuple(
        Candidate(C=C, k=k, mode=one)
        for k in _SIZES[reduction][::2]
        for C in (0.01, 0.1, 1.0)
        for one in (AVERAGE, EARLY, LATE)
    )


def _small_grid(mode: str, reduction: str) -> tuple[Candidate, ...]:
    """At most six: the modes compete at two sizes, or one mode at three sizes and two penalties."""
    if mode != "tuned":
        return tuple(Candidate(C=C, k=k, mode=mode) for k in _SMALL_SIZES[reduction] for C in (0.03, 0.3))
    return tuple(
        Candidate(C=0.1, k=k, mode=one) for k in _SMALL_SIZES[reduction][:2] for one in (AVERAGE, EARLY, LATE)
    )


def _model_name(candidate: Candidate) -> str:
    return "estimator" if candidate.mode in (EARLY, ONE_BLOCK) else "block model"


def _models(candidate: Candidate, n_blocks: int) -> list[tuple[int | None, float, int | None]]:
    """List what a candidate fits: (k, C, block) for every block, or for all blocks together."""
    together = candidate.mode in (EARLY, ONE_BLOCK)
    C = float(candidate.C or 1.0)
    return [(candidate.k, C, None if together else block) for block in range(n_blocks)]


def _columns(reducer: Any, k: int | None, block: int | None) -> NDArray[np.bool_]:
    """Mark the reduced columns that a model of size k on a block, or on all, uses."""
    used: NDArray[np.bool_] = np.ones(len(reducer.turn_), bool) if k is None else reducer.turn_ < k
    return used if block is None else used & (reducer.block_ == block)
