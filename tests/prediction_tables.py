"""Generated tables of embeddings, as the embedding stage writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gliomics.cohort.permutations import permutation_orders


def frozen_embeddings(cohort: pd.DataFrame, *, columns=6, signal=0.0, weights="untrained") -> pd.DataFrame:
    """One row a patient of a frozen network; `signal` shifts the first column of the long survivors."""
    rng = np.random.default_rng(17)
    X = rng.normal(size=(len(cohort), columns))
    X[:, 0] += signal * (cohort["benefit"] == 1).fillna(value=False).to_numpy(dtype=float)
    return _table(cohort["subject_id"], X, ("medicalnet", weights), (0, pd.NA, pd.NA), None)


def fold_embeddings(data, *, columns=5, signal=0.0, repeats=1, permutations=1, seed=1) -> pd.DataFrame:
    """Rows of networks of every fold: a common signal, turned by a rotation that is each network's own.

    Vectors of different networks share no coordinate system, as in real life. Permuted networks see the same
    images; which of them they were trained on follows the permuted (label, fold) pairs.
    """
    cohort = data.cohort.sort_values("subject_id", ignore_index=True)
    rng = np.random.default_rng(23)
    base = rng.normal(size=(len(cohort), columns))
    base[:, 0] += signal * (cohort["benefit"] == 1).fillna(value=False).to_numpy(dtype=float)
    labelled = np.flatnonzero(cohort["benefit"].notna().to_numpy())
    tables = []
    for permutation in range(permutations + 1):
        for repeat in range(repeats if permutation == 0 else 1):
            fold = data.folds[data.folds["repeat"] == repeat].set_index("subject_id")["fold"]
            folds = fold.loc[cohort["subject_id"]].to_numpy()
            if permutation:
                order = permutation_orders(len(labelled), permutation, seed)[-1]
                moved = folds.copy()
                moved[labelled[order]] = folds[labelled]
                folds = moved
            for number in np.unique(folds):
                turn, _ = np.linalg.qr(rng.normal(size=(columns, columns)))
                role = np.where(folds == number, "test", "train")
                place = (permutation, repeat, int(number))
                turned = base @ turn
                tables.append(_table(cohort["subject_id"], turned, ("cnn3d", "trained_in_fold"), place, role))
    return pd.concat(tables, ignore_index=True)


def _table(subjects, X, network, place, role) -> pd.DataFrame:
    padded = np.column_stack([X, np.full((len(X), 8 - X.shape[1]), np.nan)])
    table = pd.DataFrame(padded, columns=[f"emb_{number:03d}" for number in range(8)])
    facts = pd.DataFrame({"subject_id": subjects.to_numpy()}).assign(
        network=network[0], sampling="bounding_box", weights=network[1], permutation=place[0], role=role
    )
    for name, value in (("repeat", place[1]), ("fold", place[2])):
        facts[name] = pd.array([value] * len(table), dtype="Int64")
    return pd.concat([facts, table], axis=1)
