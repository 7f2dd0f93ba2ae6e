from pathlib import Path

import pytest

from gliomics.lineage.source_imports import imported_parts

FILES = {
    "__init__.py": "from pkg.version import V\n",
    "version.py": "V = 1\n",
    "stage/__init__.py": "",
    "stage/nodes.py": "from typing import TYPE_CHECKING\nfrom pkg.near import work\nif TYPE_CHECKING:\n"
    "    from pkg.types_only import T\n",
    "near/__init__.py": "",
    "near/work.py": "def go():\n    from pkg import late\n    import pkg.named.inner\n",
    "late.py": "import pkg.far.deep\n",
    "far/__init__.py": "",
    "far/deep.py": "",
    "named/__init__.py": "",
    "named/inner.py": "",
    "types_only.py": "T = int\n",
    "stranger.py": "import os\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "pkg" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "pkg"


def test_imports_are_followed_to_the_end_late_ones_too(package):
    found = imported_parts(package, [package / "stage" / "nodes.py"])
    assert found == ["far", "late.py", "named", "near", "stage", "version.py"]


def test_what_is_imported_for_type_checkers_only_or_not_at_all_does_not_count(package):
    found = imported_parts(package, [package / "stage" / "nodes.py"])
    assert not {"types_only.py", "stranger.py"} & set(found)


def test_a_submodule_brings_its_package_along(package):
    (package / "stage" / "nodes.py").write_text("import pkg.far.deep\n")
    assert imported_parts(package, [package / "stage" / "nodes.py"]) == ["far", "stage", "version.py"]
