"""Which network is trained on whom: one for every permutation, repeat, fold and sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gliomics.cohort.permutations import permutation_orders
from gliomics.errors import LeakageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from gliomics.networks.settings import Cnn3dSettings, Sampling

MIN_PER_CLASS = 2
"""Training patients of the smaller class below which no network is trained."""


@dataclass(frozen=True)
class NetworkTask:
    """One network to be trained.

    Attributes
    ----------
    sampling : str
        What it is shown.
    permutation : int
        0 = observed labels.
    repeat, fold : int or None
        Both none for the final network.
    train_subjects : tuple of str
        Whose images it is trained on, sorted.
    labels : tuple of int
        Their labels, in the same order.
    test_subjects : frozenset of str
        Whose images stand in the fold; empty for the final network.
    """

    sampling: Sampling
    permutation: int
    repeat: int | None
    fold: int | None
    train_subjects: tuple[str, ...]
    labels: tuple[int, ...]
    test_subjects: frozenset[str]

    @property
    def name(self) -> str:
        """For messages."""
        if self.repeat is None:
            return f"{self.sampling}, final network"
        return f"{self.sampling}, permutation {self.permutation}, repeat {self.repeat}, fold {self.fold}"

    @property
    def minority(self) -> int:
        """Training patients of the smaller class."""
        return min(sum(self.labels), len(self.labels) - sum(self.labels))


@dataclass(frozen=True)
class FoldDesign:
    """Patients, labels and folds that networks are trained by.

    Attributes
    ----------
    labels : mapping of str to int
        Labelled patients of the primary population, sorted by id.
    folds : mapping of int to mapping of str to int
        For each repeat the fold of every eligible patient.
    usable : frozenset of str
        Patients with crops.
    orders : ndarray of int, shape (B, number of labelled patients)
        Entry (b, i): whose images stand at the label and fold of patient i in permutation b + 1.
    """

    labels: Mapping[str, int]
    folds: Mapping[int, Mapping[str, int]]
    usable: frozenset[str]
    orders: NDArray[np.intp]

    def places(self, permutation: int, repeat: int) -> dict[str, int]:
        """Give the fold that each patient's images stand in.

        Parameters
        ----------
        permutation : int
            0 = observed.
        repeat : int
            Of the folds table.

        Returns
        -------
        dict of str to int
            Usable eligible patients only, sorted. Unlabelled patients, and those of other populations, keep
            their own fold under permutation.
        """
        own = self.folds[repeat]
        places = dict(own)
        for pair, image in self._pairs(permutation):
            places[image] = own[pair]
        return {subject: places[subject] for subject in sorted(places) if subject in self.usable}

    def task(self, sampling: Sampling, permutation: int, repeat: int, fold: int) -> NetworkTask:
        """Say on whom the network of a fold is trained.

        Raises
        ------
        LeakageError
            If a patient of the fold were among them.
        """
        own, places = self.folds[repeat], self.places(permutation, repeat)
        train = sorted(
            (image, self.labels[pair])
            for pair, image in self._pairs(permutation)
            if own[pair] != fold and image in self.usable
        )
        test = frozenset(subject for subject, place in places.items() if place == fold)
        task = NetworkTask(
            sampling,
            permutation,
            repeat,
            fold,
            tuple(image for image, _ in train),
            tuple(label for _, label in train),
            test,
        )
        seen = test.intersection(task.train_subjects)
        if seen:
            raise LeakageError(
                where=f"cnn3d ({task.name})",
                expected="no patient of the fold may train its network",
                got=f"{len(seen)}, first {min(seen)}",
                fix="Report this: the plan of the folds is wrong.",
            )
        return task

    def final_task(self, sampling: Sampling) -> NetworkTask:
        """Say on whom the final network is trained: every labelled patient with crops."""
        train = [(subject, label) for subject, label in self.labels.items() if subject in self.usable]
        return NetworkTask(
            sampling, 0, None, None, tuple(s for s, _ in train), tuple(y for _, y in train), frozenset()
        )

    def _pairs(self, permutation: int) -> list[tuple[str, str]]:
        """Patient of the label and fold, and patient of the images."""
        subjects = list(self.labels)
        if permutation == 0:
            return list(zip(subjects, subjects, strict=True))
        return [
            (pair, subjects[row]) for pair, row in zip(subjects, self.orders[permutation - 1], strict=True)
        ]


def design_folds(
    patients: pd.DataFrame, folds: pd.DataFrame, usable: Sequence[str], settings: Cnn3dSettings, seed: int
) -> FoldDesign:
    """Gather patients, labels, folds and permutations.

    Parameters
    ----------
    patients : DataFrame
        The labelled patients of the primary population: ``subject_id`` and ``benefit``.
    folds : DataFrame
        ``subject_id``, ``repeat``, ``fold``.
    usable : sequence of str
        Patients with crops.
    settings : Cnn3dSettings
        How many permutations.
    seed : int
        The run's seed; the permutations are those of the control of every arm.

    Returns
    -------
    FoldDesign
        Labels sorted by patient.
    """
    table = patients.sort_values("subject_id")
    labels = {
        str(subject): int(label) for subject, label in zip(table["subject_id"], table["benefit"], strict=True)
    }
    n = settings.permutation_control.n
    orders = np.empty((0, len(labels)), dtype=np.intp)
    if n and labels:
        orders = permutation_orders(len(labels), n, seed)
    by_repeat = {
        int(str(repeat)): dict(zip(rows["subject_id"], rows["fold"].astype(int), strict=True))
        for repeat, rows in folds.groupby("repeat")
    }
    return FoldDesign(labels, by_repeat, frozenset(usable), orders)


def plan_networks(
    design: FoldDesign, samplings: Sequence[Sampling], settings: Cnn3dSettings
) -> list[NetworkTask]:
    """List every network that is to be trained.

    Parameters
    ----------
    design : FoldDesign
        Patients and folds.
    samplings : sequence of str
        One set of networks each.
    settings : Cnn3dSettings
        For which repeats and permutations.

    Returns
    -------
    list of NetworkTask
        Observed labels, then permutations, then the final networks.
    """
    repeats = sorted(design.folds)[: settings.repeats]
    control = repeats[: settings.permutation_control.repeats]
    places = [(0, repeat) for repeat in repeats]
    places += [(b + 1, repeat) for b in range(len(design.orders)) for repeat in control]
    tasks = [
        design.task(sampling, permutation, repeat, fold)
        for permutation, repeat in places
        for fold in sorted(set(design.folds[repeat].values()))
        for sampling in samplings
    ]
    return [*tasks, *(design.final_task(sampling) for sampling in samplings)]


def untrainable(tasks: Sequence[NetworkTask]) -> str | None:
    """Say why networks cannot be trained in folds, or None if they can.

    Parameters
    ----------
    tasks : sequence of NetworkTask
        All of them.

    Returns
    -------
    str or None
        Names the first network that has too few training patients of a class.
    """
    for task in tasks:
        if task.minority < MIN_PER_CLASS:
            n_long = sum(task.labels)
            return (
                f"{task.name} would have {n_long} long and {len(task.labels) - n_long} short survivors with "
                f"usable scans to train on, at least {MIN_PER_CLASS} of each are needed"
            )
    return None
