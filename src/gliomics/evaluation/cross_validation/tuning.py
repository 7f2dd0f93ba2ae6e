"""Nested tuning and fitting of one recipe on one training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from gliomics.cohort.splits import deal
from gliomics.evaluation.cross_validation.preparation import prepare
from gliomics.learning.recipes import InnerScores

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from gliomics.evaluation.cross_validation.preparation import Preparation, Prepared
    from gliomics.evaluation.cross_validation.resampling import Resampler
    from gliomics.learning.guard import LeakageGuard
    from gliomics.learning.recipes import Candidate, Recipe
    from gliomics.learning.sample import Sample
    from gliomics.learning.settings import TuningSettings


@dataclass(frozen=True)
class FittedArm:
    """A recipe after tuning and fitting.

    Attributes
    ----------
    pipeline : sklearn.pipeline.Pipeline
        All fitted steps, from an array with NaN to a probability.
    candidate : Candidate
        What tuning chose, or the recipe's default.
    threshold : float
        A score at or above it is called long survival.
    inner_folds : int
        Number of inner folds, 0 when nothing was tuned.
    shift : float
        Added to the log-odds: synthetic rows shift the prevalence, this brings it back to that of the real
        training rows (on their inner out-of-fold scores).
    inner_parts_without_synthetic_rows : int
        Inner splits in which a class was too small for the sampler, so that real rows alone were trained on.
    prepared : Prepared or None
        The first steps of the pipeline, fitted on real rows, when there are any.
    """

    pipeline: Pipeline
    candidate: Candidate
    threshold: float
    inner_folds: int
    shift: float = 0.0
    inner_parts_without_synthetic_rows: int = 0
    prepared: Prepared | None = None

    def score(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the probability of long survival of each row, shape (n,)."""
        probability: NDArray[np.float64] = self.pipeline.predict_proba(X)[:, 1]
        return shifted(probability, self.shift)


@dataclass(frozen=True)
class _Inner:
    """The inner splits of a training set."""

    train: Sample
    fold: NDArray[np.int64]
    resampler: Resampler | None
    rng: np.random.Generator
    preparation: Preparation | None

    def part(self, number: int, guard: LeakageGuard) -> tuple[Sample, bool, Prepared]:
        """Return what is trained on without a fold, whether synthetic rows are missing, and its steps."""
        part = self.train.take(np.flatnonzero(self.fold != number))
        prepared = prepare(self.preparation, part, guard)
        part = prepared.apply(part)
        if self.resampler is None:
            return part, False, prepared
        grown, done = self.resampler.augment_if_possible(part, self.rng, guard)
        return grown, not done, prepared


