"""Small results of runs, as the stages leave them, for the tests of figures and reports."""

from __future__ import annotations

import copy
from dataclasses import asdict
from functools import lru_cache

import numpy as np
import pandas as pd

from gliomics.cohort.cohort_flow import FLOW_COLUMNS
from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.compute import ComputeSettings
from gliomics.evaluation.equity import group_patients, subgroup_performance
from gliomics.evaluation.equity_settings import EquitySettings
from gliomics.evaluation.failures import join_outcomes, worst_errors
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import BootstrapSettings, ModellingSettings
from gliomics.evaluation.summary import summarise
from gliomics.explanation.attention.cohort import UNTRAINED_REASON
from gliomics.explanation.attention.cohort_maps import MAP_TYPES
from gliomics.explanation.attention.regions import REGIONS
from gliomics.explanation.attention.results import GradCamResults
from gliomics.explanation.attention.summary import summarise_enrichment
from gliomics.reporting.run_results import RunResults
from gliomics.synthesis.pca_gmm import PcaGmmSampler
from tasks import TASK

SEED = 7
SETTINGS = ModellingSettings(
    bootstrap={"n": 100},
    permutation_control={"n": 12},
    comparisons={"permutations": 100},
    dataset2={"arms": ["radiomics"], "permutations": 2},
    audit={"estimators": ["svm_rbf"], "repeats": 1, "permutations": 1},
)


def small_cohort(n_long=26, n_short=14, n_censored=4) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    benefit = [1] * n_long + [0] * n_short + [pd.NA] * n_censored
    n = len(benefit)
    return pd.DataFrame(
        {
            "subject_id": [f"TCGA-{'AB' if k % 2 else 'CD'}-{k:04d}" for k in range(n)],
            "age_years": np.where(np.array([b is not pd.NA and b == 1 for b in benefit]), 38.0, 55.0)
            + rng.normal(0, 8, n),
            "sex": np.where(np.arange(n) % 3 == 0, "female", "male"),
            "grade": pd.array([2 + k % 2 for k in range(n)], dtype="Int64"),
            "chemotherapy": pd.array([True] * n, dtype="boolean"),
            "radiotherapy": pd.array([k % 2 == 0 for k in range(n)], dtype="boolean"),
            "os_days": [1000.0] * n_long + [300.0] * (n_short + n_censored),
            "death_observed": pd.array([False] * n_long + [True] * n_short + [False] * n_censored),
            "benefit": pd.array(benefit, dtype="Int64"),
            "exclusion_reason": pd.array([None] * n, dtype="string"),
        }
    )


@lru_cache(maxsize=1)
def _small_run() -> RunResults:
    cohort = small_cohort()
    features = pd.DataFrame(
        np.random.default_rng(5).normal(size=(len(cohort), 8)), columns=[f"f{k}" for k in range(8)]
    )
    features.insert(0, "subject_id", cohort["subject_id"])
    folds = make_folds(cohort, FoldSettings(n_splits=3, repeats=2), SEED)
    found = evaluate_population(
        cohort,
        folds,
        {"radiomics": features},
        arms=["clinical", "radiomics", "deep"],
        population="treated",
        settings=SETTINGS,
        seed=SEED,
        compute=ComputeSettings(workers=1),
        sampler=PcaGmmSampler(),
        horizon_days=730.5,
    )
    flow = [("treated", 0, "known", "Subjects known from any input.", 0, 46)]
    flow += [("treated", 1, "scans_quarantined", "Scans failed a check.", 2, 44)]
    flow += [("treated", 2, "eligible", "Eligible.", 0, 44), ("treated", 3, "label_long", "Long.", 0, 26)]
    flow += [("treated", 4, "label_short", "Short.", 0, 14), ("treated", 5, "label_censored", "C.", 0, 4)]
    metrics = {
        "cohort": "small",
        "title": "A small cohort",
        "synthetic": True,
        "seed": SEED,
        "label": {"cutoff_days": 730.5, "grades": None},
        "task": asdict(TASK),
        "disease": "glioma",
        "primary_population": "treated",
        "feature_source": "published",
        "flow": [dict(zip(FLOW_COLUMNS, step, strict=True)) for step in flow],
        "populations": {"treated": summarise(found, SETTINGS, SEED, task=TASK)},
    }
    scored = cohort[cohort["subject_id"].isin(found.predictions["subject_id"])]
    outcomes = pd.DataFrame(
        {
            "subject_id": [*cohort["subject_id"], "TCGA-AB-9999"],
            "status": ["processed"] * len(cohort) + ["failed"],
            "code": [None] * len(cohort) + ["empty_segmentation"],
            "reason": [None] * len(cohort) + ["the segmentation must hold some tumour"],
        }
    )
    settings = EquitySettings()
    return RunResults(
        metrics=metrics,
        predictions=found.predictions,
        cohort=cohort,
        case_outcomes=join_outcomes({"ingestion": outcomes}),
        subgroups=subgroup_performance(
            found.predictions, group_patients(scored, settings), settings, BootstrapSettings(n=100), SEED
        ),
        errors=worst_errors(found.predictions, 5),
    )


def small_run() -> RunResults:
    """A synthetic cohort of 40 labelled patients: clinical and radiomics, audited; deep skipped."""
    run = _small_run()
    return RunResults(**{**run.__dict__, "metrics": copy.deepcopy(run.metrics)})


EVIL = "P1<script>alert(1)</script>"


def map_enrichment() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {
                "subject_id": subject,
                "network": "cnn3d",
                "sampling": "patches",
                "modality": "all",
                "control": control,
                "draw": draw,
                "region": region,
                "map_correlation": 0.1 * draw,
                "enrichment": float(rng.random() + (control == "none")),
            }
            for subject in (EVIL, "P2", "P3")
            for control, draw in (("none", 0), ("head", 0), ("head", 1), ("conv1", 0), ("conv1", 1))
            for region in REGIONS
        ]
    )


def maps_of_three(**facts) -> GradCamResults:
    """Grad-CAM of three patients, of whom one has a map and an id that is HTML."""
    row = {
        "network": "cnn3d",
        "sampling": "patches",
        "modality": "all",
        "repeat": 0,
        "fold": 1,
        "y_true": 1,
        "y_score": 0.8,
        "threshold": 0.5,
        "called": "long",
        "head": "arm",
        "log_odds": 0.4,
        "n_crops": 6,
        "cell_mm": 8.0,
        "largest_heat": 1.0,
    }
    maps = pd.DataFrame(
        [
            {**row, "subject_id": EVIL, "status": "mapped", "file": "P1/map"},
            {**row, "subject_id": "P2", "status": "no_weight", "modality": None, "file": None},
            {**row, "subject_id": "P3", "status": "no_heat", "file": None, "y_true": 0},
        ],
        columns=list(MAP_TYPES),
    )
    networks = [
        {"network": "cnn3d", "sampling": "patches", "weights": "w", "explained": True, "note": None},
        {
            "network": "medicalnet",
            "sampling": "patches",
            "weights": "untrained",
            "explained": False,
            "note": UNTRAINED_REASON,
        },
    ]
    known = {
        "status": "made",
        "reason": None,
        "arm": "deep",
        "agreement": None,
        "min_agreement": 0.8,
        "explains_the_arm": True,
        "randomisations": 2,
        "margin_mm": 5.0,
        "networks": networks,
        "failed": [],
    }
    return GradCamResults(
        maps, summarise_enrichment(map_enrichment()), {"P1/map.webp": b"RIFF"}, {**known, **facts}
    )
