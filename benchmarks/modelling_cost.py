"""What the honest protocol costs: seconds a part at the size of the study, and against n, p and repeats.

    python benchmarks/modelling.py --speed-goal        the study's size, part by part
    python benchmarks/modelling.py --cost FOLDER       cost.csv, cost.svg and cost.png

The tables are drawn (`patients_and_blocks`): time does not depend on whose they are.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
import psutil
from matplotlib.figure import Figure

from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.compute import ComputeSettings, is_needed, map_cases
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.blocks import EmbeddingBlock, NetworkOrigin
from gliomics.evaluation.cases import arm_design
from gliomics.evaluation.controls.audit import audit_design
from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, cross_validate
from gliomics.evaluation.cross_validation.resampling import Resampler
from gliomics.evaluation.settings import ModellingSettings
from gliomics.learning.registry import get_recipe
from gliomics.synthesis.pca_gmm import PcaGmmSampler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gliomics.learning.settings import FusionSettings

SEED = 20261124
GOAL_SECONDS = 360.0
ARMS = ("clinical", "radiomics", "deep", "fusion", "fusion_clinical")
PATIENTS = (30, 100, 300, 1000, 2000)
COLUMNS = (50, 200, 724, 1748, 4000)
REPEATS = (1, 2, 5, 10)


def correlated(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Draw columns of 12 hidden factors and noise, as radiomic panels are."""
    return rng.normal(size=(rows, 12)) @ rng.normal(size=(12, columns)) + rng.normal(size=(rows, columns))


