"""The chain behind a model, from what its run was tagged with back to the patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from gliomics.cohort.populations import labelled, population
from gliomics.errors import DataVersionError
from gliomics.lineage.run_facts import (
    CODE_HASH,
    ENVIRONMENT_HASH,
    FEATURES_HASH,
    GIT_COMMIT,
    RAW_HASH,
    SETTINGS_HASH,
    UNKNOWN,
    WEIGHTS_HASH,
    code_hash,
    environment_hash,
    settings_hash,
    unclean,
)
from gliomics.versioning.commands import ask_git
from gliomics.versioning.comparison import cohort_table
from gliomics.versioning.data_versions import list_versions, missing_from_remote, tracked_by
from gliomics.versioning.project import sha256_memory
from gliomics.versioning.stages import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gliomics.versioning.data_versions import DataVersion
    from gliomics.versioning.project import CohortProject

SHORT = 12
HERE = "as it is here now"


@dataclass(frozen=True)
class Link:
    """One link of the chain.

    Attributes
    ----------
    what, value : str
        What it is, and which (a hash, shortened, or a count).
    places : tuple of str
        Where it is found; empty when it cannot be found any more.
    lost : str
        What that means, for a link without a place.
    """

    what: str
    value: str
    places: tuple[str, ...] = ()
    lost: str = ""

    @property
    def found(self) -> bool:
        """Whether it can still be found."""
        return bool(self.places)


def follow_chain(project: CohortProject, tags: Mapping[str, str]) -> list[Link]:
    """Follow a run back to its patients.

    Parameters
    ----------
    project : CohortProject
        Of the run's cohort.
    tags : mapping of str to str
        Of the run or the model version.

    Returns
    -------
    list of Link
        Code, settings, libraries, weights, features, raw data, patients.
    """
    versions = list_versions(project.folder, project.cohort)
    raw, features = tags.get(RAW_HASH, UNKNOWN), tags.get(FEATURES_HASH, UNKNOWN)
    holding = [v for v in versions if v.raw_hash == raw and v.features_hash == features]
    memory = sha256_memory(project.folder)
    raw_folder = project.folder / project.raw
    raw_here = raw_folder.is_dir() and memory.of_path(raw_folder) == raw
    features_here = project.features_hash(memory) == features
    memory.keep()
    return [
        _code(project, tags),
        _same_now("settings", tags.get(SETTINGS_HASH, UNKNOWN), settings_hash(project.parameters), holding),
        _libraries(tags.get(ENVIRONMENT_HASH, UNKNOWN)),
        Link("weights", _short(tags.get(WEIGHTS_HASH, UNKNOWN)), (_weights_place(tags),)),
        _data(
            project,
            "features",
            features,
            [v for v in versions if v.features_hash == features],
            here=features_here,
        ),
        _data(project, "raw data", raw, [v for v in versions if v.raw_hash == raw], here=raw_here),
        _patients(project, holding, here=features_here),
    ]


def _code(project: CohortProject, tags: Mapping[str, str]) -> Link:
    commit = tags.get(GIT_COMMIT, UNKNOWN)
    if tags.get(CODE_HASH) == code_hash(project.folder / PACKAGE):
        return Link("code", _short(commit), (HERE,))
    dirty = unclean(tags)
    if dirty:
        return Link("code", _short(commit), lost=f"it was never committed: {', '.join(dirty)}")
    if ask_git(project.folder, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        return Link("code", _short(commit), lost="the commit is not in this repository")
    return Link("code", _short(commit), (f"git checkout {commit[:10]}",))


def _same_now(what: str, then: str, now: str, versions: list[DataVersion]) -> Link:
    places = [HERE] if then == now else []
    places += [f"conf at {v.tag}" for v in versions if v.settings_hash == then and not v.uncommitted]
    return Link(
        what, _short(then), tuple(places), "other values than conf holds now; see the run's parameters"
    )


def _libraries(then: str) -> Link:
    places = (HERE,) if then == environment_hash() else ()
    return Link("libraries", _short(then), places, "other versions than are installed; see constraints.txt")


def _weights_place(tags: Mapping[str, str]) -> str:
    found = tags.get(WEIGHTS_HASH, UNKNOWN)
    return "named by its sha256 in the settings" if len(found) == 64 else "no checkpoint is needed"


def _data(project: CohortProject, what: str, found: str, versions: list[DataVersion], *, here: bool) -> Link:
    places = ["on the disk"] if here else []
    for version in versions:
        gone = project.cache.absent(tracked_by(project.folder, version))
        if not gone:
            places.append(version.tag)
        elif not missing_from_remote(project, version):
            places.append(f"{version.tag} (in the remote)")
    lost = "no data version holds it" if not versions else f"{versions[-1].tag} has lost objects"
    return Link(what, _short(found), tuple(places), lost)


def _patients(project: CohortProject, versions: list[DataVersion], *, here: bool) -> Link:
    table = None
    place = str(project.catalog["cohort"]["filepath"])
    try:
        if here:
            table = pd.read_parquet(project.folder / place)
        elif versions:
            table, place = cohort_table(project, versions[-1]), versions[-1].tag
    except DataVersionError:
        table = None
    if table is None:
        return Link("patients", UNKNOWN, lost="the cohort table is neither on the disk nor in a data version")
    primary = project.parameters["cohort_settings"]["primary_population"]
    people = sorted(map(str, labelled(population(table, primary))["subject_id"]))
    return Link("patients", f"{len(people)} labelled, {primary}: {', '.join(people)}", (place,))


def _short(text: str) -> str:
    return text[:SHORT] if len(text) > SHORT and " " not in text else text
