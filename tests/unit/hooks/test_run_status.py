"""With what status an MLflow run is left when its process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import mlflow
import pytest

if TYPE_CHECKING:
    from pathlib import Path

# As kedro-mlflow does: the run is activated again at every node, and ended once.
PROCESS = """
import atexit, sys
import mlflow
from gliomics.hooks.run_record import _end_as_killed, _exit_on_sigterm
mlflow.set_tracking_uri(sys.argv[1])
run = mlflow.start_run()
atexit.register(_end_as_killed)
_exit_on_sigterm()
for _ in range(3):
    mlflow.start_run(run_id=run.info.run_id, nested=True)
if sys.argv[2] == "terminated":
    import os, signal
    os.kill(os.getpid(), signal.SIGTERM)
elif sys.argv[2] != "interrupted":
    mlflow.end_run(sys.argv[2])
"""


@pytest.mark.parametrize(
    ("ended", "status"),
    [("FINISHED", "FINISHED"), ("FAILED", "FAILED"), ("interrupted", "KILLED"), ("terminated", "KILLED")],
)
def test_a_run_keeps_the_status_that_it_ended_with(tmp_path: Path, ended: str, status: str) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    own = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    command = [sys.executable, "-c", PROCESS, store, ended]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=own)
    assert done.returncode == (143 if ended == "terminated" else 0)
    (run,) = mlflow.MlflowClient(tracking_uri=store).search_runs(["0"])
    assert run.info.status == status
