"""What a recipe is: how an arm is preprocessed, tuned and fitted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from gliomics.learning.guard import LeakageGuard
    from gliomics.learning.sample import Sample
    from gliomics.learning.settings import FusionSettings, TuningSettings


@dataclass(frozen=True)
class Candidate:
    """One setting that competes in tuning.

    Attributes
    ----------
    C : float or None
        Inverse strength of the penalty; None where the estimator has no penalty.
    k : int or None
        Number of selected features, of each block where blocks are fused; None = all, no selection.
    mode : str or None
        How blocks are fused (`gliomics.learning.fusion.fusion_recipe`).
    own : tuple of (str, float)
        What else the classifier is set to, by name, such as the rows of a leaf.
    """

    C: float | None = None
    k: int | None = None
    mode: str | None = None
    own: tuple[tuple[str, float], ...] = ()

    def __getitem__(self, name: str) -> float:
        """Give a setting of its own."""
        return dict(self.own)[name]

    @property
    def label(self) -> str:
        """The candidate in words, such as ``early k=5 C=0.1``."""
        parts = (("k", self.k), ("C", self.C), *self.own)
        values = [f"{name}={value:g}" for name, value in parts if value is not None]
        return " ".join(values if self.mode is None else [self.mode, *values])


@dataclass(frozen=True)
class InnerScores:
    """What the inner splits gave for each real training patient.

    Attributes
    ----------
    raw : array of float, shape (m, r, n)
        Out-of-fold scores of m candidates, r rows each (`Recipe.score_split`).
    y : array of int, shape (n,)
        Labels.
    ids : array of str, shape (n,)
        The patients.
    fold : array of int, shape (n,)
        Inner fold in which each was held out.
    """

    raw: NDArray[np.float64]
    y: NDArray[np.int64]
    ids: NDArray[np.object_]
    fold: NDArray[np.int64]

    def only(self, candidate: int) -> InnerScores:
        """Return the scores of one candidate, m = 1."""
        return replace(self, raw=self.raw[[candidate]])


@dataclass(frozen=True)
class Recipe(ABC):
    """How an arm is fitted; everything in it is importable, so that workers can be given one.

    Attributes
    ----------
    name : str
        Its name in the registry.
    words : str
        What it is, for the methods text.
    preprocessing : callable
        Makes the unfitted, unsupervised steps, (name, transformer) in order.
    default : Candidate
        Used when there are too few patients to tune.
    candidates, small_sample_candidates : tuple of Candidate
        From the simplest to the most flexible; the second below `TuningSettings.small_sample_minority`.
    trusted_types : tuple of str
        Types that the fitted steps hold besides those that skops and gliomics trust by themselves.
    """

    name: str
    words: str
    preprocessing: Callable[[], list[tuple[str, Any]]]
    default: Candidate
    candidates: tuple[Candidate, ...]
    small_sample_candidates: tuple[Candidate, ...]
    trusted_types: tuple[str, ...] = field(default=(), kw_only=True)

    def untuned(self) -> Recipe:
        """Leave the default as the only candidate."""
        return replace(self, candidates=(self.default,), small_sample_candidates=(self.default,))

    by_block: ClassVar[bool] = False
    """Whether blocks are reduced each by themselves."""

    @property
    @abstractmethod
    def ranking(self) -> Callable[[int], Any] | None:
        """What makes the unfitted ranking of the k best columns; None when none was given or is used."""

    @property
    def selects(self) -> bool:
        """Whether it keeps some columns only, and can be given another ranking (`ranked_by`)."""
        return self.ranking is not None

    @abstractmethod
    def ranked_by(self, ranking: Callable[[int], Any]) -> Recipe:
        """Return the same recipe with another ranking."""

    def for_blocks(self, sizes: tuple[int, ...], fusion: FusionSettings) -> Recipe:  # noqa: ARG002
        """Tell the recipe how many columns each block of the arm has; only a fusing one wants to know."""
        return self

    def competing(self, minority: int, settings: TuningSettings) -> tuple[Candidate, ...]:
        """Return the candidates for a training set, simplest first (PROTOCOL 2).

        Parameters
        ----------
        minority : int
            Training patients of the smaller class.
        settings : TuningSettings
            Where a small sample ends and how many may compete in one.

        Returns
        -------
        tuple of Candidate
            At least one.
        """
        if minority < settings.small_sample_minority:
            return self.small_sample_candidates[: settings.max_candidates_small_sample]
        return self.candidates

    @abstractmethod
    def score_split(
        self,
        part: Sample,
        validation: NDArray[np.float64],
        candidates: tuple[Candidate, ...],
        guard: LeakageGuard,
    ) -> NDArray[np.float64]:
        """Fit all candidates on the training rows of an inner split and score its validation rows.

        Parameters
        ----------
        part : Sample
            Training rows, synthetic ones among them on Dataset 2.
        validation : array of float, shape (v, p)
            Rows of real patients.
        candidates : tuple of Candidate
            What competes.
        guard : LeakageGuard
            Is asked before each fit.

        Returns
        -------
        array of float, shape (m, r, v)
            r rows a candidate: its probability, or what `combine` makes one of.
        """

    def combine(
        self,
        inner: InnerScores,
        candidates: tuple[Candidate, ...],  # noqa: ARG002
        guard: LeakageGuard,  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Make one out-of-fold probability a candidate and patient, shape (m, n), of `score_split`'s rows."""
        return inner.raw[:, 0]

    @abstractmethod
    def fit(
        self, train: Sample, candidate: Candidate, guard: LeakageGuard, inner: InnerScores | None
    ) -> Pipeline:
        """Fit all steps of a candidate on a whole training set.

        Parameters
        ----------
        train : Sample
            Training rows, synthetic ones among them on Dataset 2.
        candidate : Candidate
            What was chosen.
        guard : LeakageGuard
            Is asked before each fit.
        inner : InnerScores or None
            The candidate's out-of-fold scores of the real training patients; None when nothing was tuned.

        Returns
        -------
        Pipeline
            From an array with NaN to a probability.
        """

    def fit_preprocessing(
        self, part: Sample, guard: LeakageGuard
    ) -> tuple[list[tuple[str, Any]], NDArray[np.float64]]:
        """Fit the unsupervised steps; return them and the rows that they make of the sample's."""
        guard.check("preprocessing", part.ids)
        X, steps = part.X, self.preprocessing()
        for _, step in steps:
            X = step.fit(X).transform(X)
        return steps, X


