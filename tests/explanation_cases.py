"""A generated cohort, its evaluated arms and their attributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.compute import ComputeSettings
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.cross_validation.out_of_fold import cross_validate
from gliomics.evaluation.settings import ModellingSettings
from gliomics.explanation.attribution.explained_arms import explained_designs
from gliomics.explanation.attribution.shap_settings import ShapSettings
from gliomics.explanation.attribution.shap_values import ExplainedDesign, ShapValues, explain_arms
from prediction_tables import fold_embeddings

ARMS = ("clinical", "radiomics", "fusion")


@dataclass
class Tables:
    """What the generator makes."""

    cohort: pd.DataFrame
    folds: pd.DataFrame


@dataclass
class Explained:
    """Arms, their scores and their attributions."""

    cohort: pd.DataFrame
    folds: pd.DataFrame
    arms: dict[str, ExplainedDesign]
    predictions: pd.DataFrame
    shap: ShapValues


def cohort(n=40, seed=11) -> pd.DataFrame:
    """Treated patients, four of them censored; every third lacks a grade."""
    rng = np.random.default_rng(seed)
    benefit = np.r_[np.ones(22), np.zeros(14), np.full(4, np.nan)]
    return pd.DataFrame(
        {
            "subject_id": [f"TCGA-XX-{number:04d}" for number in range(n)],
            "age_years": 50.0 + 9.0 * rng.normal(size=n) - 8.0 * np.nan_to_num(benefit),
            "sex": rng.choice(["female", "male"], size=n),
            "grade": pd.array(
                [pd.NA if i % 3 == 0 else int(rng.integers(2, 4)) for i in range(n)], dtype="Int64"
            ),
            "chemotherapy": pd.array([True] * n, dtype="boolean"),
            "benefit": pd.array([pd.NA if np.isnan(b) else int(b) for b in benefit], dtype="Int64"),
            "exclusion_reason": pd.array([None] * n, dtype="string"),
        }
    )


def radiomics(people: pd.DataFrame, seed=12) -> pd.DataFrame:
    """Eight named features, of which the first tells the classes apart and the second copies it."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(len(people), 8))
    X[:, 0] += 1.5 * (people["benefit"] == 1).fillna(value=False).to_numpy(dtype=float)
    X[:, 1] = -3.0 * X[:, 0] + 0.05 * rng.normal(size=len(people))
    names = [f"t1ce__et__glcm_{n}" for n in ("Contrast", "Idm", "Id", "MCC")]
    names += [
        "mask__wt__shape_MeshVolume",
        "flair__tc__firstorder_Mean",
        "t2__wt__glrlm_RunEntropy",
        "t1__et__firstorder_Mean",
    ]
    table = pd.DataFrame(X, columns=names).where(rng.random(X.shape) > 0.08)
    table.insert(0, "subject_id", people["subject_id"])
    return table


def explained_cohort() -> Explained:
    """Evaluate the arms of the generated cohort and explain them."""
    people = cohort()
    folds = make_folds(people, FoldSettings(n_splits=3, repeats=2), seed=5)
    deep = fold_embeddings(Tables(people, folds), repeats=2, permutations=0)
    blocks = {"radiomics": radiomics(people), "embeddings": embedding_block(deep)}
    figures = {arm: {"status": "evaluated"} for arm in ARMS}
    arms = explained_designs(
        people, folds, blocks, figures, primary="treated", settings=ModellingSettings(), seed=5
    )
    compute = ComputeSettings(workers=1)
    scores = [
        cross_validate(one.design, None, one.design.repeats, compute=compute).assign(arm=arm)
        for arm, one in arms.items()
    ]
    predictions = pd.concat(scores, ignore_index=True)
    return Explained(
        people, folds, arms, predictions, explain_arms(arms, predictions, ShapSettings(), compute=compute)
    )
