"""Functions that worker processes must be able to import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from gliomics.errors import ScanError
from gliomics.imaging.volume import Volume
from gliomics.lineage.case_store import CaseRecord, CaseStore
from gliomics.radiomics.extraction import extract_case
from gliomics.radiomics.settings import RadiomicsSettings


def square(number: int) -> int:
    return number * number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ScanError(code="empty_image", where="case 3", expected="a", got="b", fix="c.")
    return number


def process_id(_: int) -> int:
    return os.getpid()


def put_and_get(number: int, store: CaseStore, key: str) -> float:
    """Put a record of one number many times over; give the spread of what is then found."""
    store.put(key, CaseRecord({"x": np.full(1000, float(number))}))
    found = store.get(key)
    assert found is not None
    return float(np.ptp(found.arrays["x"]))


def extract_numbered(number: int, shape: tuple[int, int, int], options: RadiomicsSettings) -> bytes:
    """Extract a random case."""
    generator = np.random.default_rng(number)

    def volume(array: np.ndarray) -> Volume:
        return Volume(np.asfortranarray(array), np.eye(4), (1.0, 1.0, 1.0), "RAS")

    labels = (generator.random(shape) < 0.4).astype(np.uint8) * 4
    images = {m: volume(generator.integers(1, 900, shape).astype(np.int16)) for m in options.modalities}
    case = extract_case(str(number), images, volume(labels), options)
    return np.array(list(case.row.values())).tobytes()


class Judge:
    """Calls every column stable but the last two, and the first where a certain patient is seen."""

    def __init__(self, names, *, fewest=1, marked="nobody"):
        self.names, self.fewest, self.marked = names, fewest, marked

    def __call__(self, subjects):
        if len(set(subjects)) < self.fewest:
            return None
        return frozenset(self.names[(1 if self.marked in subjects else 0) : -2])


def promote_at_once(store: str, ledger: str, version: str, barrier, results) -> None:
    """Promote a version of gliomics-demo, which has no champion, together with others at the barrier."""
    from pathlib import Path

    from mlflow import MlflowClient

    from gliomics.errors import RegistryError
    from gliomics.registry.ledger import Ledger, LedgerEntry
    from gliomics.registry.versions import CHAMPION, Registry

    registry = Registry(Ledger(Path(ledger)), MlflowClient(f"sqlite:///{store}/mlflow.db"))
    registry.version_of("gliomics-demo", CHAMPION)
    barrier.wait()
    try:
        registry.move_champion(LedgerEntry("promote", "gliomics-demo", None, version, "passed"))
        results.put("promoted")
    except RegistryError as error:
        results.put(str(error))


def scaled(number: int, big: np.ndarray) -> tuple[float, int, int]:
    """Use what all items share; say which copy in which process."""
    return float(big[number]), os.getpid(), id(big)


def slow_at_first(number: int) -> int:
    """Let the first items be done last."""
    time.sleep(0.3 if number < 2 else 0.0)
    return number


def kill_once(number: int, marker: Path) -> int:
    """End the worker at number 5, the first time only."""
    if number == 5 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def threads(_: int) -> tuple[int, ...]:
    """Numbers of threads of the BLAS libraries, and of torch."""
    import torch
    from threadpoolctl import threadpool_info

    return (*{int(library["num_threads"]) for library in threadpool_info()}, torch.get_num_threads())


class DeadlyPath(type(Path())):
    """A path whose files of CASE-1 end every process that reads them, as a damaged file can in a library."""

    def read_bytes(self) -> bytes:
        if self.name.startswith("CASE-1_"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read_bytes()