def score_each(
    train: NDArray[np.float64],
    y: NDArray[np.int64],
    validation: NDArray[np.float64],
    candidates: Sequence[Candidate],
    classifier: Callable[[Candidate], Any],
) -> NDArray[np.float64]:
    """Fit the classifier of every candidate and score the validation rows: the plain way.

    Parameters
    ----------
    train, validation : array of float, shape (n, p) and (v, p)
        Preprocessed; when the recipe selects, the columns are in the order of the ranking.
    y : array of int, shape (n,)
        Training labels.
    candidates : sequence of Candidate
        Each uses the first `k` columns.
    classifier : callable
        Makes the unfitted classifier of a candidate.

    Returns
    -------
    array of float, shape (len(candidates), v)
        Probability of class 1.
    """
    scores = [
        classifier(candidate)
        .fit(train[:, : candidate.k], y)
        .predict_proba(validation[:, : candidate.k])[:, 1]
        for candidate in candidates
    ]
    return np.asarray(scores, dtype=np.float64)


@dataclass(frozen=True)
class EstimatorRecipe(Recipe):
    """A recipe of one classifier on all columns of an arm.

    Attributes
    ----------
    selector : callable or None
        Makes the unfitted selector of the k best columns; None = every column is used.
    classifier : callable
        Makes the unfitted classifier of a candidate.
    inner_scores : callable
        Scores validation rows for all candidates at once; `score_each` does so for any classifier.
    """

    selector: Callable[[int], Any] | None
    classifier: Callable[[Candidate], Any]
    inner_scores: Callable[..., NDArray[np.float64]] = score_each

    @property
    def ranking(self) -> Callable[[int], Any] | None:
        """The selector's maker."""
        return self.selector

    def ranked_by(self, ranking: Callable[[int], Any]) -> EstimatorRecipe:
        """Return the same recipe with another selector."""
        return replace(self, selector=ranking)

    def score_split(
        self,
        part: Sample,
        validation: NDArray[np.float64],
        candidates: tuple[Candidate, ...],
        guard: LeakageGuard,
    ) -> NDArray[np.float64]:
        """Fit what no candidate changes once, and give the probability by each candidate, r = 1."""
        steps, X = self._fit_shared(part, candidates, guard)
        guard.check("inner estimator", part.ids)
        held_out = transformed(steps, validation)
        return self.inner_scores(X, part.y, held_out, candidates, self.classifier)[:, None, :]

    def fit(
        self,
        train: Sample,
        candidate: Candidate,
        guard: LeakageGuard,
        inner: InnerScores | None,  # noqa: ARG002
    ) -> Pipeline:
        """Fit preprocessing, selector and classifier."""
        steps, X = self._fit_shared(train, (candidate,), guard)
        guard.check("estimator", train.ids)
        return Pipeline([*steps, ("classify", self.classifier(candidate).fit(X, train.y))])

    def _fit_shared(
        self, part: Sample, candidates: tuple[Candidate, ...], guard: LeakageGuard
    ) -> tuple[list[tuple[str, Any]], NDArray[np.float64]]:
        steps, X = self.fit_preprocessing(part, guard)
        if self.selector is None:
            return steps, X
        guard.check("selector", part.ids)
        longest = max(candidate.k or X.shape[1] for candidate in candidates)
        selector = self.selector(longest).fit(X, part.y)
        return [*steps, ("select", selector)], np.asarray(selector.transform(X))


def transformed(steps: list[tuple[str, Any]], X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Send rows through fitted steps."""
    for _, step in steps:
        X = step.transform(X)
    return np.asarray(X)
