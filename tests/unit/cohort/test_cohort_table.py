from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.cohort.cohort_table import (
    COHORT_COLUMNS,
    build_cohort,
    label_survival,
)
from gliomics.cohort.populations import eligible, labelled, population
from gliomics.cohort.settings import LabelSettings
from gliomics.cohort.tidy_records import RECORD_DTYPES
from gliomics.errors import ClinicalDataError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gliomics.cohort.settings import CohortSettings

PANEL = {"path": "features.csv"}


def records(*rows: dict[str, Any]) -> pd.DataFrame:
    known = [{"source": "gdc", "os_days": 900.0, "death_observed": False} | row for row in rows]
    return pd.DataFrame(known, columns=list(RECORD_DTYPES)).astype(RECORD_DTYPES)


def outcomes(**status: str) -> pd.DataFrame:
    return pd.DataFrame({"subject_id": list(status), "status": list(status.values()), "reason": ""})


RECORDS = records(
    {"subject_id": "LONG", "chemotherapy": True, "grade": 2},
    {"subject_id": "SHORT", "chemotherapy": True, "grade": 3, "os_days": 100.0, "death_observed": True},
    {"subject_id": "CENS", "chemotherapy": True, "os_days": 100.0},
    {"subject_id": "PLAIN", "chemotherapy": False, "grade": 2},
    {"subject_id": "MAYBE", "grade": 3},
    {"subject_id": "LOST", "os_days": None, "death_observed": None},
    {"subject_id": "BROKEN", "chemotherapy": True},
    {"subject_id": "NOSCAN"},
    {"subject_id": "SKIPPED"},
)
OUTCOMES = outcomes(
    **dict.fromkeys(("LONG", "SHORT", "CENS", "PLAIN", "MAYBE", "LOST"), "processed"),
    BROKEN="failed",
    SKIPPED="skipped",
    STRAY="processed",
)
REASONS = {
    "LOST": "survival_unknown",
    "BROKEN": "scans_quarantined",
    "NOSCAN": "no_scans",
    "SKIPPED": "no_scans",
    "STRAY": "no_clinical_record",
}


def reasons(cohort: pd.DataFrame) -> dict[str, str]:
    known = cohort.dropna(subset=["exclusion_reason"])
    return dict(zip(known["subject_id"], known["exclusion_reason"], strict=True))


def test_every_subject_has_a_row_and_the_first_reason(make_settings: Callable[..., CohortSettings]) -> None:
    cohort, _ = build_cohort(RECORDS, scan_outcomes=OUTCOMES, panel_subjects=None, settings=make_settings())
    assert tuple(cohort.columns) == COHORT_COLUMNS
    assert cohort["subject_id"].tolist() == sorted({*RECORDS["subject_id"], "STRAY"})
    assert reasons(cohort) == REASONS
    assert cohort.set_index("subject_id")["benefit"].dropna().to_dict() == {
        "LONG": 1,
        "SHORT": 0,
        "PLAIN": 1,
        "MAYBE": 1,
        "BROKEN": 1,
        "NOSCAN": 1,
        "SKIPPED": 1,
    }
    assert {name: str(kind) for name, kind in cohort.dtypes.items()} == {
        "subject_id": "object",
        "age_years": "float64",
        "sex": "string",
        "grade": "Int64",
        "chemotherapy": "boolean",
        "radiotherapy": "boolean",
        "os_days": "float64",
        "death_observed": "boolean",
        "benefit": "Int64",
        "exclusion_reason": "string",
    }


def test_populations_keep_the_censored_and_labels_do_not(
    make_settings: Callable[..., CohortSettings],
) -> None:
    cohort, _ = build_cohort(RECORDS, scan_outcomes=OUTCOMES, panel_subjects=None, settings=make_settings())
    assert eligible(cohort)["subject_id"].tolist() == ["CENS", "LONG", "MAYBE", "PLAIN", "SHORT"]
    assert population(cohort, "all")["subject_id"].tolist() == ["CENS", "LONG", "MAYBE", "PLAIN", "SHORT"]
    assert population(cohort, "treated")["subject_id"].tolist() == ["CENS", "LONG", "SHORT"]
    assert labelled(population(cohort, "treated"))["subject_id"].tolist() == ["LONG", "SHORT"]
    assert labelled(cohort)["subject_id"].tolist() == ["LONG", "MAYBE", "PLAIN", "SHORT"]
    with pytest.raises(SettingsError, match="Did you mean 'treated'"):
        population(cohort, "treted")


def test_flow_accounts_for_every_subject(make_settings: Callable[..., CohortSettings]) -> None:
    _, flow = build_cohort(RECORDS, scan_outcomes=OUTCOMES, panel_subjects=None, settings=make_settings())
    steps = {
        name: list(zip(rows["rule"], rows["removed"], rows["remaining"], strict=True))
        for name, rows in flow.groupby("population")
    }
    shared = [
        ("known", 0, 10),
        ("no_clinical_record", 1, 9),
        ("no_scans", 2, 7),
        ("scans_quarantined", 1, 6),
        ("survival_unknown", 1, 5),
    ]
    assert steps["all"] == [
        *shared,
        ("eligible", 0, 5),
        ("label_long", 0, 3),
        ("label_short", 0, 1),
        ("label_censored", 0, 1),
    ]
    assert steps["treated"] == [
        *shared,
        ("treatment_unknown", 1, 4),
        ("not_treated", 1, 3),
        ("eligible", 0, 3),
        ("label_long", 0, 1),
        ("label_short", 0, 1),
        ("label_censored", 0, 1),
    ]


