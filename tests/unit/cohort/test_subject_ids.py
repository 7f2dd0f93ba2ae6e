from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliomics.cohort.subject_ids import normalise_subject_id


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("TCGA-DU-5855", "TCGA-DU-5855"),
        (" tcga-du-5855\n", "TCGA-DU-5855"),
        ("TCGA-DU-5855-01A-11R", "TCGA-DU-5855"),
        ("tcga_du_5855", "TCGA-DU-5855"),
        ("TCGA-DU-5855_1995.05.16_flair", "TCGA-DU-5855"),
        ("TCGA-DU-58555", "TCGA-DU-58555"),
        ("BraTS19_TCIA_1", "BRATS19_TCIA_1"),
        ("", ""),
    ],
)
def test_known_spellings(raw: str, expected: str) -> None:
    assert normalise_subject_id(raw) == expected


@given(st.text() | st.from_regex(r"(TCGA|tcga)[-_][A-Za-z0-9]{2}[-_][A-Za-z0-9]{4}([-_].*)?", fullmatch=True))
def test_normalising_twice_changes_nothing(raw: str) -> None:
    once = normalise_subject_id(raw)
    assert normalise_subject_id(once) == once
