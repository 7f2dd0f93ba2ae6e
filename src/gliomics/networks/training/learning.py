"""Whether trainings learned, judged on their own training patients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CHANCE_LOSS = math.log(2)
"""Class-balanced cross-entropy of the answer 0.5 for everybody: no constant answer does better."""
MARGIN = 0.01
"""A loss this far below chance belongs to logits whose classes differ by 0.3 SD, an AUC of about 0.58. Less
than that is within what dropout and varied crops move the loss of a network that tells nobody apart."""
MIN_TRAIN_AUC = 0.65
"""PROTOCOL 13: a network that separates its own training patients less than this did not learn."""


def learned(train_loss: float | None, train_auc: float | None = None) -> bool:
    """Judge one training.

    Parameters
    ----------
    train_loss : float or None
        Class-balanced cross-entropy of the epoch whose weights were kept; None when it was not finite.
    train_auc : float or None
        Of the kept weights on the patients they were fitted on; None where it was not recorded.

    Returns
    -------
    bool
        False for a loss that is not finite or not at least `MARGIN` below ln 2, and for an AUC below
        `MIN_TRAIN_AUC`.

    Examples
    --------
    >>> learned(0.45, 0.9), learned(0.69, 0.9), learned(0.45, 0.6), learned(None)
    (True, False, False, False)
    """
    if train_loss is None or not math.isfinite(train_loss) or train_loss > CHANCE_LOSS - MARGIN:
        return False
    return train_auc is None or train_auc >= MIN_TRAIN_AUC


def separation(logits: Sequence[float], labels: Sequence[int]) -> float:
    """Compute the AUC of logits; a pair that is tied or not a number counts half.

    Examples
    --------
    >>> separation([0.1, 0.9, 0.4], [0, 1, 1]), separation([math.nan, 1.0], [0, 1])
    (1.0, 0.5)
    """
    scores, classes = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    long, short = scores[classes == 1][:, None], scores[classes == 0][None, :]
    return float(0.5 + ((long > short).mean() - (long < short).mean()) / 2)


def summarise_learning(networks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Count the trainings that did not learn.

    Parameters
    ----------
    networks : iterable of mapping
        ``sampling``, ``permutation``, ``train_loss`` and ``train_auc`` of each network. Those of permuted
        labels are passed over: there is nothing in their labels to be learned.

    Returns
    -------
    list of dict
        A row a sampling: ``sampling``, ``trainings``, ``not_learned``, and ``train_loss`` and ``train_auc``
        of those that did not learn.
    """
    observed = [network for network in networks if network["permutation"] == 0]
    rows = []
    for sampling in dict.fromkeys(network["sampling"] for network in observed):
        own = [network for network in observed if network["sampling"] == sampling]
        failed = [network for network in own if not learned(network["train_loss"], network["train_auc"])]
        rows.append(
            {
                "sampling": sampling,
                "trainings": len(own),
                "not_learned": len(failed),
                "train_loss": [network["train_loss"] for network in failed],
                "train_auc": [network["train_auc"] for network in failed],
            }
        )
    return rows


def learning_warnings(rows: Iterable[Mapping[str, Any]], population: str) -> list[str]:
    """Name the trainings that did not learn, in one line a sampling.

    Parameters
    ----------
    rows : iterable of mapping
        From `summarise_learning`.
    population : str
        Whose patients the networks were trained on.

    Returns
    -------
    list of str
        Empty when all learned.
    """
    return [
        f"cnn3d ({row['sampling']}, population {population}): {row['not_learned']} of {row['trainings']} "
        f"trainings did not learn. Training loss {_range(row['train_loss'])} (answering 0.5 for everybody "
        f"gives {CHANCE_LOSS:.3f}), AUC on their own training patients {_range(row['train_auc'])}. Their "
        "vectors say little more than those of an untrained network"
        for row in rows
        if row["not_learned"]
    ]


def _range(values: Sequence[float | None]) -> str:
    finite = sorted(value for value in values if value is not None)
    shown = " to ".join(dict.fromkeys(f"{value:.3f}" for value in (finite[:1] + finite[-1:])))
    lost = len(values) - len(finite)
    return shown if not lost else f"{shown}, not finite in {lost}" if shown else "not finite"
