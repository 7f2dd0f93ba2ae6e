import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from gliomics.demo.rehearsal import PLANTED, RehearsalSettings, rehearsal_patients
from gliomics.demo.settings import GENERATOR_VERSION, DemoSettings
from gliomics.demo.writer import STAMP, write_rehearsal_cohort


def test_it_says_that_it_is_synthetic_and_has_enough_patients_for_the_strict_gate(tmp_path):
    summary = write_rehearsal_cohort(tmp_path / "rehearsal", RehearsalSettings())
    assert summary.patients == 200
    stamp = json.loads((tmp_path / "rehearsal" / STAMP).read_text())
    assert (stamp["synthetic"], stamp["cohort"]) == (True, "rehearsal")
    people = [
        p for p in rehearsal_patients(RehearsalSettings()) if p.chemotherapy == "yes" and p.fault == "none"
    ]
    assert min(Counter(p.survival_days < 730.5 for p in people).values()) >= 25
    assert all(p.subject_id[8:10] == "SY" for p in people)


def test_the_planted_features_separate_and_the_others_and_age_do_not(tmp_path):
    folders = [
        write_rehearsal_cohort(tmp_path / str(seed), RehearsalSettings(patients=400, seed=seed))
        for seed in (1, 2)
    ]
    assert len(folders) == 2
    panels = [pd.read_csv(tmp_path / str(seed) / "radiomic_features.csv", index_col="ID") for seed in (1, 2)]
    people = [
        {p.subject_id: p for p in rehearsal_patients(RehearsalSettings(patients=400, seed=seed))}
        for seed in (1, 2)
    ]
    for panel, known in zip(panels, people, strict=True):
        short = np.array([known[name].survival_days < 730.5 for name in panel.index])
        auc = {
            name: roc_auc_score(short, values)
            for name, values in panel.drop(columns="Date").items()
            if values.notna().all() and values.std() > 0
        }
        assert min(auc[name] for name in PLANTED) > 0.65
        noise = [
            value for name, value in auc.items() if name not in PLANTED and not name.startswith("VOLUME")
        ]
        assert abs(np.mean(noise) - 0.5) < 0.02
        assert abs(roc_auc_score(short, [known[name].age_years for name in panel.index]) - 0.5) < 0.12


def test_the_same_seed_gives_the_same_bytes_and_nothing_else_is_overwritten(tmp_path):
    for name in ("a", "b"):
        write_rehearsal_cohort(tmp_path / name, RehearsalSettings())
    files = [
        {f.name: f.read_bytes() for f in (tmp_path / name).rglob("*") if f.is_file()} for name in ("a", "b")
    ]
    assert files[0] == files[1]
    assert write_rehearsal_cohort(tmp_path / "a", RehearsalSettings()).already_there
    assert not write_rehearsal_cohort(tmp_path / "a", RehearsalSettings(seed=2)).already_there
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.csv").touch()
    with pytest.raises(FileExistsError):
        write_rehearsal_cohort(tmp_path / "mine", RehearsalSettings())


def test_without_enhancement_the_regions_volume_is_zero_and_its_features_are_missing(tmp_path):
    write_rehearsal_cohort(tmp_path / "x", RehearsalSettings())
    panel = pd.read_csv(tmp_path / "x" / "radiomic_features.csv")
    absent = panel["VOLUME_ET"] == 0
    assert 0 < absent.sum() < len(panel)
    enhancing = panel.filter(regex="_ET_")
    assert enhancing[absent].isna().all(axis=None)
    assert enhancing[~absent].notna().all(axis=None)
    assert np.allclose(
        panel[["VOLUME_ET", "VOLUME_NET", "VOLUME_ED"]].sum(axis=1), panel["VOLUME_WT"], rtol=1e-5
    )


def test_the_demo_cohort_is_another(tmp_path):
    write_rehearsal_cohort(tmp_path / "x", RehearsalSettings())
    demo = {
        "synthetic": True,
        "generator_version": GENERATOR_VERSION,
        **DemoSettings(patients=20).model_dump(),
    }
    (tmp_path / "x" / STAMP).write_text(json.dumps(demo))
    assert not write_rehearsal_cohort(tmp_path / "x", RehearsalSettings()).already_there
