"""From the scans of new patients to the features that a model was fitted on, by the stages' own functions."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict

from gliomics.compute import ComputeSettings, map_cases
from gliomics.evaluation.blocks import final_block
from gliomics.imaging.case_scans import list_cases, with_failures
from gliomics.imaging.settings import ImageSettings
from gliomics.lineage.case_store import SUFFIX, CaseStore
from gliomics.networks.medicalnet.weights import weights_key
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.settings import Cnn3dSettings, InferenceSettings, MedicalNetSettings, SamplingSettings
from gliomics.networks.training.cohort_networks import TRAINED, EmbeddingNetworks, embed_cohort
from gliomics.radiomics.case_work import lost_result, measure_case
from gliomics.radiomics.settings import RadiomicsSettings
from gliomics.radiomics.tables import gather_features

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gliomics.imaging.manifest import ScanInspection

NO_FOLDS = pd.DataFrame({"subject_id": pd.Series(dtype="object"), "repeat": [], "fold": []})


class NetworkRecipe(BaseModel):
    """How crops are cut and which networks see them.

    ``final_networks`` are the entries of ``fold_networks`` for the networks that were trained on all labelled
    patients: sampling and key of the record. Where there are none, seeded untrained ones stand in if the
    settings of cnn3d ask for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampling: SamplingSettings
    cnn3d: Cnn3dSettings
    medicalnet: MedicalNetSettings
    cnn3d_status: str
    cnn3d_reason: str | None = None
    final_networks: dict[str, str] = {}


