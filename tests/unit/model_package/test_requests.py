"""What a served model may be asked, and where it may read."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from gliomics.errors import ServingError
from gliomics.imaging.settings import ImageSettings
from gliomics.model_package.case_features import CaseMeasurer, ScanRecipe
from gliomics.model_package.requests import CASE_ROOT, allowed_folder, answer

MODEL = SimpleNamespace(card={"arm": "fusion", "columns": ["age_years", "t1__et__firstorder_Mean"]})
MEASURER = object()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for place in ("root/case/scan.nii", "outside/secret/scan.nii"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_bytes(b"")
    return tmp_path / "root"


def test_a_case_below_the_root_is_found_by_relative_and_by_whole_path(root: Path):
    assert allowed_folder("case", str(root)) == allowed_folder(str(root / "case"), str(root)) == root / "case"


def test_a_link_to_a_case_below_the_root_is_followed(root: Path):
    (root / "alias").symlink_to(root / "case")
    assert allowed_folder("alias", str(root)) == root / "case"


def test_nothing_outside_the_root_is_read_whatever_way_it_is_named(root: Path):
    outside = root.parent / "outside"
    (root / "link").symlink_to(outside / "secret")
    (root / "mixed").mkdir()
    (root / "mixed" / "scan.nii").symlink_to(outside / "secret" / "scan.nii")
    (root.parent / "root_twin").mkdir()
    for asked in (
        "link",
        "mixed",
        "../outside/secret",
        str(outside / "secret"),
        ".",
        "absent",
        "../root_twin",
        "case/scan.nii",
    ):
        with pytest.raises(ServingError, match=f"a case folder below {CASE_ROOT}, links resolved"):
            allowed_folder(asked, str(root))


@pytest.mark.parametrize("unset", [None, "", "/nowhere/at/all"])
def test_without_a_root_no_case_is_read(unset):
    with pytest.raises(ServingError, match=f"{CASE_ROOT} must name the folder"):
        allowed_folder("case", unset)


@pytest.mark.parametrize(
    ("row", "got"),
    [
        ({"case_dir": "case", "t1__et__firstorder_Mean": 1.0}, "both"),
        ({"case_dir": None, "t1__et__firstorder_Mean": None}, "neither"),
        ({"case_dir": " ", "age_years": 50.0}, "neither"),
    ],
)
def test_a_row_gives_exactly_one_kind_of_input(row, got, root: Path):
    with pytest.raises(ServingError, match=rf"row 0: either features or case_dir, exactly one.*got {got}"):
        answer(MODEL, MEASURER, pd.DataFrame([row]), str(root))


def test_age_may_stand_beside_a_case_but_the_root_is_still_asked_for():
    with pytest.raises(ServingError, match=CASE_ROOT):
        answer(MODEL, MEASURER, pd.DataFrame([{"case_dir": "case", "age_years": 50.0}]), None)


def test_an_arm_without_scans_takes_no_case(root: Path):
    with pytest.raises(ServingError, match="the fusion arm of this cohort takes no scans"):
        answer(MODEL, None, pd.DataFrame([{"case_dir": "case"}]), str(root))


def test_requests_in_several_threads_take_turns_at_the_store(tmp_path: Path):
    measurer = CaseMeasurer(
        ScanRecipe(images=ImageSettings(), radiomics=None, networks=None, seed=1), tmp_path
    )
    entered = threading.Event()

    def second() -> None:
        with measurer._store():
            entered.set()

    with measurer._store() as store:
        record = store.folder / "ab" / "record"
        record.parent.mkdir()
        record.write_bytes(b"of the first")
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.2)
        assert record.is_file()
    other.join(5)
    assert entered.is_set()
    assert not record.exists()
    measurer._scratch.cleanup()
