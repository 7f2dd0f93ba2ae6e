"""The table of folds, arranged for the patients of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def folds_of(folds: pd.DataFrame, ids: NDArray[np.object_]) -> dict[int, NDArray[np.int64]]:
    """Arrange the table of folds for some patients.

    Parameters
    ----------
    folds : DataFrame
        ``subject_id``, ``repeat``, ``fold``; holds every patient of `ids` once a repeat.
    ids : array of str, shape (n,)
        The patients, in the wanted order.

    Returns
    -------
    dict of int to array of int, shape (n,)
        Repeat to folds.
    """
    return {
        int(repeat): folds.loc[folds["repeat"] == repeat]
        .set_index("subject_id")["fold"]
        .loc[list(ids)]
        .to_numpy(dtype=np.int64)
        for repeat in folds["repeat"].unique()
    }
