"""The permutations of the control: every stage that permutes labels draws the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.seeding import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray


def permutation_orders(n_rows: int, n: int, seed: int) -> NDArray[np.intp]:
    """Draw the permutations.

    Parameters
    ----------
    n_rows : int
        Number of labelled patients.
    n : int
        Number of permutations.
    seed : int
        The run's seed.

    Returns
    -------
    array of int, shape (n, n_rows)
        Entry (b, i): the patient whose feature row is given to the (label, fold) pair of patient i.
    """
    return np.stack([generator(seed, "permutation", b + 1).permutation(n_rows) for b in range(n)])
