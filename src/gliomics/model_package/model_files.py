"""A fitted arm on disk: skops files and a JSON card, never a pickle.

skops is imported where it is needed: it brings torch along, which takes longer than most commands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED

from gliomics.errors import ServingError
from gliomics.learning.registry import TRUSTED_TYPES
from gliomics.model_package.final_model import CARD_FORMAT, FinalModel
from gliomics.model_package.training_profile import TrainingProfile

if TYPE_CHECKING:
    from pathlib import Path

MODEL_FILE = "model.skops"
REFITS_FILE = "refits.skops"
CARD_FILE = "card.json"
PROFILE_FILE = "profile.json"


def save_final_model(model: FinalModel, folder: Path) -> None:
    """Write a fitted arm into a folder of its own.

    Parameters
    ----------
    model : FinalModel
        The fitted pipeline and its card.
    folder : Path
        Created; its files are replaced.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model.pipeline, folder / MODEL_FILE, compression=ZIP_DEFLATED)
    skops.io.dump(list(model.refits), folder / REFITS_FILE, compression=ZIP_DEFLATED)
    card = json.dumps(model.card, indent=2, sort_keys=True, allow_nan=False)
    (folder / CARD_FILE).write_text(card + "\n", encoding="utf-8")
    (folder / PROFILE_FILE).unlink(missing_ok=True)
    if model.profile is not None:
        (folder / PROFILE_FILE).write_text(model.profile.model_dump_json(indent=1) + "\n", encoding="utf-8")


def load_final_model(folder: Path) -> FinalModel:
    """Read a fitted arm back; only the literal list of trusted types is let in.

    Parameters
    ----------
    folder : Path
        As written by `save_final_model`.

    Returns
    -------
    FinalModel
        The same pipelines and card.

    Raises
    ------
    ServingError
        If it was saved by a version of gliomics with another layout.
    skops.io.exceptions.UntrustedTypesFoundException
        If the file holds a type that gliomics does not write.
    """
    import skops.io

    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    if card.get("format", 1) != CARD_FORMAT:
        raise ServingError(
            where=f"saved model of the {card.get('arm')} arm",
            expected=f"its card must have format {CARD_FORMAT}",
            got=f"format {card.get('format', 1)}",
            fix="Run modelling and registration again: its classes lie in modules of an earlier gliomics. "
            "`gliomics serve` still serves it, with the code that lies in it.",
        )
    refits = skops.io.load(folder / REFITS_FILE, trusted=TRUSTED_TYPES)
    kept = folder / PROFILE_FILE
    profile = TrainingProfile.model_validate_json(kept.read_text("utf-8")) if kept.is_file() else None
    return FinalModel(skops.io.load(folder / MODEL_FILE, trusted=TRUSTED_TYPES), card, tuple(refits), profile)
