"""Files and folders are replaced as a whole, or stay as they were."""

import pytest

from gliomics.lineage.durable_files import remove_scratch, replaced, write_private, write_whole


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_file_takes_the_place_of_another(tmp_path):
    write_whole(tmp_path / "deep" / "file", b"old")
    write_whole(tmp_path / "deep" / "file", b"new")
    assert names(tmp_path) == ["deep", "deep/file"]
    assert (tmp_path / "deep" / "file").read_bytes() == b"new"


def test_of_a_folder_nothing_old_stays(tmp_path):
    for name in ("old", "new"):
        with replaced(tmp_path / "maps") as fresh:
            (fresh / "case").mkdir(parents=True)
            (fresh / "case" / name).write_text(name)
    assert names(tmp_path) == ["maps", "maps/case", "maps/case/new"]


@pytest.mark.parametrize("old", ["file", "folder"])
def test_a_writer_that_fails_changes_nothing(tmp_path, old):
    target = tmp_path / "target"
    if old == "file":
        target.write_text("old")
    else:
        target.mkdir()
        (target / "old").touch()
    before = names(tmp_path)

    def fail():
        with replaced(target) as fresh:
            fresh.mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == before


def test_secrets_are_for_this_account_alone(tmp_path):
    path = tmp_path / "passwords.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_private(path, "secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "secret"


def test_what_a_killed_writer_left_goes_and_the_target_stays(tmp_path):
    target = tmp_path / "maps"
    target.mkdir()
    (tmp_path / ".maps-x1" / "maps").mkdir(parents=True)
    remove_scratch(target)
    assert names(tmp_path) == ["maps"]
