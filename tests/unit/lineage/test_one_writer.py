"""Two runs of one cohort never mix: the second is refused and told who holds the lock."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gliomics.errors import DataVersionError
from gliomics.lineage import locks

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from gliomics.lineage.locks import acquire
acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_process_is_told_who_holds_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_S", 0.1)
    path = tmp_path / "cohort-demo.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataVersionError, match=f"process {holder.pid}, which has used it since 20"):
            locks.acquire(path)
        holder.kill()
    with locks.file_lock(path):
        pass  # the lock went with its process
