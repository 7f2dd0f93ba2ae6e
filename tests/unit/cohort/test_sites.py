"""Sites and modes of validation: one fold a site, unknown sites and modes refused by name."""

from __future__ import annotations

import pandas as pd
import pytest

from gliomics.cohort.settings import SiteTableSettings
from gliomics.cohort.sites import leave_one_site_out, one_fold, read_sites
from gliomics.cohort.validation import parse_validation
from gliomics.errors import ClinicalDataError, SettingsError, ValidationDesignError

TABLE = SiteTableSettings(path="sites.csv", id_column="ID", site_column="hospital")


def cohort(*subjects, excluded=()):
    reasons = ["no scans" if subject in excluded else None for subject in subjects]
    return pd.DataFrame({"subject_id": subjects, "exclusion_reason": pd.array(reasons, dtype="string")})


def test_every_site_is_one_fold_however_small():
    people = cohort("TCGA-HT-0001", "TCGA-CS-0002", "TCGA-HT-0003", "TCGA-AA-0004", excluded=["TCGA-AA-0004"])
    folds = leave_one_site_out(people, None)
    assert folds.to_dict(orient="list") == {
        "subject_id": ["TCGA-CS-0002", "TCGA-HT-0001", "TCGA-HT-0003"],
        "repeat": [0, 0, 0],
        "fold": [0, 1, 1],
        "site": ["CS", "HT", "HT"],
    }


def test_other_ids_need_a_table_of_sites(tmp_path):
    people = cohort("P1", "P2", "P3")
    with pytest.raises(
        ValidationDesignError, match=r"got 3 patients.*such as P1\. Name a table of sites under"
    ):
        leave_one_site_out(people, None)
    (tmp_path / "sites.csv").write_text("ID,hospital,x\np1,Bonn,1\nP2, Oslo ,2\nP3,Bonn,3\nP3,Bonn,4\n")
    folds = leave_one_site_out(people, read_sites(tmp_path, TABLE))
    assert folds["site"].tolist() == ["Bonn", "Oslo", "Bonn"]
    with pytest.raises(ValidationDesignError, match=r"in the table of sites, got 1 patients.*P4"):
        leave_one_site_out(cohort("P1", "P2", "P4"), read_sites(tmp_path, TABLE))


def test_a_table_that_cannot_serve_is_refused(tmp_path):
    with pytest.raises(ClinicalDataError, match="the file must exist"):
        read_sites(tmp_path, TABLE)
    (tmp_path / "sites.csv").write_text("ID,site\nP1,Bonn\n")
    with pytest.raises(ClinicalDataError, match="got no hospital among ID, site"):
        read_sites(tmp_path, TABLE)
    (tmp_path / "sites.csv").write_text("ID,hospital\nP1,Bonn\nP1,Oslo\n")
    with pytest.raises(ClinicalDataError, match="got several for P1"):
        read_sites(tmp_path, TABLE)


def test_one_site_is_no_validation():
    with pytest.raises(ValidationDesignError, match=r"at least two sites, got 1 \(HT\)"):
        leave_one_site_out(cohort("TCGA-HT-0001", "TCGA-HT-0002"), None)


def test_a_frozen_model_scores_everybody_as_one_fold():
    folds = one_fold(cohort("P2", "P1", "P3", excluded=["P3"]))
    assert folds["subject_id"].tolist() == ["P1", "P2"]
    assert set(folds["repeat"]) == set(folds["fold"]) == {0}


def test_modes_are_read_and_others_refused():
    assert parse_validation("repeated_cv").mode == "repeated_cv"
    assert parse_validation("external:demo").text == "external:demo"
    with pytest.raises(
        SettingsError, match=r"one of external:<cohort>, leave_one_site_out, repeated_cv, got"
    ):
        parse_validation("loso")
    with pytest.raises(SettingsError, match="must name the cohort whose champion"):
        parse_validation("external:")
