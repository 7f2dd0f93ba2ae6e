"""A population from cohort to predictions: signal found, noise not, same bytes whoever computes."""

from __future__ import annotations

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from gliomics.compute import ComputeSettings
from gliomics.errors import SettingsError, ValidationDesignError
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.results import PREDICTION_COLUMNS
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.statistics.metrics import ScoredPatients, within_fold_auc


def evaluate(data, settings, *, arms=("clinical", "radiomics"), population="all", workers=1, **more):
    return evaluate_population(
        data.cohort,
        data.folds,
        data.blocks,
        arms=arms,
        population=population,
        settings=settings,
        seed=1,
        compute=ComputeSettings(workers=workers),
        **more,
    )


def test_predictions_have_the_promised_columns_types_and_order(generated, quick):
    predictions = evaluate(generated, quick).predictions
    assert {name: str(kind) for name, kind in predictions.dtypes.items()} == PREDICTION_COLUMNS
    keys = ["arm", "dataset", "protocol", "permutation", "repeat", "fold", "subject_id"]
    assert_frame_equal(predictions, predictions.sort_values(keys, ignore_index=True))
    assert not predictions.duplicated(["arm", "permutation", "repeat", "subject_id"]).any()
    assert set(predictions["permutation"]) == {0, 1, 2, 3}
    assert (predictions.loc[predictions["permutation"] > 0, "repeat"] == 0).all()
    assert set(predictions["row_kind"] + predictions["dataset"] + predictions["protocol"]) == {
        "realdataset1leakage_free"
    }
    assert predictions.notna().all(axis=None)


def test_every_arm_is_scored_on_the_folds_of_the_table(generated, quick):
    predictions = evaluate(generated, quick).predictions
    joined = predictions.merge(generated.folds, on=["subject_id", "repeat"], suffixes=("", "_given"))
    assert len(joined) == len(predictions)
    assert (joined["fold"] == joined["fold_given"]).all()


def test_the_censored_are_never_scored_and_the_untreated_only_among_all(generated, quick):
    cohort = generated.cohort.set_index("subject_id")
    everybody = evaluate(generated, quick, arms=["clinical"])
    assert set(everybody.predictions["subject_id"]) == set(cohort.index[cohort["benefit"].notna()])
    assert (everybody.n_eligible, everybody.n_censored) == (50, 6)
    treated = evaluate(generated, quick, arms=["clinical"], population="treated")
    assert cohort.loc[treated.predictions["subject_id"], "chemotherapy"].all()
    assert len(treated.labels) == 22


def test_labels_of_the_censored_and_excluded_cannot_matter(generated, quick):
    """Scores stay when everything about patients outside the population changes."""
    cohort = generated.cohort
    before = evaluate(generated, quick, arms=["clinical"], population="treated").predictions
    outside = cohort["benefit"].isna() | ~cohort["chemotherapy"]
    generated.cohort = cohort.assign(age_years=cohort["age_years"].mask(outside, 999.0))
    assert_frame_equal(
        before, evaluate(generated, quick, arms=["clinical"], population="treated").predictions
    )


