"""Running the compiled pipeline on this machine with KFP's own runner, offline."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gliomics.errors import StageRunError
from gliomics.operations.kubeflow.components import import_kfp
from gliomics.operations.kubeflow.pipeline import build_pipeline
from gliomics.versioning.project import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gliomics.operations.kubeflow.plan import PipelinePlan

LOCAL_IMAGE = "python"
"""The runner takes this environment's Python whatever the image is, but warns of an image without Python."""


def run_pipeline(plan: PipelinePlan, folder: Path, *, cache: bool) -> None:
    """Run every stage as a component in a process of its own.

    Parameters
    ----------
    plan : PipelinePlan
        Its tasks; its data version is known.
    folder : Path
        The project.
    cache : bool
        Whether stages with equal inputs are taken from earlier runs with a cache, which are kept in
        ``.gliomics/kubeflow``.

    Raises
    ------
    StageRunError
        If a stage fails; what it said has been printed.
    """
    local = import_kfp().local
    with _root(folder, kept=cache) as root, tempfile.TemporaryDirectory() as scratch:
        local.init(
            runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root), enable_caching=cache
        )
        pipeline = build_pipeline(plan, LOCAL_IMAGE, str(folder), Path(scratch))
        try:
            pipeline()
        except RuntimeError as error:
            raise StageRunError(
                where="gliomics kubeflow run",
                expected="every stage must succeed",
                got=str(error),
                fix="The stage's own message stands above; stages after it were not run.",
            ) from error


@contextmanager
def _root(folder: Path, *, kept: bool) -> Iterator[Path]:
    """Give the folder of the run's artifacts, which only a cache needs afterwards."""
    root = folder / OWN_FOLDER / "kubeflow"
    root.mkdir(parents=True, exist_ok=True)
    if kept:
        yield root
        return
    once = Path(tempfile.mkdtemp(dir=root, prefix="once-"))
    try:
        yield once
    finally:
        shutil.rmtree(once)
