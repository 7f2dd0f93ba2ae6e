"""The stability filter and ComBat in the folds: on whom they are fitted, who is told, what they leave."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io

from gliomics.cohort.permutations import permutation_orders
from gliomics.compute import ComputeSettings
from gliomics.errors import FeatureTableError, LeakageError, SettingsError
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.blocks import embedding_block
from gliomics.evaluation.cases import arm_design
from gliomics.evaluation.controls.audit import _prepare_everything
from gliomics.evaluation.cross_validation.out_of_fold import (
    columns_empty_in_training,
    cross_validate,
    fold_model,
)
from gliomics.evaluation.cross_validation.preparation import preparation_figures, preparation_of, prepare
from gliomics.evaluation.cross_validation.resampling import Resampler
from gliomics.evaluation.cross_validation.synthetic_rows import synthetic_rows
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.summary import summarise
from gliomics.learning.guard import LeakageGuard
from gliomics.learning.harmonisation.batches import BATCH_COLUMN, batch_block
from gliomics.learning.harmonisation.combat import CombatHarmoniser
from gliomics.learning.registry import TRUSTED_TYPES
from gliomics.learning.sample import Sample
from gliomics.learning.selection.selectors import SELECTORS
from gliomics.learning.settings import HarmonisationSettings
from gliomics.model_package.final_model import fit_final_model
from gliomics.synthesis.pca_gmm import pca_gmm_sampler
from gliomics.synthesis.settings import PcaGmmSettings
from prediction_tables import fold_embeddings
from tasks import TASK
from worker_functions import Judge

ONE = ComputeSettings(workers=1)
SITES = ("AA", "BB", "CC")


@pytest.fixture
def both() -> ModellingSettings:
    return ModellingSettings(
        bootstrap={"n": 100},
        permutation_control={"n": 2},
        dataset2={"arms": ["radiomics"], "permutations": 2},
        audit={"estimators": [], "repeats": 1, "permutations": 1},
        comparisons={"permutations": 100},
        selection={"stability": {"enabled": True}},
        harmonisation={"method": "combat"},
    )


@pytest.fixture
def sited(make_generated):
    """60 labelled patients of three sites and one of a site of his own; the sites shift every feature."""
    data = make_generated(40, 21, n_censored=0, signal=1.5, repeats=1)
    site = np.array([*(SITES * 20), "ZZ"])
    ids = [f"TCGA-{name}-{number:04d}" for number, name in enumerate(site)]
    renamed = dict(zip(data.cohort["subject_id"], ids, strict=True))
    for table in (data.cohort, data.folds, data.blocks["radiomics"]):
        table["subject_id"] = table["subject_id"].map(renamed)
    data.cohort["scanner"] = np.where(site == "AA", 3.0, 1.5)
    features = data.blocks["radiomics"].set_index("subject_id").loc[ids]
    shift = pd.Series(site, index=ids).map({"AA": 4.0, "BB": 0.0, "CC": -4.0, "ZZ": 1.0})
    features = features.add(shift, axis=0)
    data.blocks["radiomics"] = features.rename_axis("subject_id").reset_index()
    return data


def blocks_of(data, settings, judge=None):
    names = list(data.blocks["radiomics"].columns[1:])
    found = {**data.blocks, "stability": judge or Judge(names)}
    return found | batch_block(data.cohort, settings.harmonisation)


def design_of(data, settings, judge=None):
    table = assemble_arm("radiomics", data.cohort, blocks_of(data, settings, judge))
    labels = data.cohort.set_index("subject_id")["benefit"]
    return arm_design(table, labels, data.folds, settings, 1)


def test_the_filter_and_combat_are_the_first_steps_and_see_the_training_rows(sited, both):
    model = fold_model(design_of(sited, both), 0, 2)
    steps = model.arm.pipeline.steps
    assert [name for name, _ in steps[:2]] == ["stable", "harmonise"]
    np.testing.assert_array_equal(steps[0][1].columns, [10, 11])
    again = CombatHarmoniser(12, range(12)).fit(steps[0][1].transform(model.train.X))
    np.testing.assert_array_equal(steps[1][1].gamma_, again.gamma_)
    assert not set(model.train.ids) & set(model.test.ids)


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("stability filter", {"selection": {"stability": {"enabled": True}}}),
        ("ComBat", {"harmonisation": {"method": "combat"}}),
    ],
)
def test_the_guard_stops_each_part_that_is_given_a_held_out_patient(sited, part, settings):
    design = design_of(sited, ModellingSettings(**settings))
    held_out = design.sample.ids[4]
    with pytest.raises(LeakageError, match=f"fit of {part}: .* got {held_out}"):
        prepare(design.preparation, design.sample, LeakageGuard([held_out]))


def test_inner_splits_fit_them_without_their_validation_patients(sited, both, monkeypatch):
    told = []
    check = LeakageGuard.check
    monkeypatch.setattr(
        LeakageGuard, "check", lambda self, part, ids: told.append((part, len(ids))) or check(self, part, ids)
    )
    model = fold_model(design_of(sited, both), 0, 0)
    n = len(model.train.ids)
    for part in ("stability filter", "ComBat"):
        sizes = [size for name, size in told if name == part]
        assert len(sizes) == 1 + model.arm.inner_folds
        assert sizes[0] == n
        assert all(size < n for size in sizes[1:])
        assert sum(n - size for size in sizes[1:]) == n


def test_a_permutation_moves_the_ids_and_batches_with_the_feature_rows(sited, both):
    """The filter goes by whose images the training rows are, not by whose labels they are given."""
    names = list(sited.blocks["radiomics"].columns[1:])
    order = permutation_orders(61, 1, 7)[0]
    ids = np.sort(sited.cohort["subject_id"].to_numpy(dtype=object))
    design = design_of(sited, both)
    fold = design.folds[0]
    moved_out = next(i for i in range(61) if fold[i] == 0 and fold[np.flatnonzero(order == i)[0]] != 0)
    judged = design_of(sited, both, Judge(names, marked=ids[moved_out]))
    observed = fold_model(judged, 0, 0)
    permuted = fold_model(judged, 0, 0, permutation=1, order=order)
    assert 0 not in observed.arm.pipeline.steps[0][1].columns
    assert 0 in permuted.arm.pipeline.steps[0][1].columns
    given = design.sample.X[order][fold != 0]
    combat = permuted.arm.pipeline.steps[1][1]
    assert combat.unharmonised(given) == np.count_nonzero(~np.isin(given[:, 12], combat.batches_))
    np.testing.assert_array_equal(permuted.train.X[:, 12], given[:, 12])


def test_the_same_bytes_for_one_and_two_workers(sited, both):
    design = design_of(sited, both)
    orders = permutation_orders(61, 5, 1)
    one = cross_validate(design, orders, [0], compute=ONE)
    two = cross_validate(design, orders, [0], compute=ComputeSettings(workers=2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_metrics_count_what_was_left_out_and_who_passed(sited, both):
    evaluation = evaluate_population(
        sited.cohort,
        sited.folds,
        blocks_of(sited, both),
        arms=["clinical", "radiomics"],
        population="all",
        settings=both,
        seed=1,
        compute=ONE,
        sampler=pca_gmm_sampler(PcaGmmSettings()),
    )
    arms = summarise(evaluation, both, 1, task=TASK)["arms"]
    assert "harmonisation" not in arms["clinical"]
    assert arms["clinical"]["selection"] is None
    figures = arms["radiomics"]
    assert figures["n_columns"] == 12
    assert figures["stability_filter"] == {
        "status": "applied",
        "min_icc_lower": 0.75,
        "n_columns": 12,
        "folds": 5,
        "folds_applied": 5,
        "columns_left_out": {"min": 2.0, "median": 2.0, "max": 2.0},
    }
    harmonised = figures["harmonisation"]
    assert (harmonised["scored_rows"], harmonised["scored_rows_unharmonised"]) == (61, 1)
    assert harmonised["batches_harmonised"] == {"min": 3.0, "median": 3.0, "max": 3.0}
    assert harmonised["warning"].startswith("1 of 61 scored rows passed unharmonised: their site is unknown")
    assert figures["dataset2"]["status"] == "evaluated"
    assert figures["audit_augment_before_split"]["status"] == "audited"
    json.dumps(arms, allow_nan=False)


def test_too_few_patients_for_an_icc_keep_every_column_and_it_is_said(sited, both):
    names = list(sited.blocks["radiomics"].columns[1:])
    evaluation = evaluate_population(
        sited.cohort,
        sited.folds,
        blocks_of(sited, both, Judge(names, fewest=60)),
        arms=["radiomics"],
        population="all",
        settings=both,
        seed=1,
        compute=ONE,
    )
    figures = evaluation.arms["radiomics"].preparation["stability_filter"]
    assert figures["status"].startswith("too few training patients with perturbed segmentations")
    assert figures["folds_applied"] == 0
    assert figures["columns_left_out"] == {"min": None, "median": None, "max": None}


def test_combat_takes_a_site_effect_out_that_hides_the_signal(sited):
    """The sites shift all columns by four SD: harmonised, the signal of the same rows is plain."""
    plain = ModellingSettings()
    combat = ModellingSettings(harmonisation={"method": "combat"})
    models = [fold_model(design_of(sited, settings), 0, 0) for settings in (plain, combat)]
    first = [model.arm.pipeline[:-1].transform(model.train.X)[:, 0] for model in models]
    y = models[0].train.y
    before, after = (abs(np.corrcoef(row, y)[0, 1]) for row in first)
    assert after > before + 0.2


def test_synthetic_rows_are_drawn_from_prepared_real_ones(sited, both):
    table = assemble_arm("radiomics", sited.cohort, blocks_of(sited, both))
    resampler = Resampler(pca_gmm_sampler(PcaGmmSettings()))
    design = replace(design_of(sited, both), resampler=resampler)
    seen = []
    fit_resample = type(resampler.sampler).fit_resample

    class Spy(type(resampler.sampler)):
        def fit_resample(self, X, y):
            seen.append(np.array(X))
            return fit_resample(self, X, y)

    spied = replace(design, resampler=Resampler(Spy(**resampler.sampler.get_params())))
    model = fold_model(spied, 0, 3)
    prepared = model.arm.prepared.transform(model.train.X)
    np.testing.assert_array_equal(seen[0], prepared)
    assert prepared.shape[1] == 12
    made = synthetic_rows(
        table,
        sited.cohort,
        sited.folds,
        resampler,
        repeats=1,
        seed=1,
        preparation=preparation_of(table, both),
    )
    train, held_out, synthetic = made.parts((0, 3))
    np.testing.assert_array_equal(train[0], prepared[:, :10])
    assert held_out[0].shape[1] == synthetic[0].shape[1] == 10
    assert BATCH_COLUMN not in made.table.columns
    assert made.table["feature_11"].isna().all()


def test_the_audit_prepares_everything_at_once(sited, both):
    design = design_of(sited, both)
    prepared = _prepare_everything(design)
    assert prepared.X.shape == (61, 12)
    wanted = CombatHarmoniser(12, range(10)).fit_transform(design.sample.X)
    np.testing.assert_allclose(prepared.X[:, :10], wanted[:, :10])


@pytest.mark.parametrize("method", sorted(SELECTORS))
def test_a_final_model_with_each_selector_survives_skops(sited, both, method):
    settings = both.model_copy(
        update={"selection": both.selection.model_copy(update={"methods": {"radiomics": method}, "pairs": 3})}
    )
    table = assemble_arm("radiomics", sited.cohort, blocks_of(sited, settings))
    labels = sited.cohort.set_index("subject_id")["benefit"]
    model = fit_final_model(table, labels, settings, 1, task=TASK)
    packed = skops.io.dumps(model.pipeline)
    again = skops.io.loads(packed, trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(again.predict_proba(table.X), model.pipeline.predict_proba(table.X))
    assert model.card["selection"]["method"] == method
    assert model.card["preparation"]["harmonised_batches"] == list(SITES)
    assert model.card["preparation"]["columns_left_out"] == 2
    json.dumps(model.card, allow_nan=False)


def test_a_served_row_of_an_unknown_batch_passes_unharmonised(sited, both):
    table = assemble_arm("radiomics", sited.cohort, blocks_of(sited, both))
    labels = sited.cohort.set_index("subject_id")["benefit"]
    model = fit_final_model(table, labels, both, 1, task=TASK)
    example = pd.DataFrame([model.card["example"]])
    assert example.loc[0, BATCH_COLUMN] in SITES
    assert model.card["columns"][-1] == BATCH_COLUMN
    rows = table.X.iloc[[0, 0, 0, 0]].copy()
    rows[BATCH_COLUMN] = ["AA", "QQ", "ZZ", None]
    scores = model.pipeline.predict_proba(rows)[:, 1]
    np.testing.assert_array_equal(scores[1:], scores[1])
    assert scores[0] != scores[1]


def test_settings_that_ask_for_a_block_that_is_not_there_are_refused(sited, both):
    table = assemble_arm("radiomics", sited.cohort, sited.blocks)
    with pytest.raises(FeatureTableError, match="got no block stability, batch"):
        preparation_of(table, both)
    assert preparation_of(table, ModellingSettings()) is None
    clinical = assemble_arm("clinical", sited.cohort, sited.blocks)
    assert preparation_of(clinical, both) is None


def test_clinical_and_presence_columns_are_left_alone(sited, both):
    presence = pd.DataFrame({"subject_id": sited.cohort["subject_id"], "region_present__et": 1.0})
    blocks = {**blocks_of(sited, both), "region_presence": presence}
    table = assemble_arm("radiomics", sited.cohort, blocks)
    assert list(table.X.columns[-2:]) == ["region_present__et", BATCH_COLUMN]
    assert table.sizes == (13,)
    preparation = preparation_of(table, both)
    np.testing.assert_array_equal(preparation.columns, np.arange(12))
    assert preparation.batch_column == 13


def test_vectors_of_fold_networks_keep_their_place_behind_the_batch(sited, both):
    embeddings = embedding_block(fold_embeddings(sited, columns=5))
    table = assemble_arm("fusion", sited.cohort, {**blocks_of(sited, both), "embeddings": embeddings})
    design = arm_design(table, sited.cohort.set_index("subject_id")["benefit"], sited.folds, both, 1)
    model = fold_model(design, 0, 1)
    assert (table.sizes, model.train.X.shape[1], len(table.columns)) == ((12, 5), 18, 18)
    prepared = model.arm.prepared.transform(model.train.X)
    np.testing.assert_array_equal(prepared[:, 12:], model.train.X[:, 13:])
    assert np.isnan(prepared[:, 10:12]).all()
    assert {step.sizes for name, step in model.arm.pipeline.steps if name == "select"} == {(12, 5)}


def test_patients_without_a_batch_are_no_empty_column(sited, both):
    blocks = blocks_of(sited, both)
    blocks["batch"] = blocks["batch"].assign(**{BATCH_COLUMN: None})
    table = assemble_arm("radiomics", sited.cohort, blocks)
    design = arm_design(table, sited.cohort.set_index("subject_id")["benefit"], sited.folds, both, 1)
    assert columns_empty_in_training(design) == 0
    found = preparation_figures(cross_validate(design, None, [0], compute=ONE), design.preparation)
    assert found["harmonisation"]["folds_harmonised"] == 0
    assert found["harmonisation"]["scored_rows_unharmonised"] == 61


def test_batches_come_from_the_barcode_or_a_column_of_the_cohort(sited):
    site = batch_block(sited.cohort, HarmonisationSettings(method="combat"))["batch"]
    assert set(site[BATCH_COLUMN]) == {*SITES, "ZZ"}
    scanner = batch_block(sited.cohort, HarmonisationSettings(method="combat", batch="scanner"))["batch"]
    assert set(scanner[BATCH_COLUMN]) == {"1.5", "3.0"}
    assert batch_block(sited.cohort, HarmonisationSettings()) == {}
    with pytest.raises(
        SettingsError, match=r"harmonisation\.batch: it must be site or a column of the cohort"
    ):
        batch_block(sited.cohort, HarmonisationSettings(method="combat", batch="scaner"))


def test_a_row_without_preparation_is_the_row_as_it_was():
    sample = Sample(np.array(["a"], dtype=object), np.ones((1, 2)), np.array([1]))
    assert prepare(None, sample, LeakageGuard(["a"])).apply(sample) is sample
