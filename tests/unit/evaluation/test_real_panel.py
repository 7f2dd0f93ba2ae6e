"""The published panel of TCGA-LGG, by few permutations; B = 200 is a matter of the run itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gliomics.cohort.published_panel import read_published_panel, region_presence
from gliomics.cohort.settings import PublishedFeaturesSettings
from gliomics.cohort.splits import FoldSettings, make_folds
from gliomics.compute import ComputeSettings
from gliomics.evaluation.arms import assemble_arm
from gliomics.evaluation.population import evaluate_population
from gliomics.evaluation.settings import ModellingSettings
from gliomics.evaluation.summary import summarise
from gliomics.model_package.final_model import fit_final_model
from tasks import TASK

pytestmark = pytest.mark.real_data
SETTINGS = ModellingSettings(permutation_control={"n": 5})
SEED = 20261124


@pytest.fixture(scope="module")
def panel(real_data):
    folder = real_data / "tcga_lgg"
    settings = PublishedFeaturesSettings(path="TCGA_LGG_radiomicFeatures.csv", drop_columns=("Date",))
    features = read_published_panel(folder / settings.path, settings).features
    cdr = pd.read_excel(
        folder / "clinical" / "TCGA-CDR-SupplementalTableS1.xlsx", sheet_name="TCGA-CDR", engine="calamine"
    ).set_index("bcr_patient_barcode")
    gdc = pd.read_csv(folder / "clinical" / "gdc_tcgabiolinks_2022.csv").set_index("submitter_id")
    cdr, gdc = cdr.loc[features["subject_id"]], gdc.loc[features["subject_id"]]
    days, died = cdr["OS.time"].astype(float), cdr["OS"].astype(float) == 1
    benefit = pd.array(np.select([days >= 730.5, died], [1.0, 0.0], np.nan), dtype="Float64")
    treated = gdc["treatments_pharmaceutical_treatment_or_therapy"] == "yes"
    cohort = pd.DataFrame(
        {
            "subject_id": cdr.index,
            "age_years": cdr["age_at_initial_pathologic_diagnosis"].astype(float),
            "sex": cdr["gender"].str.lower(),
            "grade": cdr["histological_grade"].map({"G2": 2, "G3": 3}).astype("Int64"),
            "chemotherapy": treated.astype("boolean"),
            "benefit": benefit.astype("Int64"),
            "exclusion_reason": None,
        }
    ).reset_index(drop=True)
    return cohort, {"radiomics": features, "region_presence": region_presence(features)}


@pytest.mark.parametrize(("population", "counts"), [("all", (35, 7, 23)), ("treated", (23, 7, 16))])
def test_both_arms_run_on_the_known_counts(panel, population, counts):
    cohort, blocks = panel
    evaluation = evaluate_population(
        cohort,
        make_folds(cohort, FoldSettings(repeats=2), SEED),
        blocks,
        arms=["clinical", "radiomics"],
        population=population,
        settings=SETTINGS,
        seed=SEED,
        compute=ComputeSettings(workers=1),
    )
    summary = summarise(evaluation, SETTINGS, SEED, task=TASK)
    assert (summary["n_long"], summary["n_short"], summary["n_censored"]) == counts
    assert summary["arms"]["radiomics"]["n_columns"] == 724 + 3
    assert summary["arms"]["radiomics"]["columns_empty_in_a_fold"] > 0
    assert summary["arms"]["clinical"]["auc"]["value"] > 0.65
    for arm in ("clinical", "radiomics"):
        assert summary["arms"][arm]["folds_used"] == 10
        assert 0 < summary["arms"][arm]["permutation_control"]["sd"] < 0.4


def test_the_final_radiomics_model_is_fitted_on_the_treated(panel):
    cohort, blocks = panel
    patients = cohort[cohort["benefit"].notna() & cohort["chemotherapy"]]
    table = assemble_arm("radiomics", patients, blocks)
    model = fit_final_model(table, patients.set_index("subject_id")["benefit"], SETTINGS, SEED, task=TASK)
    assert (model.card["n_long"], model.card["n_short"], model.card["inner_folds"]) == (23, 7, 3)
    assert model.pipeline.predict_proba(table.X)[:, 1].std() > 0
