import os

import pytest
from pydantic import ValidationError

from gliomics.compute import ComputeSettings, is_needed, map_cases
from gliomics.errors import ScanError
from worker_functions import fail_on_three, process_id, square

NEEDED = is_needed(str)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int):
    items = list(range(20))
    assert list(map_cases(square, items, ComputeSettings(workers=workers), on_lost=NEEDED)) == [
        i * i for i in items
    ]


def test_nothing_to_do_yields_nothing():
    assert list(map_cases(square, [], ComputeSettings(), on_lost=NEEDED)) == []


def test_two_workers_are_other_processes():
    assert os.getpid() not in set(
        map_cases(process_id, [1, 2, 3, 4], ComputeSettings(workers=2), on_lost=NEEDED)
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_named_error_keeps_its_facts_across_processes(workers: int):
    with pytest.raises(ScanError, match="case 3: a, got b") as caught:
        list(map_cases(fail_on_three, [1, 2, 3], ComputeSettings(workers=workers), on_lost=NEEDED))
    assert caught.value.code == "empty_image"


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="wrokers"):
        ComputeSettings.model_validate({"engine": "local", "wrokers": 2})