class ScanRecipe(BaseModel):
    """All that turns a case folder into a model's features; a part that the arm does not use is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: ImageSettings
    radiomics: RadiomicsSettings | None
    networks: NetworkRecipe | None
    seed: int


@dataclass(frozen=True)
class CaseTable:
    """Features of the cases that could be used, and what became of each.

    Attributes
    ----------
    features : DataFrame
        Indexed by subject.
    outcomes : DataFrame
        ``subject_id``, ``status`` (processed or failed), ``code``, ``reason``.
    """

    features: pd.DataFrame
    outcomes: pd.DataFrame


@dataclass
class CaseMeasurer:
    """Measures cases with a recipe and the networks of a model.

    Attributes
    ----------
    recipe : ScanRecipe
        What is measured.
    networks : Path
        A store that holds the final networks, and pretrained weights, and nothing else.
    """

    recipe: ScanRecipe
    networks: Path
    _scratch: Any = field(default=None, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def measure(
        self, inspection: ScanInspection, raw_dir: Path, compute: ComputeSettings | None = None
    ) -> CaseTable:
        """Measure the cases that passed the checks of ingestion.

        Parameters
        ----------
        inspection : ScanInspection
            From `gliomics.imaging.manifest`.
        raw_dir : Path
            What its paths are relative to.
        compute : ComputeSettings, optional
            How cases are spread; one process when left out.

        Returns
        -------
        CaseTable
            The same numbers as in a run on the same files: each case is computed alone. Nothing of a case
            stays on the disk.
        """
        compute = compute or ComputeSettings(workers=1)
        outcomes = inspection.outcomes
        parts = []
        with self._store() as store:
            if self.recipe.radiomics is not None:
                cases = list_cases(inspection.manifest, outcomes, raw_dir)
                measure = partial(measure_case, store=store, settings=self.recipe.radiomics)
                results = list(map_cases(measure, cases, compute, on_lost=lost_result))
                tables = gather_features(results, outcomes, self.recipe.radiomics)
                parts += [tables.features.set_index("subject_id"), tables.presence.set_index("subject_id")]
                outcomes = _first_reasons(outcomes, tables.outcomes)
            if self.recipe.networks is not None:
                deep, later = self._deep(self.recipe.networks, inspection, raw_dir, store, compute)
                parts.append(deep)
                outcomes = _first_reasons(outcomes, later)
        usable = outcomes.loc[outcomes["status"] == "processed", "subject_id"]
        table = pd.concat(parts, axis=1).reindex(pd.Index(usable, name="subject_id"))
        return CaseTable(table, outcomes)

    def _deep(
        self,
        recipe: NetworkRecipe,
        inspection: ScanInspection,
        raw_dir: Path,
        store: CaseStore,
        compute: ComputeSettings,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        crops = sample_cohort(
            inspection.manifest,
            inspection.outcomes,
            raw_dir,
            store,
            recipe.sampling,
            compute=compute,
            seed=self.recipe.seed,
        )
        if crops.index.empty:
            return pd.DataFrame(), crops.outcomes
        made = embed_cohort(
            crops.index,
            _as_fold_networks(recipe),
            NO_FOLDS,
            store,
            EmbeddingNetworks(recipe.cnn3d, recipe.medicalnet, InferenceSettings(device="cpu")),
            compute=compute,
            seed=self.recipe.seed,
        )
        block = final_block(made.embeddings, made.final_embeddings)
        outcomes = with_failures(crops.outcomes, made.lost)
        return (pd.DataFrame() if block is None else block.frozen), outcomes

    @contextmanager
    def _store(self) -> Iterator[CaseStore]:
        """Give a store of this process that knows the networks; what cases leave in it is removed.

        It is one store for the life of the model, so that networks are built once. Requests that a server
        answers in several threads take turns: none removes what another still reads.
        """
        with self._one_at_a_time:
            yield from self._swept()

    def _swept(self) -> Iterator[CaseStore]:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="gliomics-cases-")
            for record in sorted(self.networks.glob(f"??/*{SUFFIX}")):
                link = Path(self._scratch.name) / record.parent.name / record.name
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(record.resolve())
        folder = Path(self._scratch.name)
        try:
            yield CaseStore(folder)
        finally:
            for record in folder.glob("??/*"):
                if not record.is_symlink():
                    record.unlink()


def save_scan_recipe(recipe: ScanRecipe, embedding_store: CaseStore, folder: Path) -> None:
    """Write a recipe and the networks that it names.

    Parameters
    ----------
    recipe : ScanRecipe
        What a model needs to start from scans.
    embedding_store : CaseStore
        Where the embedding stage keeps networks and checked weights.
    folder : Path
        Gets ``scans.json`` and ``networks/``.
    """
    networks = folder / "networks"
    networks.mkdir(parents=True, exist_ok=True)
    for record in _records(recipe):
        source = embedding_store.folder / record[:2] / f"{record}{SUFFIX}"
        target = networks / record[:2] / source.name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)
    text = recipe.model_dump_json(indent=2)
    (folder / "scans.json").write_text(text + "\n", encoding="utf-8")


def load_case_measurer(folder: Path) -> CaseMeasurer | None:
    """Read what `save_scan_recipe` wrote; None for a model that takes no scans."""
    path = folder / "scans.json"
    if not path.is_file():
        return None
    recipe = ScanRecipe.model_validate_json(path.read_text(encoding="utf-8"))
    return CaseMeasurer(recipe, folder / "networks")


def _records(recipe: ScanRecipe) -> list[str]:
    if recipe.networks is None:
        return []
    medicalnet = recipe.networks.medicalnet
    keys = list(recipe.networks.final_networks.values())
    if medicalnet.enabled and medicalnet.sha256 is not None:
        keys.append(weights_key(medicalnet))
    return keys


def _as_fold_networks(recipe: NetworkRecipe) -> dict[str, Any]:
    return {
        "status": recipe.cnn3d_status,
        "reason": recipe.cnn3d_reason,
        "networks": [
            {"sampling": sampling, "network_key": key, "permutation": 0, "repeat": None, "fold": None}
            for sampling, key in recipe.final_networks.items()
        ]
        if recipe.cnn3d_status == TRAINED
        else [],
    }


def _first_reasons(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Let a case that failed once stay failed, with its first reason."""
    first = earlier.set_index("subject_id")
    second = later.set_index("subject_id").reindex(first.index)
    failed_now = (first["status"] == "processed") & (second["status"] == "failed")
    joined = first.where(~failed_now, second)
    return joined.reset_index()[list(earlier.columns)]
