"""The mean over angles that pyradiomics takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mean_over_angles(per_angle: NDArray[Any]) -> NDArray[Any]:
    """Average each feature over the angles where it is defined.

    Parameters
    ----------
    per_angle : ndarray, shape (angles, features)
        NaN where an angle has nothing to measure.

    Returns
    -------
    ndarray, shape (features,)
        NaN where no angle has a value; the same as ``numpy.nanmean`` without its warning.
    """
    defined = ~np.isnan(per_angle)
    total = np.where(defined, per_angle, 0).sum(axis=0)
    count = defined.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
