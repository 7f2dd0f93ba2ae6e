"""Who is explained by which model, against whom; what is made of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gliomics.compute import ComputeSettings
from gliomics.errors import AttributionError, LeakageError
from gliomics.evaluation.cross_validation.out_of_fold import FoldModel
from gliomics.explanation.attribution import shap_values
from gliomics.explanation.attribution.patient_attributions import patient_means, patient_scores
from gliomics.explanation.attribution.shap_settings import ShapSettings
from gliomics.explanation.attribution.shap_summary import (
    NO_SKILL,
    fit_shares,
    skill,
    stability,
    summarise_shap,
)
from gliomics.explanation.attribution.shap_values import explain_arms, explain_fold
from gliomics.explanation.feature_groups import correlation_clusters, group_of


def test_every_patient_is_explained_once_a_repeat_by_the_model_of_their_fold(explained):
    fits = explained.shap.fits
    assert (fits.groupby(["arm", "repeat", "subject_id"]).size() == 1).all()
    assert set(fits["arm"]) == {"clinical", "radiomics", "fusion"} and fits["repeat"].nunique() == 2
    assert fits["subject_id"].nunique() == 36, "the censored are not explained"
    folds = explained.folds.set_index(["repeat", "subject_id"])["fold"]
    assert (
        folds.loc[list(zip(fits["repeat"], fits["subject_id"], strict=True))].to_numpy() == fits["fold"]
    ).all()


def test_the_saved_table_adds_up_to_the_saved_log_odds_and_scores(explained):
    keys = ["arm", "repeat", "fold", "subject_id"]
    added = explained.shap.contributions.groupby(keys)["shap"].sum()
    fits = explained.shap.fits.set_index(keys)
    total = fits["base"] + added.reindex(fits.index, fill_value=0.0)
    np.testing.assert_allclose(total, fits["log_odds"], atol=1e-9)
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-total)), fits["y_score"], atol=1e-9)


def test_imputed_values_are_marked_and_carry_the_training_median(explained):
    values = explained.shap.contributions
    grades = values[(values["arm"] == "clinical") & (values["feature"] == "grade")]
    missing = set(explained.cohort.loc[explained.cohort["grade"].isna(), "subject_id"])
    assert set(grades.loc[grades["imputed"], "subject_id"]) == missing & set(grades["subject_id"])
    assert grades["value"].notna().all() and grades["imputed"].any()


def test_the_bytes_do_not_depend_on_the_number_of_workers(explained):
    arms = {"radiomics": explained.arms["radiomics"]}
    two = explain_arms(arms, explained.predictions, ShapSettings(), compute=ComputeSettings(workers=2))
    one = explained.shap.contributions[explained.shap.contributions["arm"] == "radiomics"].reset_index(
        drop=True
    )
    pd.testing.assert_frame_equal(two.contributions, one, check_exact=True)


def test_an_explained_patient_in_the_background_stops_the_run(explained, monkeypatch):
    real = shap_values.fold_model

    def leaking(design, repeat, fold):
        model = real(design, repeat, fold)
        return FoldModel(
            model.arm,
            model.train,
            replace(model.test, ids=np.r_[model.train.ids[:1], model.test.ids[1:]]),
            model.censored,
        )

    monkeypatch.setattr(shap_values, "fold_model", leaking)
    with pytest.raises(LeakageError, match="fit of SHAP background: no held-out patient"):
        explain_fold("clinical", explained.arms["clinical"], 0, 0, 100)


def test_a_model_that_did_not_give_the_evaluated_score_is_not_explained(explained):
    stale = explained.predictions.assign(y_score=explained.predictions["y_score"] + 1e-6)
    with pytest.raises(
        AttributionError, match=r"the explained model must give the evaluated score.*Run modelling again"
    ):
        shap_values.check_scores(explained.shap.fits, stale)
    with pytest.raises(AttributionError, match="the explained model"):
        shap_values.check_scores(explained.shap.fits, stale.iloc[:0])


def test_shares_of_every_level_add_up_to_one_and_networks_of_folds_are_one_feature(explained):
    summary, facts = summarise_shap(explained.shap, explained.arms, {}, ShapSettings())
    totals = summary.groupby(["arm", "level"])["mean_share"].sum()
    np.testing.assert_allclose(totals.to_numpy(), 1.0)
    features = summary[(summary["arm"] == "fusion") & (summary["level"] == "feature")]
    assert (
        "cnn3d (all dimensions)" in set(features["name"])
        and not features["name"].str.startswith("emb_").any()
    )
    assert facts["fusion"]["fold_networks"] == ["cnn3d"]
    blocks = summary[(summary["arm"] == "fusion") & (summary["level"] == "block")]
    assert set(blocks["name"]) == {"radiomics", "deep"}
    assert (features["fits_first"].sum()) == facts["fusion"]["fits"] == 6


def test_a_fit_with_large_log_odds_counts_no_more_than_another():
    fits = pd.DataFrame({"repeat": [0, 0, 0], "fold": [0, 1, 2]})
    values = pd.DataFrame(
        {"repeat": 0, "fold": [0, 0, 1, 1], "feature": list("abab"), "shap": [30.0, -10.0, 0.1, 0.3]}
    )
    shares = fit_shares(values, fits, ())
    np.testing.assert_allclose(shares.to_numpy(), [[0.75, 0.25], [0.25, 0.75], [0.0, 0.0]])


def test_the_overlap_of_two_fits_lists_is_hand_counted():
    shares = pd.DataFrame([[0.6, 0.4, 0.0], [0.7, 0.3, 0.0], [0.0, 0.1, 0.9]], columns=list("abc"))
    found = stability(shares, top_k=2)
    assert found["jaccard"] == pytest.approx((1.0 + 1 / 3 + 1 / 3) / 3)
    assert found["kendall"] == pytest.approx((1.0 - 1.0 - 1.0) / 3)
    assert stability(shares.iloc[:1], 2)["jaccard"] is None


def test_a_feature_that_tops_a_single_fit_is_said_to(explained):
    arm = explained.arms["radiomics"]
    fits = pd.DataFrame(
        {"arm": "radiomics", "repeat": 0, "fold": range(5), "subject_id": "p", "explainer": "e"}
    )
    fits = fits.assign(evaluations=0, background=20)
    first, second = arm.columns[:2]
    values = pd.DataFrame(
        {
            "arm": "radiomics",
            "repeat": 0,
            "fold": [0, 0, 1, 2, 3, 4],
            "subject_id": "p",
            "value": 1.0,
            "imputed": False,
            "feature": [first, second, second, second, second, second],
            "shap": [2.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        }
    )
    _, facts = summarise_shap(shap_values.ShapValues(values, fits), {"radiomics": arm}, {}, ShapSettings())
    assert facts["radiomics"]["first_in"] == [
        {"feature": second, "fits_first": 4, "fits": 5},
        {"feature": first, "fits_first": 1, "fits": 5},
    ]


def test_an_arm_whose_interval_does_not_exclude_chance_carries_the_warning():
    assert skill({"auc": {"value": 0.7, "low": 0.49, "high": 0.9}})["warning"] == NO_SKILL
    assert skill({"auc": {"value": 0.3, "low": 0.1, "high": 0.4}})["warning"] == NO_SKILL
    assert skill({"auc": {"value": 0.7, "low": 0.51, "high": 0.9}})["warning"] is None
    assert skill({})["warning"] == NO_SKILL


def test_means_of_a_patient_add_up_to_their_mean_log_odds(explained):
    values, fits = (t[t["arm"] == "fusion"] for t in (explained.shap.contributions, explained.shap.fits))
    means, scores = patient_means(values, fits, ["cnn3d"]), patient_scores(fits)
    total = scores["base"] + means.groupby("subject_id")["shap"].sum()
    np.testing.assert_allclose(total, scores["log_odds"], atol=1e-9)
    assert means.loc[means["feature"] == "cnn3d (all dimensions)", "value"].isna().all()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("age_years", ("clinical", "clinical", "(none)", "(none)")),
        ("region_present__et", ("radiomics", "presence", "et", "mask")),
        ("mask__wt__shape_MeshVolume", ("radiomics", "shape", "wt", "mask")),
        ("emb_cnn3d_patches_012", ("deep", "cnn3d_patches", "(none)", "(none)")),
        ("TEXTURE_GLRLM_ED_T1Gd_SRE", ("radiomics", "glrlm", "ed", "t1ce")),
        ("VOLUME_ET_OVER_WT", ("radiomics", "shape", "et", "(none)")),
        ("anything else", ("radiomics", "other", "(none)", "(none)")),
    ],
)
def test_a_column_says_where_it_belongs(column, expected):
    group = group_of(column)
    assert (group.block, group.family, group.region, group.modality) == expected


def test_copies_of_a_feature_share_its_cluster_whatever_their_sign():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    table = pd.DataFrame({"a": a, "b": b, "copy": -2.0 * a + 1.0, "cubed": a**3, "constant": 1.0})
    clusters = correlation_clusters(table, 0.9)
    assert clusters == {"a": "a (+2)", "copy": "a (+2)", "cubed": "a (+2)", "b": "b", "constant": "constant"}


def test_an_arm_that_uses_no_feature_has_a_summary_without_shares(explained):
    shap = explained.shap
    nothing = shap_values.ShapValues(shap.contributions.iloc[:0], shap.fits[shap.fits["arm"] == "clinical"])
    summary, facts = summarise_shap(nothing, {"clinical": explained.arms["clinical"]}, {}, ShapSettings())
    assert summary.empty and facts["clinical"]["features_used"] == 0 and facts["clinical"]["first_in"] == []
