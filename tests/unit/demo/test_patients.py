from collections import Counter

import pytest

from gliomics.demo.patients import make_patients
from gliomics.demo.settings import DemoSettings
from gliomics.demo.survival import CUTOFF_DAYS


# In 180, 329, 486 and 542 a time falls so close to the cut-off, or a death to the last contact, that rounding
# it after the quotas were met moved the patient into another class.
@pytest.mark.parametrize("seed", [0, 1, 2, 180, 329, 486, 542])
def test_quotas_hold_in_the_whole_days_that_the_records_carry(seed: int):
    people = make_patients(DemoSettings(seed=seed))
    recorded = Counter(_class(p.survival_days, p.follow_up_days) for p in people)
    assert recorded == {"short": 16, "long": 19, "censored": 5}


def test_ids_stay_apart_and_say_synthetic_beyond_99_patients():
    ids = [p.subject_id for p in make_patients(DemoSettings(patients=1200))]
    assert len(set(ids)) == 1200
    assert all(len(i) == len("TCGA-Z1-SY01") and i[8:10] == "SY" for i in ids)
    assert len({i[5:7] for i in ids}) == 3


def _class(survival_days: int, follow_up_days: int) -> str:
    if min(survival_days, follow_up_days) >= CUTOFF_DAYS:
        return "long"
    return "short" if survival_days <= follow_up_days else "censored"
