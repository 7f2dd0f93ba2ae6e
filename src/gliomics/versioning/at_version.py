"""DVC on one data version alone: a folder that holds only its lists, over the project's own cache."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from configobj import ConfigObj

from gliomics.lineage.durable_files import write_whole
from gliomics.versioning.commands import run_dvc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.versioning.project import CohortProject


def run_dvc_at(project: CohortProject, texts: Mapping[str, str], *arguments: str, url: str | None) -> str:
    """Run a DVC command that asks or fills the cache, as if a version were checked out.

    DVC itself knows the working folder, or all tags together: objects that another version has lost, or that
    another cohort needs, would count.

    Parameters
    ----------
    project : CohortProject
        Whose remote and cache.
    texts : mapping of str to str
        dvc.yaml, dvc.lock and the .dvc file as the version has them, by their path.
    *arguments : str
        Of the command, without ``--remote``.
    url : str or None
        Whole path of a remote that is a folder; None for another.

    Returns
    -------
    str
        What it printed.
    """
    with tempfile.TemporaryDirectory(prefix="gliomics-version-") as scratch:
        folder = Path(scratch) / "version"
        for name, text in texts.items():
            write_whole(folder / name, text.encode())
        config = _config(project, url)
        (folder / ".dvc").mkdir()
        (folder / ".dvc" / "config").touch(mode=0o600)  # what a person has written into config.local
        with (folder / ".dvc" / "config").open("wb") as file:
            config.write(file)
        return run_dvc(
            folder, *arguments, "--remote", project.remote, shared=project.shared, site=Path(scratch) / "site"
        )


def _config(project: CohortProject, url: str | None) -> ConfigObj:
    """Merge the project's settings of DVC, with what is relative to its folder made whole."""
    config = ConfigObj()
    for name in ("config", "config.local"):
        file = project.folder / ".dvc" / name
        if file.is_file():
            config.merge(ConfigObj(str(file), encoding="utf-8"))
    config.setdefault("core", {})["no_scm"] = "true"
    config.setdefault("cache", {})["dir"] = str(project.cache.folder.resolve())
    if url is not None:
        config.setdefault(f'remote "{project.remote}"', {})["url"] = url
    return config