def test_grade_filter_excludes_other_and_unknown_grades(make_settings: Callable[..., CohortSettings]) -> None:
    chosen = make_settings(label={"grades": [3]})
    cohort, flow = build_cohort(RECORDS, scan_outcomes=OUTCOMES, panel_subjects=None, settings=chosen)
    assert reasons(cohort) == REASONS | {
        "LONG": "grade_not_included",
        "PLAIN": "grade_not_included",
        "CENS": "grade_unknown",
    }
    removed = flow[flow["population"] == "all"].set_index("rule")["removed"]
    assert (removed["grade_unknown"], removed["grade_not_included"]) == (1, 2)


def test_a_cohort_of_published_features_needs_no_scans(make_settings: Callable[..., CohortSettings]) -> None:
    chosen = make_settings(published_features=PANEL, requires="published_features", images=None)
    known = {"LONG", "LOST", "BROKEN", "PANELONLY"}
    cohort, flow = build_cohort(RECORDS, scan_outcomes=None, panel_subjects=known, settings=chosen)
    assert eligible(cohort)["subject_id"].tolist() == ["BROKEN", "LONG"]
    found = reasons(cohort)
    assert (found["PANELONLY"], found["LOST"]) == ("no_clinical_record", "survival_unknown")
    assert found["SHORT"] == "no_published_features"
    assert "scans_quarantined" not in set(flow["rule"])


def test_optional_columns_travel_when_they_have_values(make_settings: Callable[..., CohortSettings]) -> None:
    clinical = make_settings().clinical.model_dump() | {"molecular": ["gdc"]}
    clinical["sources"]["gdc"]["format"] = "gdc_table"
    rows = records({"subject_id": "A", "idh": "mutant", "kps": 90.0}, {"subject_id": "B"})
    cohort, _ = build_cohort(
        rows, scan_outcomes=None, panel_subjects=None, settings=make_settings(clinical=clinical)
    )
    assert tuple(cohort.columns) == (*COHORT_COLUMNS, "idh", "kps")


def test_two_outcomes_for_one_subject_are_refused(make_settings: Callable[..., CohortSettings]) -> None:
    twice = pd.concat([OUTCOMES, outcomes(LONG="failed")])
    with pytest.raises(ClinicalDataError, match="each subject must have one outcome, got several for LONG"):
        build_cohort(RECORDS, scan_outcomes=twice, panel_subjects=None, settings=make_settings())


def test_the_cohort_survives_parquet_and_row_order(
    make_settings: Callable[..., CohortSettings], tmp_path: Any
) -> None:
    RECORDS.to_parquet(tmp_path / "records.parquet")
    stored = pd.read_parquet(tmp_path / "records.parquet").sample(frac=1, random_state=1)
    shuffled = OUTCOMES.sample(frac=1, random_state=2)
    first = build_cohort(RECORDS, scan_outcomes=OUTCOMES, panel_subjects=None, settings=make_settings())
    again = build_cohort(stored, scan_outcomes=shuffled, panel_subjects=None, settings=make_settings())
    pd.testing.assert_frame_equal(first.cohort, again.cohort)
    pd.testing.assert_frame_equal(first.flow, again.flow)


def test_the_cut_off_itself_is_long_survival() -> None:
    rows = pd.DataFrame(
        {
            "os_days": [730.5, 730.5, 730.4, 730.4, 731.0, None],
            "death_observed": pd.array([True, False, True, False, True, None], dtype="boolean"),
        }
    )
    assert label_survival(rows, LabelSettings()).fillna(-1).tolist() == [1, 1, 0, -1, 1, -1]


PAIRS = st.lists(
    st.tuples(st.floats(0, 5000), st.booleans()) | st.just((None, None)), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.floats(1, 4000), st.floats(1, 4000))
def test_label_invariants(pairs: list[tuple[float | None, bool | None]], first: float, second: float) -> None:
    rows = pd.DataFrame(
        {
            "os_days": pd.array([days for days, _ in pairs], dtype="Float64").astype("float64"),
            "death_observed": pd.array([event for _, event in pairs], dtype="boolean"),
        }
    )
    low, high = sorted((first, second))
    early = label_survival(rows, LabelSettings(cutoff_days=low))
    late = label_survival(rows, LabelSettings(cutoff_days=high))
    for (days, event), label in zip(pairs, early.fillna(-1), strict=True):
        expected = -1 if days is None else 1 if days >= low else 0 if event else -1
        assert label == expected
    both = early.notna() & late.notna()
    assert (late[both] <= early[both]).all(), "a later cut-off never makes a survival long"
