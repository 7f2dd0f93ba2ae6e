"""One seed, many independent generators: each is named by its purpose and place."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def generator(seed: int, purpose: str, *place: int) -> np.random.Generator:
    """Make the generator of one purpose at one place, whatever was drawn before.

    Parameters
    ----------
    seed : int
        The run's seed.
    purpose : str
        What is drawn ("inner folds", "bootstrap").
    *place : int
        Where, such as permutation, repeat and fold.

    Returns
    -------
    numpy.random.Generator
        The same for the same arguments, on every worker.

    Examples
    --------
    >>> bool(generator(1, "bootstrap").random() == generator(1, "bootstrap").random())
    True
    >>> bool(generator(1, "bootstrap").random() == generator(1, "inner folds").random())
    False
    """
    return np.random.default_rng(
        np.random.SeedSequence(entropy=seed, spawn_key=(crc32(purpose.encode()), *place))
    )
