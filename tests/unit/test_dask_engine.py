"""The Dask engine gives what the local one gives, and a dead worker, case or scheduler is told as it is."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from gliomics.cohort.permutations import permutation_orders
from gliomics.cohort.splits import deal
from gliomics.compute import (
    AdaptiveWorkers,
    ComputeSettings,
    TlsFiles,
    close_cluster,
    dask_engine,
    is_needed,
    map_cases,
)
from gliomics.compute.dask_cluster import open_cluster
from gliomics.compute.dask_worker import Work, describe_code
from gliomics.errors import ClusterError, ScanError, SettingsError, WorkerLostError
from gliomics.evaluation.cross_validation.out_of_fold import CrossValidation, cross_validate
from gliomics.imaging.manifest import inspect_scans
from gliomics.imaging.settings import ImageSettings
from gliomics.learning.registry import get_recipe
from gliomics.learning.sample import Sample
from gliomics.learning.settings import TuningSettings
from gliomics.lineage.case_store import CaseStore
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.settings import InferenceSettings, MedicalNetSettings, PermutationControlSettings
from gliomics.networks.training.cohort_networks import EmbeddingNetworks, embed_cohort, train_cohort
from network_cases import QUICK, SMALL, write_cohort
from worker_functions import (
    DeadlyPath,
    fail_on_three,
    kill_once,
    process_id,
    scaled,
    slow_at_first,
    square,
    threads,
)

pytest.importorskip("distributed", reason='the extra "dask" is not installed')

LOCAL = ComputeSettings(workers=1)
DASK = ComputeSettings(engine="dask", workers=2, in_flight=8, lost_after=1)
NEEDED = is_needed("item {}".format)
PROJECT = Path(__file__).resolve().parents[2]
SEED = 3


@pytest.fixture(scope="module", autouse=True)
def _closed():
    yield
    close_cluster()


def _tasks_held(most: int) -> int:
    """How many tasks the scheduler holds, once word of released ones has reached it, which takes a while."""
    tasks = open_cluster(DASK).embedded.scheduler.tasks
    deadline = time.monotonic() + 5
    while len(tasks) > most and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(tasks)


def test_results_come_in_the_order_of_the_items_and_the_scheduler_never_holds_many():
    results, most = [], DASK.in_flight + 1  # and what they share
    for result in map_cases(slow_at_first, range(40), DASK, on_lost=NEEDED):
        results.append(result)
        assert _tasks_held(most) <= most
    assert results == list(range(40))


def test_of_large_items_the_scheduler_holds_fewer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask_engine, "MOST_BYTES", 1000)
    monkeypatch.setattr(dask_engine, "TASKS_A_WORKER", 1)
    items, most = [bytes([number]) * 600 for number in range(12)], 2 + 1  # one a worker, and what they share
    for length in map_cases(len, items, DASK, on_lost=NEEDED):
        assert length == 600
        assert _tasks_held(most) <= most


def test_nothing_to_do_needs_no_cluster():
    nowhere = ComputeSettings(engine="dask", scheduler="tcp://127.0.0.1:1", wait_s=0.1)
    assert list(map_cases(square, [], nowhere, on_lost=NEEDED)) == []


def test_one_cluster_serves_a_run_with_processes_of_one_thread():
    cluster = open_cluster(DASK)
    ids = set(map_cases(process_id, range(20), DASK, on_lost=NEEDED))
    assert os.getpid() not in ids
    assert len(ids) <= 2
    assert open_cluster(DASK) is cluster
    assert {count for one in map_cases(threads, range(2), DASK, on_lost=NEEDED) for count in one} == {1}


def test_a_result_that_went_with_its_worker_is_waited_for_again(monkeypatch: pytest.MonkeyPatch):
    next_batch, lost = dask_engine._Flight._next_batch, []

    def lose_one(flight):
        batch = next_batch(flight)
        if batch and not lost:
            lost.append(batch[0])
            state, loop = batch[0]._state, batch[0].client.loop
            kind = state.type
            state.lose()
            loop.add_callback(lambda: loop.call_later(0.3, state.finish, kind))
        return batch

    monkeypatch.setattr(dask_engine._Flight, "_next_batch", lose_one)
    assert list(map_cases(square, range(6), DASK, on_lost=NEEDED)) == [n * n for n in range(6)]
    assert lost


def test_what_all_items_share_goes_once_to_a_worker():
    big = np.random.default_rng(0).random(2_000_000)
    found = list(map_cases(partial(scaled, big=big), range(30), DASK, on_lost=NEEDED))
    assert [value for value, _, _ in found] == big[:30].tolist()
    copies = {(process, copy) for _, process, copy in found}
    assert len(copies) == len({process for process, _ in copies})


def test_an_error_of_an_item_is_raised_as_it_is():
    with pytest.raises(ScanError, match="case 3: a, got b") as caught:
        list(map_cases(fail_on_three, [1, 2, 3, 4], DASK, on_lost=NEEDED))
    assert caught.value.code == "empty_image"
    assert list(map_cases(square, [2], DASK, on_lost=NEEDED)) == [4]


def test_a_killed_worker_costs_nothing_but_time(tmp_path: Path):
    kill = partial(kill_once, marker=tmp_path / "killed")
    assert list(map_cases(kill, range(20), DASK, on_lost=NEEDED)) == list(range(20))
    assert (tmp_path / "killed").exists()


def test_a_case_that_kills_every_worker_is_quarantined_and_the_others_are_as_ever(tmp_path: Path):
    write_cohort(tmp_path, 4)
    deadly = DeadlyPath(tmp_path)
    found = inspect_scans(deadly / "images", deadly, ImageSettings(), DASK)
    outcomes = found.outcomes.set_index("subject_id")
    assert outcomes["code"].to_dict() == {f"CASE-{n}": "killed_worker" if n == 1 else None for n in range(4)}
    assert "CASE-1: no worker process may die" in outcomes.loc["CASE-1", "reason"]
    whole = inspect_scans(tmp_path / "images", tmp_path, ImageSettings(), LOCAL).manifest
    rest = whole[whole["subject_id"] != "CASE-1"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.manifest, rest)


def test_a_lost_fold_ends_the_run_and_is_named(tmp_path: Path):
    deadly = DeadlyPath(tmp_path / "CASE-1_t1.nii.gz")
    with pytest.raises(WorkerLostError, match=r"item .*CASE-1.* got 1 dead worker"):
        list(map_cases(DeadlyPath.read_bytes, [deadly], DASK, on_lost=NEEDED))
    assert list(map_cases(square, [3], DASK, on_lost=NEEDED)) == [9]


def embed(folder: Path, compute: ComputeSettings) -> tuple[dict[str, bytes], bytes]:
    """Cut crops, train a network a fold and encode; all records, and all tables."""
    manifest, ingested = write_cohort(folder / "raw", 8)
    store = CaseStore(folder / "store")
    sampling = SMALL.model_copy(update={"samplings": ("bounding_box",)})
    crops = sample_cohort(manifest, ingested, folder / "raw", store, sampling, compute=compute, seed=SEED)
    subjects = ingested["subject_id"]
    patients = pd.DataFrame({"subject_id": subjects, "benefit": np.arange(8) % 2})
    folds = pd.DataFrame({"subject_id": subjects, "repeat": 0, "fold": np.arange(8) // 2 % 2})
    cnn3d = QUICK.model_copy(update={"permutation_control": PermutationControlSettings(n=0)})
    networks, curves = train_cohort(patients, folds, crops.index, store, cnn3d, compute=compute, seed=SEED)
    assert networks["status"] == "trained"
    both = EmbeddingNetworks(
        cnn3d, MedicalNetSettings(enabled=False, weights="untrained"), InferenceSettings(device="cpu")
    )
    made = embed_cohort(crops.index, networks, folds, store, both, compute=compute, seed=SEED)
    records = {path.name: path.read_bytes() for path in sorted(store.folder.glob("??/*"))}
    return records, (curves.to_csv() + made.embeddings.to_csv() + crops.outcomes.to_csv()).encode()


def test_crops_trained_networks_and_vectors_are_the_same_bytes_as_with_the_local_engine(tmp_path: Path):
    (records, tables), (others, other_tables) = (
        embed(tmp_path / compute.engine, compute) for compute in (LOCAL, DASK)
    )
    assert list(records) == list(others)
    assert records == others
    assert tables == other_tables


def test_scores_are_the_same_bytes_as_with_the_local_engine():
    rng = np.random.default_rng(SEED)
    y = np.arange(24) % 3 // 2
    groups = [np.flatnonzero(y == label) for label in (0, 1)]
    sample = Sample(np.array([f"P{n:02d}" for n in range(24)], object), rng.normal(size=(24, 6)), y)
    folds = {repeat: deal(groups, 4, rng) for repeat in range(3)}
    design = CrossValidation(sample, folds, get_recipe("ranked_logistic"), TuningSettings(), SEED)
    orders = permutation_orders(24, 6, SEED)
    here, there = (cross_validate(design, orders, [0, 1, 2], compute=c) for c in (LOCAL, DASK))
    assert here.to_csv() == there.to_csv()
    assert here["y_score"].to_numpy().tobytes() == there["y_score"].to_numpy().tobytes()


def test_workers_of_this_machine_grow_with_the_work():
    adaptive = DASK.model_copy(update={"adaptive": AdaptiveWorkers(minimum=1, maximum=2)})
    assert list(map_cases(slow_at_first, range(6), adaptive, on_lost=NEEDED)) == list(range(6))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scheduler": "127.0.0.1:8786"}, "scheduler"),
        ({"scheduler": "tls://cluster:8786"}, "tls .* goes with a scheduler"),
        ({"tls": {"ca": "a", "cert": "b", "key": "c"}}, "tls .* goes with a scheduler"),
        ({"scheduler": "tcp://cluster:8786", "adaptive": {"maximum": 3}}, "adaptive is for the embedded"),
        ({"adaptive": {"minimum": 3, "maximum": 2}}, "maximum must be at least minimum"),
        ({"lost_after": 0}, "lost_after"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(wrong: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        ComputeSettings.model_validate({"engine": "dask", **wrong})
    ComputeSettings.model_validate({"engine": "local", "scheduler": "tls://cluster:8786"})


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    other = ComputeSettings(engine="dask", workers=1)
    with pytest.raises(SettingsError, match=r'pip install "gliomics\[dask\]"'):
        list(map_cases(square, [1], other, on_lost=NEEDED))


def test_a_scheduler_that_does_not_answer_is_one_error():
    port = free_port()
    nobody = ComputeSettings(engine="dask", scheduler=f"tcp://127.0.0.1:{port}", wait_s=1)
    with pytest.raises(
        ClusterError, match=f"Dask scheduler tcp://127.0.0.1:{port}: it must answer within 1 s"
    ):
        list(map_cases(square, [1], nobody, on_lost=NEEDED))


class ExternalCluster:
    """A scheduler and workers in processes of their own, behind TLS, as a team would start them."""

    def __init__(self, folder: Path) -> None:
        from distributed import Security

        self.folder, self.processes, self.good = folder, [], None
        keys = Security.temporary()
        contents = {"ca": keys.tls_ca_file, "cert": keys.tls_scheduler_cert, "key": keys.tls_scheduler_key}
        for name, content in contents.items():
            (folder / f"{name}.pem").write_text(content)
        self.address = f"tls://127.0.0.1:{free_port()}"
        self.scheduler = self._start("scheduler", ["--port", self.address.rsplit(":", 1)[1]])

    def worker(self, name: str, threads: int = 1, **place: Path) -> subprocess.Popen:
        return self._start("worker", [self.address, "--nthreads", str(threads), "--name", name], **place)

    def good_worker(self) -> None:
        self.good = self.good or self.worker("good")

    def settings(self, wait_s: float = 60) -> ComputeSettings:
        files = TlsFiles(**{name: self.folder / f"{name}.pem" for name in ("ca", "cert", "key")})
        return ComputeSettings(engine="dask", scheduler=self.address, tls=files, wait_s=wait_s)

    def wait_for(self, workers: int) -> None:
        from distributed import Client, Security

        tls = {"tls_ca_file": "ca", "tls_client_cert": "cert", "tls_client_key": "key"}
        security = Security(**{key: str(self.folder / f"{name}.pem") for key, name in tls.items()})
        with Client(self.address, security=security, timeout=60, set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=60)

    def end(self, *processes: subprocess.Popen) -> None:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=60)
            self.processes.remove(process)

    def _start(self, kind: str, arguments: list[str], cwd: Path = PROJECT, source: Path = PROJECT / "src"):
        tls = {"--tls-ca-file": "ca", "--tls-cert": "cert", "--tls-key": "key"}
        files = [f"{option}={self.folder / name}.pem" for option, name in tls.items()]
        python_path = os.pathsep.join([str(source), str(PROJECT / "tests")])
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    f"distributed.cli.dask_{kind}",
                    *arguments,
                    *files,
                    "--host",
                    "tls://127.0.0.1",
                    "--no-dashboard",
                ],
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": python_path},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory):
    cluster = ExternalCluster(tmp_path_factory.mktemp("external"))
    cluster.wait_for(0)
    yield cluster
    close_cluster()
    cluster.end(*cluster.processes)


def test_a_scheduler_without_workers_is_one_error(external: ExternalCluster):
    with pytest.raises(
        ClusterError, match=r"a worker must come within 3 s \(compute.wait_s\), got 0 workers"
    ):
        list(map_cases(square, [1], external.settings(wait_s=3), on_lost=NEEDED))


def test_workers_that_do_not_fit_the_run_are_named_before_any_work(external: ExternalCluster, tmp_path: Path):
    changed, elsewhere = tmp_path / "src", tmp_path / "elsewhere"
    shutil.copytree(PROJECT / "src", changed, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    with (changed / "gliomics" / "errors.py").open("a") as file:
        file.write("# another version\n")
    elsewhere.mkdir()
    unfit = [
        external.worker("old", source=changed),
        external.worker("lost", cwd=elsewhere),
        external.worker("busy", threads=2),
    ]
    external.good_worker()
    external.wait_for(4)
    with pytest.raises(ClusterError) as caught:
        list(map_cases(square, [1], external.settings(), on_lost=NEEDED))
    reasons = str(caught.value).split(" | ")
    assert len(reasons) == 3
    for reason in (
        "the source of gliomics is",
        f"runs in the folder {elsewhere}, not in {Path.cwd()}",
        "has 2 threads",
    ):
        assert sum(reason in one for one in reasons) == 1
    assert all("tls://127.0.0.1:" in one for one in reasons)
    external.end(*unfit)


def test_a_worker_that_comes_late_and_does_not_fit_ends_the_run():
    work = Work(square, {**describe_code(), "numpy": "1.0"}, str(Path.cwd()))
    with pytest.raises(ClusterError, match=r"numpy is [\d.]+, not 1\.0"):
        work.do(2)


def test_a_cluster_of_others_works_and_its_loss_is_one_error(external: ExternalCluster, tmp_path: Path):
    external.good_worker()
    kill = partial(kill_once, marker=tmp_path / "killed")
    work = map_cases(kill, range(4000), external.settings(wait_s=20), on_lost=NEEDED)
    assert [next(work) for _ in range(10)] == list(range(10))
    assert (tmp_path / "killed").exists()
    external.scheduler.kill()
    with pytest.raises(ClusterError, match="must live until the run has ended, got a lost connection"):
        list(work)


def test_a_missing_key_is_named(external: ExternalCluster):
    files = external.settings().tls.model_copy(update={"key": external.folder / "none.pem"})
    with pytest.raises(SettingsError, match=r"compute\.tls\.key: the file must be there"):
        list(map_cases(square, [1], external.settings().model_copy(update={"tls": files}), on_lost=NEEDED))
