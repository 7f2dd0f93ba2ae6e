"""Repeated nested cross-validation against the same search written plainly with scikit-learn, in one run.

    python benchmarks/modelling.py [--patients 42] [--columns 724] [--repeats 3]
    python benchmarks/modelling.py --speed-goal [--mode tuned] [--reduction pca] [--workers 2]
    python benchmarks/modelling.py --cost FOLDER

Both score the same patients by the same folds, inner folds, candidates, rules and seeds. The plain way is
GridSearchCV over a pipeline (imputer, scaler, selector, logistic regression), which fits the whole pipeline
for every candidate and split; ours fits what no candidate changes once a split, and all candidates in one
batch of Newton steps. The largest difference of two scores is printed: they must agree. The second and third
form measure what the protocol costs (`modelling_cost`).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from modelling_cost import cost, speed_goal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import Pipeline

from gliomics.cohort.splits import deal
from gliomics.compute import ComputeSettings
from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, cross_validate
from gliomics.evaluation.cross_validation.tuning import choose_simplest_within_one_se, log_losses
from gliomics.learning.registry import get_recipe, impute_and_scale
from gliomics.learning.sample import Sample, minority_count
from gliomics.learning.selection.ranking import RankedSelector
from gliomics.learning.settings import FusionSettings, TuningSettings
from gliomics.seeding import generator

SEED = 20261124


def make_design(patients: int, columns: int, repeats: int) -> CrossValidation:
    """Correlated columns, one patient in six short, a fifth of the columns with gaps."""
    rng = np.random.default_rng(SEED)
    y = (np.arange(patients) >= patients // 6).astype(np.int64)
    factors = rng.normal(size=(patients, 12))
    X = factors @ rng.normal(size=(12, columns)) + rng.normal(size=(patients, columns))
    X[:, : columns // 5][rng.random((patients, columns // 5)) < 0.2] = np.nan
    ids = np.array([f"P{row:04d}" for row in range(patients)], dtype=object)
    groups = [np.flatnonzero(y == label) for label in (0, 1)]
    folds = {repeat: deal(groups, 5, rng) for repeat in range(repeats)}
    return CrossValidation(Sample(ids, X, y), folds, get_recipe("ranked_logistic"), TuningSettings(), SEED)


def plainly(design: CrossValidation) -> np.ndarray:
    """Nested cross-validation as it is usually written; shape (repeats, patients)."""
    scores = np.empty((len(design.folds), len(design.sample.y)))
    for repeat, fold in design.folds.items():
        for number in np.unique(fold):
            train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            scores[repeat, test] = _search(design, train, test, (repeat, int(number)))
    return scores


def _search(
    design: CrossValidation, train: np.ndarray, test: np.ndarray, place: tuple[int, int]
) -> np.ndarray:
    X, y = design.sample.X, design.sample.y
    minority = minority_count(y[train])
    n_inner = min(design.tuning.max_inner_folds, minority // 2)
    rng = generator(design.seed, "inner folds", 0, *place)
    inner = deal([np.flatnonzero(y[train] == label) for label in (0, 1)], n_inner, rng)
    candidates = design.recipe.competing(minority, design.tuning)
    pipeline = Pipeline(
        [
            *impute_and_scale(),
            ("select", RankedSelector()),
            ("classify", LogisticRegression(solver="newton-cholesky", tol=1e-8)),
        ]
    )
    grid = [{"select__k": [candidate.k], "classify__C": [candidate.C]} for candidate in candidates]
    held_out = [np.flatnonzero(inner == number) for number in range(n_inner)]
    recorded: list[np.ndarray] = []

    def score(model: Pipeline, rows: np.ndarray, labels: np.ndarray) -> float:
        losses = log_losses(labels, model.predict_proba(rows)[:, 1][None])[0]
        recorded.append(losses)
        return -float(losses.mean())

    def one_standard_error(_: dict[str, np.ndarray]) -> int:
        """Choose as gliomics does; GridSearchCV scores candidate after candidate, split after split."""
        losses = np.empty((len(candidates), len(train)))
        for number, values in enumerate(recorded):
            losses[number // n_inner, held_out[number % n_inner]] = values
        return choose_simplest_within_one_se(losses)

    search = GridSearchCV(
        pipeline, grid, scoring=score, cv=PredefinedSplit(inner), refit=one_standard_error
    ).fit(X[train], y[train])
    return search.best_estimator_.predict_proba(X[test])[:, 1]


def compare(patients: int, columns: int, repeats: int) -> None:
    """Time both ways and compare their scores."""
    design = make_design(patients, columns, repeats)
    compute = ComputeSettings(workers=1)
    cross_validate(design, None, [0], compute=compute)
    start = time.perf_counter()
    table = cross_validate(design, None, design.repeats, compute=compute)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    plain = plainly(design)
    theirs = time.perf_counter() - start
    scores = table["y_score"].to_numpy().reshape(plain.shape)
    print(f"{patients} patients x {columns} columns, 5 folds x {repeats} repeats, one process")
    print(f"gliomics {ours:.2f} s, plain GridSearchCV {theirs:.2f} s, ratio {theirs / ours:.1f}")
    print(f"largest difference of a score: {np.abs(scores - plain).max():.1e}")


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--patients", type=int, default=42)
    parser.add_argument("--columns", type=int, default=724)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--speed-goal", action="store_true", help="seconds a part at the study's size")
    parser.add_argument("--workers", type=int, default=2, help="of --speed-goal")
    parser.add_argument("--mode", default="early", help="of fusion, in --speed-goal")
    parser.add_argument("--reduction", default="selection", help="of blocks, in --speed-goal")
    parser.add_argument("--cost", type=Path, metavar="FOLDER", help="against n, p and repeats")
    given = parser.parse_args()
    if given.speed_goal:
        speed_goal(given.workers, FusionSettings(mode=given.mode, reduction=given.reduction))
    elif given.cost is not None:
        cost(given.cost)
    else:
        compare(given.patients, given.columns, given.repeats)


if __name__ == "__main__":
    main()