def test_neither_workers_nor_the_order_of_rows_change_a_byte(generated, quick, rng, tmp_path):
    first = evaluate(generated, quick).predictions
    generated.cohort = generated.cohort.iloc[rng.permutation(len(generated.cohort))]
    generated.folds = generated.folds.iloc[rng.permutation(len(generated.folds))]
    generated.blocks = {name: b.iloc[rng.permutation(len(b))] for name, b in generated.blocks.items()}
    second = evaluate(generated, quick, workers=2).predictions
    for name, predictions in (("first", first), ("second", second)):
        predictions.to_parquet(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_inputs_are_left_as_they_were(generated, quick):
    copies = generated.cohort.copy(), generated.folds.copy(), generated.blocks["radiomics"].copy()
    evaluate(generated, quick)
    assert_frame_equal(generated.cohort, copies[0])
    assert_frame_equal(generated.folds, copies[1])
    assert_frame_equal(generated.blocks["radiomics"], copies[2])


def auc(evaluation, arm):
    rows = evaluation.predictions.query("arm == @arm and permutation == 0")
    scored = ScoredPatients.from_predictions(rows)
    return float(within_fold_auc(scored, scored.once)[0])


def test_a_planted_signal_is_found(make_generated):
    data = make_generated(70, 40, signal=1.6, columns=40)
    evaluation = evaluate(data, ModellingSettings(permutation_control={"n": 10}))
    for arm in ("clinical", "radiomics"):
        assert auc(evaluation, arm) > 0.8
        assert evaluation.arms[arm].control.passed
        assert evaluation.arms[arm].control.p_value == pytest.approx(1 / 11)


def test_without_signal_the_permuted_mean_is_a_half(make_generated):
    data = make_generated(200, 200, 0, columns=10, repeats=1)
    evaluation = evaluate(data, ModellingSettings(permutation_control={"n": 30}))
    for arm in ("clinical", "radiomics"):
        assert len(evaluation.labels) >= 400
        assert 0.48 <= evaluation.arms[arm].control.mean <= 0.52
        assert 0.4 < auc(evaluation, arm) < 0.6


@pytest.mark.parametrize("population", ["all", "treated"])
def test_too_few_patients_are_refused_with_the_reason(make_generated, quick, population):
    data = make_generated(30, 5)
    evaluation = evaluate(data, quick, population=population)
    if population == "all":
        assert evaluation.refused is None
        return
    assert evaluation.refused.population == "treated"
    assert (
        "the smaller class has 3 patients (3 short, 15 long), 5 folds need at least 5"
        in evaluation.refused.reason
    )
    assert evaluation.predictions.empty
    assert {name: str(kind) for name, kind in evaluation.predictions.dtypes.items()} == PREDICTION_COLUMNS


def test_an_empty_class_is_refused_with_the_reason(generated, quick):
    cohort = generated.cohort
    generated.cohort = cohort.assign(
        chemotherapy=cohort["chemotherapy"] & (cohort["benefit"] != 0).fillna(value=False)
    )
    evaluation = evaluate(generated, quick, population="treated")
    assert evaluation.refused.reason == "one class is empty: 0 short and 15 long survivors"


def test_an_arm_without_inputs_is_skipped_and_the_others_go_on(generated, quick):
    generated.blocks = {}
    evaluation = evaluate(generated, quick, arms=["clinical", "clinical_molecular", "radiomics"])
    assert list(evaluation.arms) == ["clinical"]
    assert [skip.arm for skip in evaluation.skipped] == ["clinical_molecular", "radiomics"]


def test_an_arm_that_knows_too_few_of_the_patients_is_skipped(generated, quick):
    short = generated.cohort.loc[generated.cohort["benefit"] == 0, "subject_id"]
    features = generated.blocks["radiomics"]
    generated.blocks["radiomics"] = features[~features["subject_id"].isin(short[3:])]
    evaluation = evaluate(generated, quick)
    reason = "of the 33 patients whom it can score, the smaller class has 3 patients"
    assert [skip.reason[: len(reason)] for skip in evaluation.skipped] == [reason]


def test_an_arm_that_misses_some_patients_is_scored_on_the_others(generated, quick):
    generated.blocks["radiomics"] = generated.blocks["radiomics"].iloc[4:]
    evaluation = evaluate(generated, quick)
    assert evaluation.arms["radiomics"].patients_without_row == 4
    per_arm = evaluation.predictions.groupby("arm")["subject_id"].nunique()
    assert per_arm.to_dict() == {"clinical": 44, "radiomics": 40}


def test_constant_empty_and_partly_empty_columns_are_carried(generated, quick):
    features = generated.blocks["radiomics"].assign(constant=3.0, empty=np.nan, region_present__et=1.0)
    features.loc[features.index > 0, "feature_5"] = np.nan
    generated.blocks["radiomics"] = features
    facts = evaluate(generated, quick).arms["radiomics"]
    assert (facts.columns, facts.columns_empty_in_a_fold) == (15, 2)


def test_progress_is_told_per_arm(generated, quick):
    told = []
    evaluate(generated, quick, arms=["clinical"], on_progress=lambda *facts: told.append(facts))
    assert told[-1] == ("clinical", 25, 25)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_unknown_names_are_refused_before_anything_is_computed(generated, quick):
    with pytest.raises(SettingsError, match="arm must be one of clinical, clinical_molecular, deep, "):
        evaluate(generated, quick, arms=["clinical", "depp"])
    with pytest.raises(SettingsError, match="population must be one of all, treated"):
        evaluate(generated, quick, population="untreated")


def test_an_arm_can_be_given_another_estimator_by_configuration(generated, quick):
    other = quick.model_copy(update={"recipes": {"radiomics": "svm_linear"}})
    changed, own = (evaluate(generated, settings).predictions for settings in (other, quick))
    assert_frame_equal(changed.query("arm == 'clinical'"), own.query("arm == 'clinical'"))
    pairs = zip(
        changed.query("arm == 'radiomics'")["y_score"],
        own.query("arm == 'radiomics'")["y_score"],
        strict=True,
    )
    assert any(one != two for one, two in pairs)
    for wrong in ({"radiomics": "svm"}, {"radiomic": "svm_rbf"}):
        with pytest.raises(SettingsError, match="Did you mean"):
            evaluate(generated, quick.model_copy(update={"recipes": wrong}))


def test_folds_of_another_cohort_are_refused(generated, quick):
    missing = generated.cohort.loc[generated.cohort["benefit"] == 1, "subject_id"].min()
    generated.folds = generated.folds[generated.folds["subject_id"] != missing]
    with pytest.raises(ValidationDesignError, match=f"got 1 patients who are not, such as {missing}"):
        evaluate(generated, quick)


def test_a_control_over_more_repeats_than_there_are_is_refused(generated):
    settings = ModellingSettings(permutation_control={"n": 2, "repeats": 3})
    with pytest.raises(ValidationDesignError, match=r"permutation_control\.repeats: at most the 2 repeats"):
        evaluate(generated, settings)


def test_the_control_uses_as_many_repeats_as_asked(generated):
    settings = ModellingSettings(permutation_control={"n": 2, "repeats": 2})
    evaluation = evaluate(generated, settings, arms=["clinical"])
    assert set(evaluation.predictions.query("permutation > 0")["repeat"]) == {0, 1}
    assert evaluation.arms["clinical"].control.observed == pytest.approx(auc(evaluation, "clinical"))