def patients_and_blocks(n: int, radiomics: int, deep: int) -> tuple[pd.DataFrame, dict[str, object]]:
    """Draw a cohort, one patient in six short, with gaps in a fifth of its radiomic columns."""
    rng = np.random.default_rng(SEED)
    ids = [f"P{row:05d}" for row in range(n)]
    cohort = pd.DataFrame(
        {
            "subject_id": ids,
            "age_years": rng.normal(45, 12, size=n),
            "sex": rng.choice(["female", "male"], size=n),
            "chemotherapy": np.arange(n) % 2 == 0,
            "grade": rng.integers(2, 4, size=n),
            "benefit": pd.array((np.arange(n) >= n // 6).astype(int), dtype="Int64"),
            "exclusion_reason": pd.array([None] * n, dtype="string"),
        }
    )
    X = correlated(n, radiomics, rng)
    X[:, : radiomics // 5][rng.random((n, radiomics // 5)) < 0.2] = np.nan
    panel = pd.DataFrame(X).add_prefix("feature_").assign(subject_id=ids)
    index = pd.Index(ids, name="subject_id")
    vectors = pd.DataFrame(correlated(n, deep, rng), index=index).add_prefix("emb_")
    origin = (NetworkOrigin("medicalnet", "bounding_box", "untrained"),)
    block = EmbeddingBlock(index, origin, vectors, pd.DataFrame())
    return cohort, {"radiomics": panel, "embeddings": block}


def designs(
    arms: tuple[str, ...], settings: ModellingSettings, repeats: int, size: tuple[int, int, int]
) -> dict[str, CrossValidation]:
    """Set up the cross-validation of arms on a drawn cohort of (patients, radiomic, deep columns)."""
    cohort, blocks = patients_and_blocks(*size)
    folds = make_folds(cohort, FoldSettings(n_splits=5, repeats=repeats), seed=SEED)
    labels = cohort.set_index("subject_id")["benefit"]
    tables = {arm: assemble_arm(arm, cohort, blocks) for arm in arms}
    return {arm: arm_design(table, labels, folds, settings, SEED) for arm, table in tables.items()}


class Stopwatch:
    """Seconds since it was made: of the clock, and of the processor in this process and its workers."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _processor_seconds()

    def read(self) -> tuple[float, float]:
        """Return (wall, processor) seconds."""
        return time.perf_counter() - self._wall, _processor_seconds() - self._cpu


def _processor_seconds() -> float:
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def parts(workers: int, fusion: FusionSettings) -> Iterator[tuple[str, Stopwatch]]:
    """Time the study with observed labels: every arm on Dataset 1, then Dataset 2 and the audit.

    The audit always has permuted labels beside the observed ones; here one permutation, its least.
    """
    settings = ModellingSettings(fusion=fusion, audit={"permutations": 1})
    compute, resampler = ComputeSettings(workers=workers), Resampler(PcaGmmSampler())
    arms = designs(ARMS, settings, 10, (42, 724, 1024))
    watch = Stopwatch()
    list(map_cases(abs, range(8), compute, on_lost=is_needed(str)))
    yield "start of the workers", watch
    for arm, design in arms.items():
        watch = Stopwatch()
        cross_validate(design, None, design.repeats, compute=compute)
        yield f"Dataset 1, {arm}", watch
    for arm in settings.dataset2.arms:
        grown, watch = replace(arms[arm], resampler=resampler), Stopwatch()
        cross_validate(grown, None, grown.repeats, compute=compute)
        yield f"Dataset 2, {arm}", watch
        watch = Stopwatch()
        audit_design(grown, resampler, settings.audit, compute)
        yield f"audit, {arm}, {grown.recipe.name}", watch
        for name in settings.audit.estimators:
            watch = Stopwatch()
            other = replace(grown, recipe=get_recipe(name).untuned(), tune=False)
            cross_validate(other, None, other.repeats[: settings.audit.repeats], compute=compute)
            audit_design(other, resampler, settings.audit, compute)
            yield f"audit, {arm}, {name}", watch


def speed_goal(workers: int, fusion: FusionSettings) -> None:
    """Print the seconds of each part and whether their sum is within the goal."""
    print(
        f"42 patients x 724 and 1,024 columns, 5 folds x 10 repeats, observed labels, {workers} workers, "
        f"fusion {fusion.mode} by {fusion.reduction}"
    )
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("    wall  processor")
    total = np.zeros(2)
    for name, watch in parts(workers, fusion):
        seconds = np.array(watch.read())
        print(f"{seconds[0]:8.1f} {seconds[1]:8.1f} s  {name}", flush=True)
        total += seconds
    verdict = "within" if total[0] <= GOAL_SECONDS else "NOT within"
    print(f"{total[0]:8.1f} {total[1]:8.1f} s  in all, {verdict} the goal of {GOAL_SECONDS:.0f} s")


def measure() -> pd.DataFrame:
    """Time one process against the number of patients, of columns and of repeats, others at the study's."""
    asked = [("n", n, 1, (n, 724, 1024)) for n in PATIENTS]
    asked += [("p", p, 1, (42, p, p)) for p in COLUMNS]
    asked += [("repeats", repeats, repeats, (42, 724, 1024)) for repeats in REPEATS]
    rows = []
    for against, value, repeats, size in asked:
        for mode in ("early", "tuned"):
            settings = ModellingSettings(fusion={"mode": mode})
            arms = ("radiomics", "fusion") if mode == "early" else ("fusion",)
            for arm, design in designs(arms, settings, repeats, size).items():
                watch = Stopwatch()
                cross_validate(design, None, design.repeats, compute=ComputeSettings(workers=1))
                name = arm if arm == "radiomics" else f"fusion, {mode}"
                wall, processor = watch.read()
                rows.append((against, value, name, wall, processor))
                print(f"{against} = {value}: {name} {wall:.2f} s, processor {processor:.2f} s", flush=True)
    return pd.DataFrame(rows, columns=["against", "value", "arm", "wall_seconds", "processor_seconds"])


def cost(folder: Path) -> None:
    """Measure, and write ``cost.csv``, ``cost.svg`` and ``cost.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    found = measure()
    found.round(3).to_csv(folder / "cost.csv", index=False)
    plot(found, folder)


def plot(found: pd.DataFrame, folder: Path) -> None:
    """Draw processor seconds, which other work on the machine changes least, on logarithmic axes."""
    titles = {"n": "patients", "p": "columns of each block", "repeats": "repeats"}
    with mpl.rc_context({"svg.hashsalt": "gliomics", "font.size": 9}):
        figure = Figure(figsize=(10, 3.2), layout="constrained")
        axes = figure.subplots(1, 3, sharey=True)
        for axis, (against, title) in zip(axes, titles.items(), strict=True):
            for arm, line in found[found["against"] == against].groupby("arm"):
                axis.plot(line["value"], line["processor_seconds"], marker="o", label=arm)
            axis.set(xscale="log", yscale="log", xlabel=title)
            axis.grid(visible=True, which="both", alpha=0.2)
        axes[0].set_ylabel("processor seconds, 5 folds")
        axes[0].legend()
        figure.suptitle("Nested cross-validation; not varied: 42 patients, 724 and 1,024 columns, 1 repeat")
        figure.savefig(folder / "cost.svg", metadata={"Date": None})
        figure.savefig(folder / "cost.png", dpi=150)
