"""Which of its columns a model uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gliomics.errors import FeatureTableError

if TYPE_CHECKING:
    from gliomics.model_package.final_model import FinalModel
    from gliomics.model_package.training_profile import TrainingProfile


def training_profile(model: FinalModel, where: str) -> TrainingProfile:
    """Give a model's profile.

    Raises
    ------
    FeatureTableError
        If it was registered before models had one.
    """
    if model.profile is None:
        raise FeatureTableError(
            where=where,
            expected="a model that carries its training profile (profile.json)",
            got=f"a model of card version {model.card.get('card_version')} without it",
            fix="Register it again: `kedro run --pipelines modelling,registration`, then promote it.",
        )
    return model.profile


def used_columns(model: FinalModel, profile: TrainingProfile) -> frozenset[str]:
    """Find the columns that move the score of the median patient.

    Each column is set to its smallest and to its largest training value, the others to their medians. No
    knowledge of a pipeline's steps is needed; a column that acts only beside unusual values of others is not
    found, and is then compared with the rest.
    """
    columns = [str(name) for name in model.card["columns"]]
    middle = np.asarray([_middle(profile, name) for name in columns])
    rows, names = [middle], []
    for place, name in enumerate(columns):
        known = profile.columns.get(name)
        if known is None or known.low is None or known.high is None:
            continue
        for end in (known.low, known.high):
            row = middle.copy()
            row[place] = end
            rows.append(row)
            names.append(name)
    scores = model.pipeline[1:].predict_proba(np.stack(rows))[:, 1]
    moved = np.abs(scores[1:] - scores[0]) > 1e-12
    return frozenset(name for name, moves in zip(names, moved, strict=True) if moves)


def _middle(profile: TrainingProfile, name: str) -> float:
    known = profile.columns.get(name)
    if known is None or known.low is None or known.high is None:
        return float("nan")
    if not known.edges:
        return known.low
    half = np.searchsorted(np.cumsum(known.counts), known.known / 2)
    return known.edges[min(int(half), len(known.edges) - 1)]
