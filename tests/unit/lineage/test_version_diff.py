import pandas as pd

from gliomics.lineage.version_diff import LabelChange, compare_data


def table(**labels):
    return pd.DataFrame(
        {"subject_id": list(labels), "benefit": pd.array(list(labels.values()), dtype="Int64")}
    )


def test_patients_files_and_labels_are_told_apart():
    found = compare_data(
        files=(
            {"images/A/t1": "1", "images/B/t1": "2", "clinical/x.csv": "3"},
            {"images/A/t1": "9", "images/C/t1": "2", "clinical/x.csv": "4"},
        ),
        tables=(table(A=1, B=0, D=1), table(A=1, C=0, D=None)),
        scan_folders=["images"],
    )
    assert (found.patients_added, found.patients_removed) == (["C"], ["B"])
    assert found.patients_changed == ["A", "D"]
    assert found.files_added == ["images/C/t1"]
    assert found.files_removed == ["images/B/t1"]
    assert found.files_changed == ["clinical/x.csv", "images/A/t1"]
    assert found.labels_changed == [LabelChange("D", "long", "none")]


def test_a_file_less_is_a_changed_patient_not_a_lost_one():
    found = compare_data(
        files=({"images/A/t1": "1", "images/A/t2": "1"}, {"images/A/t1": "1"}),
        tables=(None, None),
        scan_folders=["images"],
    )
    assert (found.patients_removed, found.patients_changed) == ([], ["A"])
    assert found.labels_changed is None, "without ingestion nobody knows the labels"


def test_equal_states_do_not_differ():
    found = compare_data(
        files=({"images/A/t1": "1"}, {"images/A/t1": "1"}),
        tables=(table(A=1, B=None), table(A=1, B=None)),
        scan_folders=["images"],
    )
    assert not any(vars(found).values())
