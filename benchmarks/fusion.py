"""Which mode of fusion, which reduction of blocks? Fresh patients scored, on tables whose truth is known.

    python benchmarks/fusion.py [--tables 30]

Two blocks of 724 and 1,024 columns, each made of 12 hidden factors and noise (as radiomics and embeddings
are), one patient in six short. The outcome follows, by scenario, one factor of each block (`factors`), four
single columns of each (`columns`), or one factor of the first block only (`one-sided`). A recipe is tuned and
fitted on n patients and its AUC is taken on 1,000 fresh ones; mean and standard error over the tables, the
same tables for every recipe.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from gliomics.evaluation.cross_validation.tuning import tune_and_fit
from gliomics.evaluation.statistics.metrics import concordance
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.registry import get_recipe
from gliomics.learning.sample import Sample
from gliomics.learning.settings import FusionSettings, TuningSettings

SIZES = (724, 1024)
FRESH = 1000
MODES = ("early", "late", "average", "tuned")
REDUCTIONS = ("selection", "pca")


def draw(n: int, scenario: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw n patients for training, followed by fresh ones; both classes in the shares of the cohort."""
    total = 8 * (n + FRESH)
    blocks, signals = [], []
    for size in SIZES:
        factors = rng.normal(size=(total, 12))
        signal = np.zeros(total) if blocks and scenario == "one-sided" else 1.5 * factors[:, 3]
        if scenario == "columns":
            signal = rng.normal(size=total)
        signals.append(signal)
        blocks.append((factors, rng.normal(size=(12, size))))
    y = (rng.random(total) < expit(sum(signals) + 2.2)).astype(np.int64)
    short, long = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    wanted = [(n // 6, n - n // 6), (FRESH // 6, FRESH - FRESH // 6)]
    rows = np.concatenate(
        [short[: wanted[0][0]], long[: wanted[0][1]], short[-wanted[1][0] :], long[-wanted[1][1] :]]
    )
    columns = []
    for (factors, loadings), signal in zip(blocks, signals, strict=True):
        X = factors[rows] @ loadings + 2.0 * rng.normal(size=(len(rows), loadings.shape[1]))
        if scenario == "columns":
            X[:, :4] += 3.0 * signal[rows][:, None]
        columns.append(X)
    return np.hstack(columns), y[rows]


def score(X: np.ndarray, y: np.ndarray, n: int, fusion: FusionSettings | None, block: int | None) -> float:
    """Fit on the first n rows, by one block alone or fused, and take the AUC on the rest."""
    name = "ranked_logistic" if fusion is None else "fused_logistic"
    recipe = get_recipe(name) if fusion is None else get_recipe(name).for_blocks(SIZES, fusion)
    if block is not None:
        X = X[:, : SIZES[0]] if block == 0 else X[:, SIZES[0] :]
    ids = np.arange(n).astype(str).astype(object)
    train = Sample(ids, X[:n], y[:n])
    fitted = tune_and_fit(recipe, train, TuningSettings(), np.random.default_rng(1), LeakageGuard(()))
    return concordance(y[n:], fitted.score(X[n:]))


def main() -> None:
    """Print one line a recipe, scenario and number of patients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=30)
    parser.add_argument("--patients", type=int, nargs="+", default=[30, 42, 100, 400])
    given = parser.parse_args()
    recipes = {
        f"{mode} {by}": (FusionSettings(mode=mode, reduction=by), None)
        for mode, by in itertools.product(MODES, REDUCTIONS)
    }
    recipes |= {"first block alone": (None, 0), "second block alone": (None, 1)}
    for n, scenario in itertools.product(given.patients, ("factors", "columns", "one-sided")):
        found = {name: [] for name in recipes}
        for table in range(given.tables):
            X, y = draw(n, scenario, np.random.default_rng([n, table]))
            with threadpool_limits(1):
                for name, (fusion, block) in recipes.items():
                    found[name].append(score(X, y, n, fusion, block))
        print(f"\n{n} patients, {scenario}: AUC on fresh patients, mean +- standard error")
        for name, values in sorted(found.items(), key=lambda one: -np.mean(one[1])):
            print(f"  {name:20} {np.mean(values):.3f} +- {np.std(values, ddof=1) / len(values) ** 0.5:.3f}")


if __name__ == "__main__":
    main()
