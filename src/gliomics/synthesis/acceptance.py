"""How far synthetic rows may be believed: judged on real rows that the sampler did not see."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gliomics.synthesis.settings import AcceptanceSettings

COPY_SHARE = 0.01
"""A synthetic row nearer to a training row than this share of the typical distance between two is a copy."""
ASSESSED = "assessed"
NOT_ASSESSABLE = "not assessable"


@dataclass(frozen=True)
class ClassAcceptance:
    """What is known of the synthetic rows of one class in one fold.

    Attributes
    ----------
    label : int
        The class.
    n_train, n_held_out, n_synthetic : int
        Real rows that the sampler was fitted on, real rows that it did not see, and its draws.
    status : str
        ``assessed``, or ``not assessable`` with fewer held-out rows than the settings ask for; never
        "accepted": the figures and their references are for a reader to judge.
    copies : int
        Synthetic rows that all but equal a training row.
    ks, ks_reference : float
        Mean over columns of the Kolmogorov-Smirnov distance held-out to synthetic rows, and held-out to
        training rows.
    auc, auc_low, auc_high : float
        How well real held-out and as many synthetic rows are told apart out of fold (0.5: not at all).
    distance_ratio : float
        Median distance of synthetic rows to their nearest training row over that to their nearest held-out
        row (among as many training rows); well below 1 means memorising.
    """

    label: int
    n_train: int
    n_held_out: int
    n_synthetic: int
    status: str
    copies: int
    ks: float = np.nan
    ks_reference: float = np.nan
    auc: float = np.nan
    auc_low: float = np.nan
    auc_high: float = np.nan
    distance_ratio: float = np.nan


@dataclass(frozen=True)
class RealAndSynthetic:
    """Rows of one fold: real training and held-out rows and synthetic ones, each with labels."""

    train: tuple[NDArray[np.float64], NDArray[np.int64]]
    held_out: tuple[NDArray[np.float64], NDArray[np.int64]]
    synthetic: tuple[NDArray[np.float64], NDArray[np.int64]]


def no_acceptance() -> pd.DataFrame:
    """Make the table of nothing judged, with its columns."""
    names = ["repeat", "fold", *(field.name for field in fields(ClassAcceptance)), "tstr_auc", "trtr_auc"]
    return pd.DataFrame({name: [] for name in names})


def accept_fold(
    rows: RealAndSynthetic, settings: AcceptanceSettings, rng: np.random.Generator
) -> pd.DataFrame:
    """Judge the synthetic rows of one fold, class by class.

    Parameters
    ----------
    rows : RealAndSynthetic
        Missing values as NaN; they are filled with medians of the training rows, and columns scaled by them.
    settings : AcceptanceSettings
        When a class can be judged.
    rng : Generator
        Draws rows at equal n, and the resamples of the interval.

    Returns
    -------
    DataFrame
        One row a class: the fields of `ClassAcceptance` and ``tstr_auc`` and ``trtr_auc``: train on synthetic
        (on real training) rows, test on real held-out rows; NaN where a class is not assessable.

    References
    ----------
    PROTOCOL 7; train-synthetic-test-real: Esteban et al., 2017 (arXiv:1706.02633).
    """
    prepare = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    prepare.fit(rows.train[0])
    train, held_out, synthetic = (
        (prepare.transform(X), y) for X, y in (rows.train, rows.held_out, rows.synthetic)
    )
    found = [
        _accept_class(label, tuple(X[y == label] for X, y in (train, held_out, synthetic)), settings, rng)
        for label in (0, 1)
    ]
    table = pd.DataFrame([asdict(one) for one in found])
    assessable = all(one.status == ASSESSED for one in found)
    scores = [_transfer_auc(source, held_out) if assessable else np.nan for source in (synthetic, train)]
    return table.assign(tstr_auc=scores[0], trtr_auc=scores[1])


def _accept_class(
    label: int,
    parts: tuple[NDArray[np.float64], ...],
    settings: AcceptanceSettings,
    rng: np.random.Generator,
) -> ClassAcceptance:
    train, held_out, synthetic = parts
    counts = (label, len(train), len(held_out), len(synthetic))
    copies = _copies(train, synthetic)
    if len(held_out) < settings.min_held_out or len(synthetic) < len(held_out):
        return ClassAcceptance(*counts, NOT_ASSESSABLE, copies)
    equal = synthetic[rng.choice(len(synthetic), size=len(held_out), replace=False)]
    few = train[rng.choice(len(train), size=min(len(train), len(held_out)), replace=False)]
    auc, low, high = _told_apart(held_out, equal, settings, rng)
    return ClassAcceptance(
        *counts,
        ASSESSED,
        copies,
        _mean_ks(held_out, synthetic),
        _mean_ks(held_out, train),
        auc,
        low,
        high,
        float(np.median(_nearest(synthetic, few)) / np.median(_nearest(synthetic, held_out))),
    )


def _copies(train: NDArray[np.float64], synthetic: NDArray[np.float64]) -> int:
    if len(train) < 2 or not len(synthetic):
        return 0
    between = cdist(train, train)
    typical = float(np.median(between[np.triu_indices(len(train), 1)]))
    return int(np.count_nonzero(_nearest(synthetic, train) < COPY_SHARE * typical))


def _nearest(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest: NDArray[np.float64] = cdist(rows, others).min(axis=1)
    return nearest


def _mean_ks(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    varies = np.flatnonzero(np.ptp(np.concatenate([one, other]), axis=0) > 0)
    if not len(varies):
        return 0.0
    return float(np.mean([ks_2samp(one[:, c], other[:, c], method="asymp").statistic for c in varies]))


def _told_apart(
    real: NDArray[np.float64],
    synthetic: NDArray[np.float64],
    settings: AcceptanceSettings,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    X, y = np.concatenate([real, synthetic]), np.repeat([1, 0], [len(real), len(synthetic)])
    model = LogisticRegression(C=0.01, solver="newton-cholesky" if X.shape[1] < len(X) else "lbfgs")
    score = cross_val_predict(model, X, y, cv=5, method="decision_function")
    resampled = []
    for _ in range(settings.resamples):
        rows = np.concatenate([rng.choice(np.flatnonzero(y == k), size=(y == k).sum()) for k in (0, 1)])
        resampled.append(roc_auc_score(y[rows], score[rows]))
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(roc_auc_score(y, score)), float(low), float(high)


def _transfer_auc(
    source: tuple[NDArray[np.float64], NDArray[np.int64]],
    target: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> float:
    model = LogisticRegression(C=0.01).fit(*source)
    return float(roc_auc_score(target[1], model.decision_function(target[0])))
