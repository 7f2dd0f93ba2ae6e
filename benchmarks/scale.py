"""What a case costs on Dask beside the same work on local processes, and what the scheduler bears.

    python benchmarks/scale.py [--real 10] [--light 100 1000] [--no-op 1000 10000] [--workers 2]

The Dask cluster is a scheduler and workers in processes of their own on loopback, so that memory and
processor time of each part can be told apart. Real-size cases are copies of the real patient where there is
one (`measuring.prepare_case`): their features are measured and their crops cut, by the functions of the
stages. Light cases are volumes of 24 x 24 x 24 that are checked as in ingestion. No-op cases do nothing: what
they take is the engine's own. Both engines work on the same cases in one run, one after the other. The last
line has all no-op cases with the scheduler at once: what it holds for each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from distributed import Client
from distributed.protocol import serialize_bytes
from feature_engineering import copy_case
from measuring import MIB, prepare_case
from scale_work import check, do_nothing, measurer, process_number, write_light_case

from gliomics.compute import ComputeSettings, close_cluster, fresh_workers, is_needed, map_cases
from gliomics.imaging.case_scans import list_cases
from gliomics.imaging.manifest import inspect_scans
from gliomics.imaging.settings import ImageSettings
from gliomics.radiomics.settings import RadiomicsSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WARM_UP = 8
SAMPLE_EVERY_S = 0.5
"""Reading memory takes some milliseconds of processor time."""
RUN = "run"


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock; by part, processor seconds and peak MiB (of the largest worker)."""

    seconds: float
    cpu_s: dict[str, float]
    peak_mib: dict[str, float]


class LoopbackCluster:
    """A scheduler and workers on loopback, in processes of their own."""

    def __init__(self, folder: Path, workers: int) -> None:
        contact = folder / "scheduler.json"
        both = ["--scheduler-file", str(contact), "--host", "127.0.0.1", "--no-dashboard"]
        self._processes = [
            _start("scheduler", *both, "--port", "0"),
            _start("worker", *both, "--nworkers", str(workers), "--nthreads", "1", "--memory-limit", "0"),
        ]
        with Client(scheduler_file=str(contact), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)
            self.address = client.scheduler.address
            numbers = client.run(process_number).values()
        self.parts = {
            "scheduler": [psutil.Process(self._processes[0].pid)],
            "workers": [psutil.Process(number) for number in numbers],
            RUN: [psutil.Process()],
        }

    def stop(self) -> None:
        """Let go of it, then end it."""
        close_cluster()
        for process in reversed(self._processes):
            process.terminate()
            process.wait(timeout=60)


def _start(kind: str, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@dataclass(frozen=True)
class Bench:
    """Both engines, with as many workers each."""

    cluster: LoopbackCluster
    workers: int

    def compare(
        self,
        label: str,
        function: Callable[[str], Callable[[Any], Any]],
        cases: Sequence[Any],
        **settings: int,
    ) -> None:
        """Time the same cases on both engines; `function` is made for each, with a store of its own."""
        local, results = self._run(function("local"), cases, ComputeSettings(workers=self.workers))
        dask = ComputeSettings(engine="dask", scheduler=self.cluster.address, **settings)
        cost, others = self._run(function("dask"), cases, dask)
        if repr(results) != repr(others):
            raise SystemExit(f"{label}: the engines differ")
        n = len(cases)
        there, back = (np.mean([len(serialize_bytes(one)) for one in some[:50]]) for some in (cases, others))
        processor = ", ".join(f"{name} {1e3 * spent / n:.2f}" for name, spent in cost.cpu_s.items())
        memory = ", ".join(f"{name} {peak:.0f}" for name, peak in cost.peak_mib.items())
        print(
            f"{label} {n}: local {local.seconds:.2f} s, dask {cost.seconds:.2f} s, "
            f"{1e3 * (cost.seconds - local.seconds) / n:+.2f} ms a case\n"
            f"    dask, processor ms a case: {processor}; peak MiB: {memory}; bytes a case: "
            f"{there:.0f} there, {back:.0f} back",
            flush=True,
        )

    def _run(
        self, function: Callable[[Any], Any], cases: Sequence[Any], settings: ComputeSettings
    ) -> tuple[Cost, list[Any]]:
        list(map_cases(do_nothing, range(WARM_UP), settings, on_lost=is_needed(str)))
        before = self._cpu_s()
        peaks, over = dict.fromkeys(self.cluster.parts, 0.0), threading.Event()
        sampler = threading.Thread(target=self._sample, args=(peaks, over))
        sampler.start()
        start = time.perf_counter()
        results = list(map_cases(function, cases, settings, on_lost=is_needed(str)))
        seconds = time.perf_counter() - start
        over.set()
        sampler.join()
        spent = {name: now - before[name] for name, now in self._cpu_s().items()}
        fresh_workers()
        return Cost(seconds, spent, peaks), results

    def _cpu_s(self) -> dict[str, float]:
        return {
            name: sum(sum(process.cpu_times()[:2]) for process in processes)
            for name, processes in self.cluster.parts.items()
        }

    def _sample(self, peaks: dict[str, float], over: threading.Event) -> None:
        while not over.wait(SAMPLE_EVERY_S):
            for name, processes in self.cluster.parts.items():
                largest = max(process.memory_full_info().pss for process in processes) / MIB
                peaks[name] = max(peaks[name], largest)


def main() -> None:
    """Parse the command line and run every size on both engines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--real", type=int, nargs="*", default=[10], help="numbers of real-size cases")
    parser.add_argument("--light", type=int, nargs="*", default=[100, 1000], help="of light cases")
    parser.add_argument("--no-op", type=int, nargs="*", default=[1000, 10_000], help="of cases without work")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cluster = LoopbackCluster(folder, given.workers)
        try:
            bench = Bench(cluster, given.workers)
            for cases in given.no_op:
                bench.compare("no-op", lambda _: do_nothing, range(cases))
            for cases in given.light:
                light(bench, folder / f"light{cases}", cases)
            for cases in given.real:
                real(bench, folder / f"real{cases}", cases)
            if given.no_op:
                most = max(given.no_op)
                bench.compare("no-op, all at once", lambda _: do_nothing, range(most), in_flight=most)
        finally:
            cluster.stop()


def light(bench: Bench, folder: Path, cases: int) -> None:
    """Check light cases."""
    for number in range(cases):
        write_light_case(folder / "images", number)
    work = partial(check, raw_dir=folder)
    bench.compare("light", lambda _: work, sorted((folder / "images").iterdir()))


def real(bench: Bench, folder: Path, cases: int) -> None:
    """Measure and cut real-size cases; say what a case takes on the disk."""
    folder.mkdir()
    source = prepare_case(folder / "source", RadiomicsSettings())
    raw = folder / "raw"
    for number in range(cases):
        copy_case(source, raw / "images", number)
    found = inspect_scans(raw / "images", raw, ImageSettings(), ComputeSettings(workers=bench.workers))
    scans = list_cases(found.manifest, found.outcomes, raw)
    measurer(folder / "compiling")(scans[0])
    bench.compare("real", lambda engine: measurer(folder / engine), scans)
    sizes = {"raw": raw, "features": folder / "dask" / "features", "crops": folder / "dask" / "crops"}
    shown = ", ".join(f"{name} {_kib(place) / cases:.0f} KiB" for name, place in sizes.items())
    print(f"    on the disk, a case: {shown}", flush=True)


def _kib(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1024


if __name__ == "__main__":
    main()
