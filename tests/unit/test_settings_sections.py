import pytest

from gliomics.cli.project import section
from gliomics.cohort.splits import FoldSettings
from gliomics.errors import SettingsError


def test_a_section_is_read_as_what_it_must_be():
    assert section({"ingestion": {"folds": {"repeats": 3}}}, "ingestion.folds", FoldSettings).repeats == 3


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"n_split": 5},
            r"parameters ingestion\.folds\.n_split: .* must be known .* got 5 \(Extra inputs",
        ),
        (
            {"repeats": 0},
            r"parameters ingestion\.folds\.repeats: .* its bounds, got 0 \(Input should be",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_place(values, said):
    with pytest.raises(SettingsError, match=said):
        section({"ingestion": {"folds": values}}, "ingestion.folds", FoldSettings)
