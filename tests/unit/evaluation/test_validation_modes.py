"""Leave-one-site-out and external validation, from folds to figures."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from gliomics.cohort.sites import leave_one_site_out
from gliomics.cohort.validation import parse_validation
from gliomics.compute import ComputeSettings
from gliomics.errors import FeatureTableError, LeakageError
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.external import evaluate_external, refuse_training_patients
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.summary import summarise
from gliomics.model_package.final_model import fit_final_model
from gliomics.model_package.scoring import score_rows
from gliomics.reporting.result_lines import summary_lines
from tasks import TASK

SETTINGS = ModellingSettings(bootstrap={"n": 100}, permutation_control={"n": 2})
LOSO = parse_validation("leave_one_site_out")
EXTERNAL = parse_validation("external:elsewhere")


def of_sites(data, sites):
    """Rename the patients so that the i-th of each class comes from sites[i]."""
    order = data.cohort.groupby(data.cohort["benefit"].fillna(-1)).cumcount()
    ids = [f"TCGA-{sites[place % len(sites)]}-{row:04d}" for row, place in enumerate(order)]
    new = dict(zip(data.cohort["subject_id"], ids, strict=True))
    cohort = data.cohort.assign(subject_id=ids)
    blocks = {name: b.assign(subject_id=b["subject_id"].map(new)) for name, b in data.blocks.items()}
    return replace(data, cohort=cohort, blocks=blocks, folds=leave_one_site_out(cohort, None))


def evaluate(data, **more):
    return evaluate_population(
        data.cohort,
        data.folds,
        data.blocks,
        arms=["clinical", "radiomics"],
        population="all",
        seed=1,
        settings=SETTINGS,
        compute=ComputeSettings(workers=1),
        horizon_days=730.5,
        validation=LOSO,
        **more,
    )


def metrics_of(evaluation, **more):
    figures = summarise(evaluation, SETTINGS, seed=1, task=TASK)
    json.dumps(figures, allow_nan=False)
    return {
        "validation": evaluation.validation,
        "task": asdict(TASK),
        "populations": {"all": figures},
        **more,
    }


def test_more_sites_than_short_survivors_are_no_refusal_and_small_sites_make_no_pair(make_generated):
    data = of_sites(make_generated(30, 6, signal=1.5), ["AA", "BB", "CC", "AA"])
    lonely = data.cohort.index[data.cohort["benefit"] == 1][:7]
    ids = data.cohort["subject_id"].to_numpy(dtype=object).copy()
    old = ids.copy()
    for number, row in enumerate(lonely):
        ids[row] = f"TCGA-Z{number}-9999"
    new = dict(zip(old, ids, strict=True))
    cohort = data.cohort.assign(subject_id=ids)
    blocks = {name: b.assign(subject_id=b["subject_id"].map(new)) for name, b in data.blocks.items()}
    evaluation = evaluate(replace(data, cohort=cohort, blocks=blocks, folds=leave_one_site_out(cohort, None)))
    assert evaluation.n_folds == 10
    metrics = metrics_of(evaluation)
    figures = metrics["populations"]["all"]
    assert figures["validation"] == "leave_one_site_out"
    arm = figures["arms"]["clinical"]
    assert (arm["folds_used"], arm["folds_skipped"]) == (3, 7)
    sites = arm["left_out_sites"]
    assert sites["n_in_sites_with_both_classes"] == 36 - 7
    assert sites["sites"]["Z0"] == {"n_long": 1, "n_short": 0, "compared": False}
    rows = evaluation.predictions.query("arm == 'clinical' and permutation == 0")
    pairs = [
        (
            roc_auc_score(fold["y_true"], fold["y_score"]),
            (fold["y_true"] == 1).sum() * (fold["y_true"] == 0).sum(),
        )
        for _, fold in rows.groupby("fold")
        if fold["y_true"].nunique() == 2
    ]
    assert arm["auc"]["value"] == pytest.approx(np.mean([auc for auc, _ in pairs]))
    pooled = np.average([auc for auc, _ in pairs], weights=[n for _, n in pairs])
    assert sites["pair_weighted_auc"]["value"] == pytest.approx(pooled)
    lines = summary_lines(metrics)
    assert lines[0] == "validation leave_one_site_out"
    assert any("29 of 36 in sites with both classes" in line for line in lines)


def test_no_site_with_both_classes_is_a_skipped_arm_with_its_reason(make_generated):
    data = make_generated(30, 14)
    ids = [
        f"TCGA-{'S' if b == 0 else 'L'}{row % 3}-{row:04d}"
        for row, b in enumerate(data.cohort["benefit"].fillna(-1))
    ]
    new = dict(zip(data.cohort["subject_id"], ids, strict=True))
    cohort = data.cohort.assign(subject_id=ids)
    blocks = {name: b.assign(subject_id=b["subject_id"].map(new)) for name, b in data.blocks.items()}
    evaluation = evaluate(replace(data, cohort=cohort, blocks=blocks, folds=leave_one_site_out(cohort, None)))
    assert {skip.arm for skip in evaluation.skipped} == {"clinical", "radiomics"}
    assert "no fold of repeat 0 holds both a long and a short survivor" in evaluation.skipped[0].reason


@pytest.fixture(scope="module")
def frozen(make_generated):
    """A model of another cohort."""
    data = make_generated(40, 25, signal=1.5, seed=8)
    patients = data.cohort[data.cohort["benefit"].notna()]
    table = assemble_arm("radiomics", patients, data.blocks)
    labels = patients.set_index("subject_id")["benefit"].astype("int64")
    return fit_final_model(table, labels, SETTINGS, seed=1, population="all", task=TASK)


def external(data, model):
    return evaluate_external(
        data.cohort,
        data.blocks,
        model.card,
        partial(score_rows, model),
        population="all",
        settings=SETTINGS,
        validation=EXTERNAL,
        horizon_days=730.5,
    )


def test_a_frozen_model_scores_everybody_once_and_nothing_is_fitted(make_generated, frozen):
    data = make_generated(30, 14, signal=1.5, seed=9)
    evaluation = external(data, frozen)
    table = data.blocks["radiomics"].set_index("subject_id")
    expected = score_rows(frozen, table)["probability"]
    both = pd.concat([evaluation.predictions, evaluation.censored])
    assert sorted(both["subject_id"]) == sorted(table.index)
    np.testing.assert_allclose(both["y_score"], expected.loc[both["subject_id"]], rtol=1e-12)
    assert set(both["protocol"]) == {"external"}
    metrics = metrics_of(evaluation, champion={"name": "gliomics-elsewhere", "version": "3"})
    arm = metrics["populations"]["all"]["arms"]["radiomics"]
    rows = evaluation.predictions
    assert arm["auc"]["value"] == pytest.approx(roc_auc_score(rows["y_true"], rows["y_score"]))
    assert arm["auc"]["low"] <= arm["auc"]["value"] <= arm["auc"]["high"]
    assert (arm["protocol"], arm["permutation_control"]["status"]) == ("external", "not covered")
    assert arm["calibration"]["status"] == "estimated"
    assert arm["survival"]["n"] == 50
    assert arm["survival"]["uno_c"]["value"] > 0.6
    assert summary_lines(metrics)[0].endswith("gliomics-elsewhere version 3, nothing was fitted")
    other_labels = data.cohort.assign(benefit=1 - data.cohort["benefit"])
    flipped = external(replace(data, cohort=other_labels), frozen)
    assert flipped.predictions["y_score"].tolist() == rows["y_score"].tolist(), "labels fit nothing"


def test_a_model_is_not_applied_to_its_own_training_patients(make_generated, frozen):
    own, other = make_generated(40, 25, signal=1.5, seed=8), make_generated(30, 14, seed=9)
    refuse_training_patients("here", other.cohort, other.blocks, frozen.card, EXTERNAL)
    for name, data in (("here", own), ("elsewhere", other)):
        with pytest.raises(LeakageError, match=f"the cohort {name}, which holds its training patients"):
            refuse_training_patients(name, data.cohort, data.blocks, frozen.card, EXTERNAL)


def test_columns_that_the_cohort_lacks_are_named(make_generated, frozen):
    data = make_generated(30, 14)
    data.blocks["radiomics"] = data.blocks["radiomics"].drop(columns=["feature_3", "feature_7"])
    with pytest.raises(
        FeatureTableError, match=r"external:elsewhere.*12 columns.*got no feature_3, feature_7\."
    ):
        external(data, frozen)
    with pytest.raises(FeatureTableError, match="the cohort has no radiomics"):
        external(replace(data, blocks={}), frozen)


def test_too_small_a_population_is_refused_not_scored(make_generated, frozen):
    data = make_generated(30, 5)
    known = data.cohort["benefit"].mask(data.cohort["benefit"].eq(0) & (data.cohort.index != 30))
    refused = external(replace(data, cohort=data.cohort.assign(benefit=known)), frozen)
    assert refused.refused.reason == "the smaller class has 1 patients, 2 needed"
    assert refused.predictions.empty