def tune_and_fit(  # noqa: PLR0917  (what is fitted, on whom, how, by which draws, watched by whom)
    recipe: Recipe,
    train: Sample,
    settings: TuningSettings,
    rng: np.random.Generator,
    guard: LeakageGuard,
    resampler: Resampler | None = None,
    *,
    tune: bool = True,
    preparation: Preparation | None = None,
) -> FittedArm:
    """Choose a candidate and a threshold inside a training set, then fit on all of it.

    Inner folds: min(`max_inner_folds`, minority // 2); below 2 nothing is tuned, the recipe's default is
    taken and the threshold is the training prevalence. Otherwise candidates are compared by the log-loss of
    their out-of-fold scores: the simplest whose mean loss is within one standard error (over patients) of
    the best is taken, and the threshold maximises the balanced accuracy of its pooled scores. What does
    not depend on the candidate is fitted once a split.

    Parameters
    ----------
    recipe : Recipe
        What is fitted.
    train : Sample
        Training rows with both classes.
    settings : TuningSettings
        Limits of tuning.
    rng : Generator
        Deals the inner folds.
    guard : LeakageGuard
        Checks each fit; the inner splits add their validation patients to it.
    resampler : Resampler or None
        Adds synthetic rows to what is trained on, in the inner splits too. Validation rows, threshold and
        prevalence stay those of real patients.
    tune : bool
        False takes the default and the prevalence whatever the number of patients.
    preparation : Preparation or None
        Fitted on real rows before anything else, in the inner splits too; synthetic rows are drawn from
        prepared ones.

    Returns
    -------
    FittedArm
        Fitted on all of `train`.

    Raises
    ------
    LeakageError
        If `train` holds a patient whom the guard holds out.

    References
    ----------
    PROTOCOL 2; the one-standard-error rule: Breiman et al., Classification and Regression Trees, 1984.
    """
    prepared = prepare(preparation, train, guard)
    ready = prepared.apply(train)
    grown = ready if resampler is None else resampler.augment(ready, rng, guard)
    inner_folds = min(settings.max_inner_folds, train.minority // 2)
    if inner_folds < 2 or not tune:
        guard.check("threshold", train.ids)
        pipeline = recipe.fit(grown, recipe.default, guard, None)
        return prepared.before(FittedArm(pipeline, recipe.default, float(train.y.mean()), 0))
    candidates = recipe.competing(train.minority, settings)
    splits = _Inner(train, _inner_folds(train, inner_folds, rng), resampler, rng, preparation)
    inner, bare = _out_of_fold_scores(recipe, splits, candidates, guard)
    scores = recipe.combine(inner, candidates, guard)
    guard.check("threshold", train.ids)
    shifts = np.zeros(len(candidates))
    if resampler is not None:
        shifts = np.array([prevalence_shift(train.y, row) for row in scores])
        scores = np.stack([shifted(row, shift) for row, shift in zip(scores, shifts, strict=True)])
    chosen = choose_simplest_within_one_se(log_losses(train.y, scores))
    fitted = FittedArm(
        pipeline=recipe.fit(grown, candidates[chosen], guard, inner.only(chosen)),
        candidate=candidates[chosen],
        threshold=balanced_threshold(train.y, scores[chosen]),
        inner_folds=inner_folds,
        shift=float(shifts[chosen]),
        inner_parts_without_synthetic_rows=bare,
    )
    return prepared.before(fitted)


def prevalence_shift(y: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Find what must be added to the log-odds for the mean score to be the share of ones.

    It cannot change the order of two patients.

    Examples
    --------
    >>> round(prevalence_shift(np.array([1, 1, 1, 0]), np.array([0.5, 0.5, 0.5, 0.5])), 3)
    1.099
    """
    odds = _log_odds(scores)
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if expit(odds + middle).mean() < y.mean() else (low, middle)
    return 0.5 * (low + high)


def shifted(scores: NDArray[np.float64], shift: float) -> NDArray[np.float64]:
    """Add to the log-odds of scores; a shift of zero changes no bit."""
    if shift == 0.0:
        return scores
    return np.asarray(expit(_log_odds(scores) + shift), dtype=np.float64)


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(scores, 1e-12, 1.0 - 1e-12)), dtype=np.float64)


def log_losses(y: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the log-loss of each score: `scores` (m, n) against `y` (n,) gives (m, n)."""
    safe = np.clip(scores, 1e-15, 1.0 - 1e-15)
    losses: NDArray[np.float64] = -np.log(np.where(y == 1, safe, 1.0 - safe))
    return losses


def choose_simplest_within_one_se(losses: NDArray[np.float64]) -> int:
    """Apply the one-standard-error rule.

    Parameters
    ----------
    losses : array of float, shape (m, n)
        Loss of each candidate, simplest first, on each patient.

    Returns
    -------
    int
        The first candidate whose mean loss is at most the best one's plus its standard error.

    Examples
    --------
    >>> choose_simplest_within_one_se(np.array([[5.0, 5.1], [1.1, 1.2], [1.0, 1.3]]))
    1
    """
    means = losses.mean(axis=1)
    best = int(means.argmin())
    allowed = means[best] + losses[best].std(ddof=1) / np.sqrt(losses.shape[1])
    return int(np.flatnonzero(means <= allowed)[0])


def balanced_threshold(y: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Find the cut with the largest balanced accuracy (Youden's index).

    Parameters
    ----------
    y : array of int, shape (n,)
        Both classes.
    scores : array of float, shape (n,)
        Scores at or above the cut are called 1.

    Returns
    -------
    float
        Half-way between two neighbouring scores; of equally good cuts the one nearest to the prevalence;
        the prevalence itself when all scores are equal.

    Examples
    --------
    >>> balanced_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.7])).__round__(3)
    0.4
    """
    prevalence = float(y.mean())
    values = np.unique(scores)
    if len(values) == 1:
        return prevalence
    cuts = (values[1:] + values[:-1]) / 2.0
    called = scores[None, :] >= cuts[:, None]
    youden = called[:, y == 1].mean(axis=1) - called[:, y == 0].mean(axis=1)
    best = cuts[youden >= youden.max() - 1e-12]
    return float(best[np.abs(best - prevalence).argmin()])


def _inner_folds(train: Sample, n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return deal([np.flatnonzero(train.y == 0), np.flatnonzero(train.y == 1)], n_folds, rng)


def _out_of_fold_scores(
    recipe: Recipe, inner: _Inner, candidates: tuple[Candidate, ...], guard: LeakageGuard
) -> tuple[InnerScores, int]:
    """Score every real training patient by every candidate from splits without them; count bare splits."""
    train, bare, parts = inner.train, 0, []
    for number in range(inner.fold.max() + 1):
        held_out = np.flatnonzero(inner.fold == number)
        inner_guard = guard.also(train.ids[held_out])
        part, without, prepared = inner.part(number, inner_guard)
        bare += without
        validation = prepared.transform(train.X[held_out])
        parts.append((held_out, recipe.score_split(part, validation, candidates, inner_guard)))
    raw = np.empty((*parts[0][1].shape[:2], len(train.y)))
    for held_out, scores in parts:
        raw[:, :, held_out] = scores
    return InnerScores(raw, train.y, train.ids, inner.fold), bare
