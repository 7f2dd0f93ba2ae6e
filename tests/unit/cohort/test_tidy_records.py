from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.cohort.clinical_rules import RULES, FindingsLog
from gliomics.cohort.readers.source_rows import SourceRow
from gliomics.cohort.tidy_records import RECORD_DTYPES, tidy_source


def row(subject_id: str = "A", **texts: str) -> SourceRow:
    return SourceRow(subject_id=subject_id, texts={name: (text,) for name, text in texts.items()})


def tidy(*rows: SourceRow) -> tuple[pd.DataFrame, pd.DataFrame]:
    log = FindingsLog()
    return tidy_source("src", rows, log), log.table()


def counted(findings: pd.DataFrame, rule: str, field: str = "") -> int:
    return int(findings.loc[(findings["rule"] == rule) & (findings["field"] == field), "n"].sum())


def survival(*rows: SourceRow) -> tuple[Any, Any]:
    table, _ = tidy(*rows)
    known = table.iloc[0].notna()
    return (
        table.iloc[0]["os_days"] if known["os_days"] else None,
        table.iloc[0]["death_observed"] if known["death_observed"] else None,
    )


def test_death_with_a_date_wins_over_alive() -> None:
    rows = [
        row(vital_status="Alive", days_to_follow_up="900"),
        row(vital_status="Dead", days_to_death="1000"),
    ]
    assert survival(*rows) == (1000.0, True)
    _, findings = tidy(*rows)
    assert counted(findings, "several_rows") == 1
    assert counted(findings, "conflicting_values", "vital_status") == 1


def test_nobody_comes_back_to_life_when_the_date_is_unknown() -> None:
    rows = [row(vital_status="Alive", days_to_follow_up="900"), row(vital_status="Dead", days_to_death="'--")]
    assert survival(*rows) == (None, None)


def test_latest_follow_up_wins_without_being_a_conflict() -> None:
    rows = [row(vital_status="Alive", days_to_follow_up=days) for days in ("30", "901", "120", "'--")]
    assert survival(*rows) == (901.0, False)
    assert counted(tidy(*rows)[1], "conflicting_values", "days_to_follow_up") == 0


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (("no", "yes", "unknown"), True),
        (("no", "Not Reported"), False),
        (("unknown", "[Not Available]", ""), None),
    ],
)
def test_yes_wins_over_no_over_unknown(answers: tuple[str, ...], expected: bool | None) -> None:
    table, findings = tidy(*(row(chemotherapy=answer) for answer in answers))
    assert (None if table["chemotherapy"].isna()[0] else table["chemotherapy"][0]) == expected
    assert counted(findings, "missing_value", "chemotherapy") == (expected is None)
    assert counted(findings, "treatment_yes_and_no", "chemotherapy") == ("yes" in answers)


def test_conflicts_take_the_initial_age_and_grade_and_no_sex() -> None:
    table, findings = tidy(
        row(age_years="52", grade="G4", sex="male"), row(age_years="50", grade="G3", sex="F")
    )
    assert (table["age_years"][0], table["grade"][0]) == (50.0, 3)
    assert table["sex"].isna()[0]
    assert [counted(findings, "conflicting_values", name) for name in ("age_years", "grade", "sex")] == [
        1,
        1,
        1,
    ]


def test_two_spellings_of_one_value_are_no_conflict() -> None:
    table, findings = tidy(row(sex="FEMALE", grade="G3"), row(sex="f", grade="Grade III"))
    assert (table["sex"][0], table["grade"][0]) == ("female", 3)
    assert "conflicting_values" not in set(findings["rule"])


def test_ids_are_joined_and_rows_without_one_are_counted() -> None:
    table, findings = tidy(
        row("tcga-du-5855"), row("TCGA-DU-5855-01A"), row("'--"), row(""), row("TCGA-DU-0001")
    )
    assert table["subject_id"].tolist() == ["TCGA-DU-0001", "TCGA-DU-5855"]
    assert counted(findings, "row_without_id") == 2
    assert counted(findings, "id_respelled") == 1


def test_texts_that_are_no_value_are_missing_and_counted() -> None:
    table, findings = tidy(
        row(age_years="forty", grade="High Grade", sex="x", days_to_death="soon", vital_status="Dead"),
        row("B", age_days="99999", grade="GX"),
    )
    assert table[["age_years", "grade", "sex"]].isna().all(axis=None)
    assert counted(findings, "unreadable_value", "grade") == 2
    assert counted(findings, "unreadable_value", "days_to_death") == 1
    assert counted(findings, "dead_without_date") == 1
    assert counted(findings, "age_out_of_range", "age_years") == 1


def test_findings_name_their_patients_and_say_what_was_done() -> None:
    _, findings = tidy(row("B", vital_status="Unknown"), row("A", vital_status="[Not Available]"))
    unknown = findings.set_index("rule").loc["vital_status_unknown"]
    assert unknown["subject_ids"] == "A;B"
    assert unknown["sentence"] == RULES["vital_status_unknown"]


TEXTS = st.fixed_dictionaries(
    {},
    optional={
        "vital_status": st.sampled_from(["Alive", "Dead", "Unknown"]),
        "days_to_death": st.sampled_from(["100", "900", "-1", "'--", "soon"]),
        "days_to_follow_up": st.sampled_from(["0", "700", "800.5", ""]),
        "chemotherapy": st.sampled_from(["yes", "no", "unknown"]),
        "sex": st.sampled_from(["male", "FEMALE", "NA"]),
        "grade": st.sampled_from(["G2", "G3", "not reported"]),
        "idh": st.sampled_from(["WT", "Mutant", "?"]),
    },
)
ROWS = st.lists(
    st.builds(lambda name, texts: row(name, **texts), st.sampled_from(["A", "a ", "B"]), TEXTS),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[SourceRow], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    table, findings = tidy(*rows)
    again, findings_again = tidy(*shuffled)
    pd.testing.assert_frame_equal(table, again)
    pd.testing.assert_frame_equal(findings, findings_again)
    assert table.dtypes.astype(str).tolist() == [
        "string" if kind == "string" else str(pd.api.types.pandas_dtype(kind))
        for kind in RECORD_DTYPES.values()
    ]
    assert (table["os_days"].isna() == table["death_observed"].isna()).all()
